"""Checks raw values against the schema: one line per mistake, with its file, its key and the nearest valid name."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from sim2sky.config.base import Strict, known
from sim2sky.config.simulate import ENGINE_TAG, ENGINES

Model = TypeVar("Model", bound=Strict)


class ConfigError(ValueError):
    """The configuration is wrong; the message says where and what."""


def place(file: str, path: tuple[Any, ...], overrides: Any) -> str:
    """File and dotted key; values that came from an override are blamed on it."""
    for key in path:
        overrides = overrides.get(key) if isinstance(overrides, dict) else None
    if overrides is not None:
        file = f"overrides of {file}"
    return f"{file}: {'.'.join(map(str, path))}" if path else file


def check(model: type[Model], raw: Any, file: str, overrides: Any) -> Model:
    """Check values against a class of the configuration.

    Parameters
    ----------
    model : type of Strict
        The class that says what is valid.
    raw : any
        Values as they were read.
    file : str
        Where they were read, for messages.
    overrides : any
        Those of `raw` that an override set, in the same places.

    Returns
    -------
    Strict
        An instance of `model`.

    Raises
    ------
    ConfigError
        With one line per mistake.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        lines = []
        for mistake in error.errors():
            tagged, text = mistake["loc"], mistake["msg"].removeprefix("Value error, ")
            path = tuple(key for key in tagged if not str(key).startswith(ENGINE_TAG))
            if mistake["type"] == "extra_forbidden":
                text = _unknown(str(path[-1]), _fields_at(model, tagged[:-1]), "key")
            elif mistake["type"] == "union_tag_invalid":
                path = (*path, "engine")
                text = _unknown(mistake["ctx"]["tag"].removeprefix(ENGINE_TAG), ENGINES, "engine")
            elif mistake["type"] == "missing":
                text = "is missing"
            elif not isinstance(mistake["input"], dict):
                text += f" (got {mistake['input']!r})"
            lines.append(f"{place(file, path, overrides)}: {text}")
        raise ConfigError("\n".join(lines)) from None


def _unknown(name: str, names: Any, what: str) -> str:
    """What is wrong with a name that was refused, with the nearest valid one."""
    try:
        known(name, names, what)
    except ValueError as error:
        return str(error)
    return f"{name} does not belong here"


def _fields_at(model: Any, path: tuple[Any, ...]) -> list[str]:
    """Field names of the model that sits at `path` inside `model`."""
    schema = model.model_json_schema()
    node = schema
    for key in path:
        if str(key).startswith(ENGINE_TAG):
            engines = [_resolve(schema, option) for option in node["oneOf"]]
            wanted = str(key).removeprefix(ENGINE_TAG)
            node = next(option for option in engines if option["properties"]["engine"]["const"] == wanted)
            continue
        options = [_resolve(schema, option) for option in node.get("anyOf", [node])]
        node = next((option for option in options if option.get("type") in ("object", "array")), node)
        node = node.get("properties", {}).get(key) or node.get("additionalProperties") or node.get("items") or {}
        node = _resolve(schema, node)
    for option in node.get("anyOf", [node]):
        if fields := _resolve(schema, option).get("properties"):
            return list(fields)
    return []


def _resolve(schema: dict[str, Any], node: Any) -> dict[str, Any]:
    """A part of a JSON schema, or the definition that it refers to."""
    if isinstance(node, dict) and "$ref" in node:
        return schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node if isinstance(node, dict) else {}
