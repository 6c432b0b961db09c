"""Names of what is registered with a decorator, found without importing it.

The Snakefile must know every network and adaptation method to check the configuration, and must not import torch to do so. So the names
are read from the source: in the packages `models` and `adapt`, every function or class under a decorator called ``register_...`` is
registered under its own name.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def registered(package: str) -> dict[str, tuple[str, ...]]:
    """Registered names of ``sim2sky.<package>``, each with the options it takes.

    Returns
    -------
    dict of str to tuple of str
        Options are the annotated fields of a class (a dataclass) or the keyword-only arguments of a function.
    """
    folder = Path(__file__).parent / package
    return {
        node.name: tuple(_options(node)) for path in sorted(folder.glob("*.py")) for node in _registered_nodes(path)
    }


def registering_modules(folder: Path) -> dict[str, tuple[str, ...]]:
    """Modules in the folder of a package that register anything, each with the names that it registers."""
    names = {path.stem: tuple(node.name for node in _registered_nodes(path)) for path in folder.glob("*.py")}
    return {module: registered for module, registered in names.items() if registered}


@cache
def _registered_nodes(path: Path) -> list[ast.ClassDef | ast.FunctionDef]:
    return [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and any(map(_registers, node.decorator_list))
    ]


def _registers(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id.startswith("register_")


def _options(node: ast.ClassDef | ast.FunctionDef) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [argument.arg for argument in node.args.kwonlyargs]
    return [
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]
