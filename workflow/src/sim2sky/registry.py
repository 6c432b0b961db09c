"""Names of what is registered with a decorator, found without importing it.

The Snakefile must know every network and adaptation method to check the configuration, and must not import torch to do so. So the names
are read from the source: in the packages `models`, `adapt` and `report/figures`, every function or class under a decorator called
``register_...`` is registered under its own name. A decorator that is called with a mapping registers each of its keys instead. The
arguments of these decorators are literals.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple


class Option(NamedTuple):
    """What may be set of a registered thing: its type as written, its default, and its values if it is a ``Literal``."""

    type: str
    default: Any
    values: tuple[str, ...]


class Traits(NamedTuple):
    """Traits of a network, which are arguments of the decorator that registers it.

    Parameters
    ----------
    smallest : int
        Smallest side of its images [pixel].
    multiples : bool
        The side must be a multiple of `smallest`.
    dropout : bool
        Each training step draws random numbers.
    """

    smallest: int
    multiples: bool = False
    dropout: bool = False


@cache
def registered(package: str) -> dict[str, dict[str, Option]]:
    """Registered names of ``sim2sky.<package>``, each with the options it takes.

    Returns
    -------
    dict of str to dict of str to Option
        Options are the annotated fields of a class (a dataclass) or the keyword-only arguments of a function.
    """
    nodes = (node for path in _files(package) for node in _registered_nodes(path))
    return {name: dict(_options(node)) for node in nodes for name in _names(node)}


@cache
def traits(package: str) -> dict[str, Traits]:
    """Traits of the networks that are registered in a mapping of name to smallest side."""
    calls = [call for path in _files(package) for node in _registered_nodes(path) for call in _mappings(node)]
    return {
        name: Traits(side, **{str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords})
        for call in calls
        for name, side in ast.literal_eval(call.args[0]).items()
    }


@cache
def inputs(package: str) -> dict[str, tuple[str, ...]]:
    """Kinds of files that each registered function reads: the strings that its decorator is called with."""
    nodes = (node for path in _files(package) for node in _registered_nodes(path))
    return {node.name: tuple(ast.literal_eval(kind) for call in _calls(node) for kind in call.args) for node in nodes}


def registering_modules(folder: Path) -> dict[str, tuple[str, ...]]:
    """Modules in the folder of a package that register anything, each with the names that it registers."""
    names = {
        path.stem: tuple(name for node in _registered_nodes(path) for name in _names(node))
        for path in folder.glob("*.py")
    }
    return {module: registered for module, registered in names.items() if registered}


def _files(package: str) -> list[Path]:
    return sorted((Path(__file__).parent / package).glob("*.py"))


@cache
def _registered_nodes(path: Path) -> list[ast.ClassDef | ast.FunctionDef]:
    text = path.read_text()
    if "@register_" not in text:  # quicker than parsing it
        return []
    return [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and any(map(_registers, node.decorator_list))
    ]


def _registers(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id.startswith("register_")


def _calls(node: ast.ClassDef | ast.FunctionDef) -> list[ast.Call]:
    """The registering decorators that are called with something."""
    return [item for item in node.decorator_list if _registers(item) and isinstance(item, ast.Call)]


def _mappings(node: ast.ClassDef | ast.FunctionDef) -> list[ast.Call]:
    """The registering decorators that are called with a mapping."""
    return [call for call in _calls(node) if call.args and isinstance(call.args[0], ast.Dict)]


def _names(node: ast.ClassDef | ast.FunctionDef) -> list[str]:
    """Names under which a class or a function is registered."""
    calls = _mappings(node)
    return [name for call in calls for name in ast.literal_eval(call.args[0])] if calls else [node.name]


def _options(node: ast.ClassDef | ast.FunctionDef) -> list[tuple[str, Option]]:
    if isinstance(node, ast.FunctionDef):
        found = [
            (item.arg, item.annotation, default)
            for item, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        ]
    else:
        found = [
            (item.target.id, item.annotation, item.value)
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        ]
    return [(name, _option(annotation, default)) for name, annotation, default in found]


def _option(annotation: ast.expr | None, default: ast.expr | None) -> Option:
    kind = ast.unparse(annotation) if annotation else ""
    value = default.value if isinstance(default, ast.Constant) else None
    values = ()
    if isinstance(annotation, ast.Subscript) and kind.startswith("Literal["):
        values = ast.literal_eval(annotation.slice)
    return Option(kind, value, values if isinstance(values, tuple) else (values,))
