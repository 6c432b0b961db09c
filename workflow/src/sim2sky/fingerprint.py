"""Content hashes of the code that a rule depends on.

Snakemake does not see the modules that a script imports. So each rule carries, among its ``params``, the fingerprint of its script: a
hash of its syntax tree and of those of its ``sim2sky`` imports, theirs, and so on. Comments, docstrings and layout do not change it.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sim2sky.registry import registering_modules

PACKAGE = Path(__file__).parent
# What these do to a result is in the rule's params and paths already: the checked values themselves.
TRANSPARENT = {
    "sim2sky",
    "sim2sky.config",
    "sim2sky.config.load",
    "sim2sky.registry",
    "sim2sky.fingerprint",
    "sim2sky.paths",
    "sim2sky.jobs",
}


@cache
def fingerprint(script: str, **used: frozenset[str]) -> dict[str, str]:
    """Hash of a script and of each library module that it imports, directly or not.

    Parameters
    ----------
    script : str
        Path of the script.
    **used : frozenset of str
        Package of registered things, ``models`` or ``adapt``, and the names in use; modules that register others do
        not count. A new network leaves old results as they are.

    Returns
    -------
    dict of str to str
        Module, or ``scripts/<name>``, to 12 hexadecimal digits.
    """
    code = Code.of(Path(script).read_text())
    hashes = {name: _module_hash(name) for name in sorted(modules(code, used))}
    return {f"scripts/{Path(script).name}": _hash(ast.dump(code.tree).encode())} | hashes


def digest(code: Mapping[str, str]) -> str:
    """One hash for a whole fingerprint."""
    return _hash(json.dumps(code, sort_keys=True).encode())


class Code(NamedTuple):
    """A syntax tree without docstrings, and its nodes, which every dry-run goes through: once is enough."""

    tree: ast.Module
    nodes: list[ast.AST]

    @classmethod
    def of(cls, text: str) -> Code:
        tree = ast.parse(text)
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = node.body[1:] if ast.get_docstring(node, clean=False) else node.body
        return cls(tree, nodes)


def modules(script: Code, used: Mapping[str, frozenset[str]]) -> set[str]:
    """Names of all ``sim2sky`` modules that a script imports; `used` as in :func:`fingerprint`."""
    unused = {
        f"sim2sky.{package}": {
            f"sim2sky.{package}.{module}"
            for module, registered in registering_modules(PACKAGE / package).items()
            if not names & set(registered)
        }
        for package, names in used.items()
    }
    found: set[str] = set()
    todo = _imports(script, "")
    while todo:
        name = todo.pop()
        if name not in found and name not in TRANSPARENT:
            found.add(name)
            todo |= _imports_of(name) - unused.get(name, set())
    return found


def _file(name: str) -> Path | None:
    path = PACKAGE.parent / name.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _code(name: str) -> Code:
    return Code.of(_file(name).read_text())


@cache
def _module_hash(name: str) -> str:
    """Hash of a module, and of the files beside it that it names, such as templates.

    Which submodules a package imports, and its ``__all__``, does not count: a module in use has a hash of its own.
    """
    kept = [ast.dump(node) for node in _code(name).tree.body if not _lists_submodules(node, name)]
    data = "\n".join(kept).encode()
    beside = {path.name: path for path in _file(name).parent.iterdir() if path.suffix not in ("", ".py", ".pyc")}
    for node in _code(name).nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in beside:
            data += beside[node.value].read_bytes()
    return _hash(data)


def _lists_submodules(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == name
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
    )


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


@cache
def _imports_of(name: str) -> set[str]:
    return _imports(_code(name), name)


def _imports(code: Code, name: str) -> set[str]:
    """``sim2sky`` modules that code imports, with their parent packages."""
    found = set()
    for node in code.nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    found = {item for item in found if item.split(".")[0] == "sim2sky" and item != name and _file(item)}
    return found | {item.rsplit(".", 1)[0] for item in found if "." in item} - {name}
