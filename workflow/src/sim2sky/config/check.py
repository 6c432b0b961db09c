"""Checks raw values against the schema: one line per mistake, with its file, its key and the nearest valid name."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from sim2sky.config.base import Strict, known
from sim2sky.config.simulate import ENGINE_TAG, ENGINES

Model = TypeVar("Model", bound=Strict)
Mistake = tuple[tuple[Any, ...], str]  # the keys that lead to it, and what is wrong


class ConfigError(ValueError):
    """The configuration is wrong; the message says where and what."""


def place(file: str, path: tuple[Any, ...]) -> str:
    """File and dotted key."""
    return f"{file}: {'.'.join(map(str, path))}" if path else file


def check(model: type[Model], raw: Any) -> tuple[Model | None, list[Mistake]]:
    """Check values against a class of the configuration.

    Parameters
    ----------
    model : type of Strict
        The class that says what is valid.
    raw : any
        Values as they were read.

    Returns
    -------
    checked : Strict or None
        An instance of `model`, unless there are mistakes.
    mistakes : list of (path, str)
        The keys that lead to each, and what is wrong.
    """
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        return None, [_mistake(model, details) for details in error.errors()]


def _mistake(model: type[Strict], details: Any) -> Mistake:
    """One of pydantic's mistakes in the words of the project."""
    tagged, text = details["loc"], details["msg"].removeprefix("Value error, ")
    path = tuple(key for key in tagged if key != "[key]" and not str(key).startswith(ENGINE_TAG))
    if details["type"] == "extra_forbidden":
        return path, unknown(str(path[-1]), _fields_at(model, tagged[:-1]), "key")
    if details["type"] == "union_tag_invalid":
        return (*path, "engine"), unknown(details["ctx"]["tag"].removeprefix(ENGINE_TAG), ENGINES, "engine")
    if details["type"] == "missing":
        return path, "is missing"
    if details["type"] in ("model_type", "dict_type"):
        text = "keys and values are needed"
    if details["type"] == "string_type" and isinstance(details["input"], int | float):
        text = "a number where text is needed; write it in quotes if it is a name"
    return path, text if isinstance(details["input"], dict) else f"{text} (got {details['input']!r})"


def unknown(name: str, names: Any, what: str) -> str:
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
