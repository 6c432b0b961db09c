"""Reads YAML files as people mean them: no key is given twice, and what looks like a number, a date or a name is one.

PyYAML keeps the last of two equal keys in silence and follows YAML 1.1, in which ``1e-4`` is text, ``012`` is ten, ``1:30`` is ninety and ``off`` as a
name is false. Here plain values follow the core schema of YAML 1.2, except that digits may be grouped (``50_000``), and keys are text as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from sim2sky.config.check import ConfigError, place

_TAG = "tag:yaml.org,2002:"
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
# kind of a plain value -> what it looks like, and the characters that it may begin with
_PLAIN = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (rf"[-+]?{_DIGITS}|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    "merge": (r"<<", ["<"]),
}


class _Loader(yaml.CSafeLoader):  # ten times as fast as the one in Python
    """PyYAML's safe loader with other plain values."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own attribute

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """As PyYAML, whose own errors about a value that its tag (``!!int x``) does not fit have no place."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError):
            short = node.value if len(node.value) < 40 else f"{node.value[:40]}..."
            text = f"{short} is no {node.tag.removeprefix(_TAG)} that can be read"
            raise yaml.constructor.ConstructorError(None, None, text, node.start_mark) from None


def _whole(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> int:
    return int(node.value, 0) if node.value.startswith(("0o", "0x")) else int(node.value)


def _real(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> float:
    return float(re.sub(r"\.(?=[a-z])", "", node.value.lower()))


for _kind, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"(?:{_pattern})$"), _first)
_Loader.add_constructor(f"{_TAG}int", _whole)
_Loader.add_constructor(f"{_TAG}float", _real)


def read_yaml(path: Path, name: str) -> dict[str, Any]:
    """The mapping in a YAML or JSON file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What messages call it.

    Raises
    ------
    ConfigError
        It cannot be read, is no YAML, is no mapping, or gives keys twice, each of which has a line with its place.
    """
    try:
        loader = _Loader(path.read_bytes())
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"{name}: the file must hold keys and values")
        if twice := [f"{place(name, keys)}: {text}" for keys, text in _given_twice(root, (), set())]:
            raise ConfigError("\n".join(twice))
        return loader.construct_document(root)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{name}: not valid YAML: it is nested too deeply") from None


def _given_twice(node: Any, path: tuple[Any, ...], seen: set[int]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Each key of a node that is given twice, as (its place, what is wrong); what is an alias is looked at once.

    All keys become text on the way. This is done before anything is constructed, because merge keys (``<<``) are expanded in place then, and a key
    beside one that it overrides is no fault.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            if not isinstance(item, yaml.ScalarNode):  # surveys have long lists of numbers
                yield from _given_twice(item, (*path, index), seen)
        return
    lines: dict[str, list[int]] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a name", key.start_mark)
        if key.tag != f"{_TAG}merge":
            key.tag = f"{_TAG}str"
        lines.setdefault(key.value, []).append(key.start_mark.line + 1)
        if not isinstance(value, yaml.ScalarNode):
            yield from _given_twice(value, (*path, key.value), seen)
    for name, where in lines.items():
        if len(where) > 1:
            lines_of = " and ".join(map(str, dict.fromkeys(where)))
            advice = "merge a list, `<<: [*first, *second]`" if name == "<<" else "keep one"
            yield (*path, name), f"is given {len(where)} times, in line {lines_of}; {advice}"


def as_written(value: Any) -> Any:
    """What Snakemake took for text on its command line, as a file would have it: numbers, switches and null inside lists and mappings, too."""
    if isinstance(value, dict):
        return {str(key): as_written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_written(item) for item in value]
    if not isinstance(value, str):
        return value
    loader = _Loader("")
    return loader.construct_object(yaml.ScalarNode(loader.resolve(yaml.ScalarNode, value, (True, False)), value))
