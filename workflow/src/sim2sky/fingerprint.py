"""Content hash of the code that a rule depends on.

Snakemake does not see the modules that a script imports. So each rule carries, among its ``params``, the fingerprint of its script: a
hash over the syntax trees of the script's ``sim2sky`` imports, theirs, and so on. Comments, docstrings and layout do not change it.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
# What these do to a result is in the rule's params and paths already: the checked values themselves.
TRANSPARENT = {
    "sim2sky.config",
    "sim2sky.configure",
    "sim2sky.registry",
    "sim2sky.fingerprint",
    "sim2sky.paths",
    "sim2sky.logs",
}


@cache
def fingerprint(script: str) -> str:
    """Fingerprint of a script's library imports, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for name in sorted(modules(Path(script))):
        digest.update(f"{name} {_tree_hash(name)}\n".encode())
    return digest.hexdigest()[:16]


def modules(script: Path) -> set[str]:
    """Names of all ``sim2sky`` modules that `script` imports, directly or not."""
    found: set[str] = set()
    todo = _imports(ast.parse(script.read_text()), "")
    while todo:
        name = todo.pop()
        if name not in found and name not in TRANSPARENT:
            found.add(name)
            todo |= _imports(_tree(name), name)
    return found


def _file(name: str) -> Path | None:
    path = PACKAGE.parent / name.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _tree(name: str) -> ast.Module:
    tree = ast.parse(_file(name).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return tree


@cache
def _tree_hash(name: str) -> str:
    return hashlib.sha256(ast.dump(_tree(name)).encode()).hexdigest()


def _imports(tree: ast.Module, name: str) -> set[str]:
    """``sim2sky`` modules that a tree imports, with their parent packages."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    found = {item for item in found if item.split(".")[0] == "sim2sky" and item != name and _file(item)}
    return found | {item.rsplit(".", 1)[0] for item in found if "." in item}
