"""Names of what is registered with a decorator, found without importing it.

The Snakefile must know every network and adaptation method to check the configuration, and must not import torch to do so. So the names
are read from the source: in the packages `models` and `adapt`, every function or class under a decorator called ``register_...`` is
registered under its own name. A decorator that is called with a mapping registers each of its keys instead; it is written out in place.
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
    """What is said of a network where it is registered, by arguments of the decorator.

    Parameters
    ----------
    smallest : int
        Least side of its images, in pixels.
    multiples : bool
        Sides must be multiples of it.
    dropout : bool
        Training draws random numbers at each step.
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
    """Traits of those that are registered in a mapping of name to smallest side."""
    calls = [call for path in _files(package) for node in _registered_nodes(path) for call in _mappings(node)]
    return {
        name: Traits(side, **{str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords})
        for call in calls
        for name, side in ast.literal_eval(call.args[0]).items()
    }


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
    return [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and any(map(_registers, node.decorator_list))
    ]


def _registers(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id.startswith("register_")


def _mappings(node: ast.ClassDef | ast.FunctionDef) -> list[ast.Call]:
    """The registering decorators that are called with a mapping."""
    return [item for item in node.decorator_list if _registers(item) and isinstance(item, ast.Call)]


def _names(node: ast.ClassDef | ast.FunctionDef) -> list[str]:
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
