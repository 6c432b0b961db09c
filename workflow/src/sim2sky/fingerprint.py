"""Content hashes of the code that a rule depends on.

Snakemake does not see the modules that a script imports. So each rule carries, among its ``params``, the fingerprint of its script: a
hash of its syntax tree and of those of the ``sim2sky`` modules that it imports, that these import, and so on. Comments, docstrings,
layout and the text of exceptions do not change it.

The configuration counts by its values, which are in ``params`` as well, and not by the modules that check them. What else a job takes from
:mod:`sim2sky.config`, such as ``Split.bounds`` or ``merge``, counts definition by definition.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sim2sky.registry import registering_modules

PACKAGE = Path(__file__).parent
CONFIG = "sim2sky.config"
# What these do to a result is in the rule's params and paths already.
TRANSPARENT = {"sim2sky", "sim2sky.registry", "sim2sky.fingerprint", "sim2sky.paths", "sim2sky.jobs"}


@cache
def fingerprint(script: str, **used: frozenset[str]) -> dict[str, str]:
    """Hash of a script and of everything in the library that it uses, directly or not.

    Parameters
    ----------
    script : str
        Path of the script.
    **used : frozenset of str
        For a package of registered things (``models``, ``adapt`` or ``simulate``), the names in use; modules that
        register only others do not count. A new network leaves old results as they are.

    Returns
    -------
    dict of str to str
        ``scripts/<name>``, modules, and definitions of the configuration as ``sim2sky.config:<name>``, each with 12
        hexadecimal digits.
    """
    unused = {
        f"sim2sky.{package}": {
            f"sim2sky.{package}.{module}"
            for module, registered in registering_modules(PACKAGE / package).items()
            if not names & set(registered)
        }
        for package, names in used.items()
    }
    found = {f"scripts/{Path(script).name}": Code.of(_statements(Path(script)))}
    todo, named, reached = list(found), set[str](), set[str]()
    while todo:
        name = todo.pop()
        named |= found[name].names | {f".{attribute}" for attribute in found[name].attributes}
        reached |= _reached(found[name])
        wanted = _modules(found[name], name) - unused.get(name, set()) | _counted(reached, named)
        for fresh in wanted - found.keys():
            found[fresh] = _definition(fresh) if ":" in fresh else _module(fresh)
            todo.append(fresh)
    return {name: found[name].digest for name in sorted(found)}


def digest(code: Mapping[str, str]) -> str:
    """One hash for a whole fingerprint."""
    return _hash(json.dumps(code, sort_keys=True))


class Code(NamedTuple):
    """What a fingerprint needs to know of some statements; the tree itself is not kept, for it is large.

    Attributes
    ----------
    digest : str
        Hash of the syntax tree without docstrings and without the arguments and causes of exceptions that are raised.
    imports : frozenset of str
        Everything imported from ``sim2sky``, as dotted names.
    names, attributes : frozenset of str
        Variables and attributes that occur.
    texts : frozenset of str
        Constants that are text.
    """

    digest: str
    imports: frozenset[str]
    names: frozenset[str]
    attributes: frozenset[str]
    texts: frozenset[str]

    @classmethod
    def of(cls, statements: Iterable[ast.AST]) -> Code:
        """Read statements in one pass, which strips their tree on the way."""
        imports, names, attributes, texts = (set[str]() for _ in range(4))
        parts, todo = [], list(statements)[::-1]
        while todo:
            node = todo.pop()
            if isinstance(node, ast.stmt):
                imports.update(_imported(node))
                _strip(node)
            elif isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                attributes.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            parts.append(type(node).__name__)
            for field in node._fields:
                value = getattr(node, field, None)
                if value is None or value == [] or field == "ctx":
                    continue  # so that a field that a later Python adds changes nothing; the context follows from the rest
                parts.append(field)
                for place, item in enumerate(value if isinstance(value, list) else (value,)):
                    if isinstance(item, ast.AST):
                        todo.append(item)
                    else:
                        parts.append(f"{place} {item!r}")  # the place of a missing default, or of what `**` unpacks
                if isinstance(value, list):
                    parts.append(str(len(value)))
        return cls(_hash("\n".join(parts)), *map(frozenset, (imports, names, attributes, texts)))


def _statements(path: Path) -> list[ast.stmt]:
    """The statements of a file after its docstring."""
    tree = ast.parse(path.read_text())
    return tree.body[1:] if ast.get_docstring(tree, clean=False) else tree.body


def _strip(node: ast.stmt) -> None:
    """Take away what is written for people: a docstring, and what an exception says."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        if ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    elif isinstance(node, ast.Raise):
        node.cause = None
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []


def _imported(node: ast.stmt) -> list[str]:
    """Dotted names of what a statement imports from the library."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom):
        names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == "sim2sky"]


# ---- modules


def _modules(code: Code, name: str) -> set[str]:
    """Modules that count and that the code called `name` imports, with their parent packages."""
    found = {item for item in code.imports if _is_module(item)}
    found |= {item.rsplit(".", 1)[0] for item in found if "." in item}
    return {item for item in found - TRANSPARENT - {name} if not f"{item}.".startswith(f"{CONFIG}.")}


@cache
def _is_module(name: str) -> bool:
    return _file(name).is_file()


def _file(name: str) -> Path:
    """Where a module or package is, if that is what has this dotted name."""
    path = PACKAGE.parent / name.replace(".", "/")
    module = path.with_suffix(".py")
    return module if module.is_file() else path / "__init__.py"


@cache
def _module(name: str) -> Code:
    """A module; its hash is also of the files beside it that it names, such as templates.

    Which submodules a package imports, and its ``__all__``, does not count: a module in use has a hash of its own.
    """
    path = _file(name)
    body = _statements(path)
    code = Code.of(node for node in body if not _lists_submodules(node, name))
    listed = Code.of(node for node in body if _lists_submodules(node, name))
    contents = [_hash(file.read_bytes()) for file in _beside(path.parent) if file.name in code.texts]
    return code._replace(digest=_hash("".join([code.digest, *contents])), imports=code.imports | listed.imports)


@cache
def _beside(folder: Path) -> list[Path]:
    """Files of a folder that are not code."""
    return sorted(path for path in folder.iterdir() if path.suffix not in ("", ".py", ".pyc"))


def _lists_submodules(node: ast.stmt, name: str) -> bool:
    """Whether a statement of the package called `name` imports from the package itself or sets its ``__all__``."""
    if isinstance(node, ast.ImportFrom):
        return node.module == name
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
    )


# ---- definitions of the configuration


class _Defined(NamedTuple):
    """What stands at the top of a module of the configuration, and what that module imports, by the names it has there."""

    node: ast.stmt
    imports: dict[str, set[str]]


@cache
def _configuration() -> dict[str, _Defined]:
    """Classes, functions and constants by name; names are unique in all of the configuration."""
    found = {}
    for path in sorted((PACKAGE / "config").glob("*.py")):
        body = _statements(path)
        imports = {
            alias.asname or alias.name: {node.module, f"{node.module}.{alias.name}"}
            for node in body
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        for node in body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            for name in [node.name] if isinstance(node, ast.ClassDef | ast.FunctionDef) else names:
                found[name] = _Defined(node, imports)
    return found


def _reached(code: Code) -> set[str]:
    """Names of the configuration that code imports, and all classes that objects of these hold or derive from."""
    found, todo = set(), {name.rsplit(".", 1)[1] for name in code.imports if name.startswith(f"{CONFIG}.")}
    while todo:
        name = todo.pop()
        if name in _configuration() and name not in found:
            found.add(name)
            todo |= _held(name)
    return found


@cache
def _held(name: str) -> set[str]:
    """Classes and aliases that a class derives from or has fields of, and that an alias stands for."""
    node = _configuration()[name].node
    if isinstance(node, ast.FunctionDef) or name.isupper():
        return set()
    parts: list[ast.AST] = [node]
    if isinstance(node, ast.ClassDef):
        parts = [*node.bases, *(item.annotation for item in node.body if isinstance(item, ast.AnnAssign))]
    functions = {other for other, defined in _configuration().items() if isinstance(defined.node, ast.FunctionDef)}
    names = {part.id for tree in parts for part in ast.walk(tree) if isinstance(part, ast.Name)}
    return names & _configuration().keys() - functions


def _counted(reached: set[str], named: set[str]) -> set[str]:
    """Of what is reached: functions and methods that give a value, and constants, as far as code names them."""
    return {entry for name in reached for entry, called in _members(name).items() if called in named}


@cache
def _members(name: str) -> dict[str, str]:
    """What may count of a definition, with the name by which code calls it: constants are those in capitals."""
    node = _configuration()[name].node
    if isinstance(node, ast.ClassDef):
        methods = [method for method, function in _methods(node).items() if _gives_a_value(function)]
        return {f"{CONFIG}:{name}.{method}": f".{method}" for method in methods}
    counts = _gives_a_value(node) if isinstance(node, ast.FunctionDef) else name.isupper()
    return {f"{CONFIG}:{name}": name} if counts else {}


def _methods(node: ast.stmt) -> dict[str, ast.FunctionDef]:
    """Methods of a class by name; anything else has none."""
    body = node.body if isinstance(node, ast.ClassDef) else []
    return {item.name: item for item in body if isinstance(item, ast.FunctionDef)}


def _gives_a_value(function: ast.FunctionDef) -> bool:
    """Whether a function returns or yields something and is not a validator, which only checks."""
    if any("_validator" in ast.dump(decorator) for decorator in function.decorator_list):
        return False
    gives = ast.Return | ast.Yield | ast.YieldFrom
    return any(isinstance(node, gives) and node.value for node in ast.walk(function))


@cache
def _definition(entry: str) -> Code:
    """A function, a constant or a method, with what it takes from elsewhere in the library as its imports."""
    name, _, method = entry.removeprefix(f"{CONFIG}:").partition(".")
    node, imports = _configuration()[name]
    code = Code.of([_methods(node)[method] if method else node])
    used = {item for called in code.names & imports.keys() for item in imports[called]}
    used |= {f"{CONFIG}.{called}" for called in code.names & _configuration().keys()}
    return code._replace(imports=frozenset(item for item in used if item.split(".")[0] == "sim2sky"))


def _hash(data: str | bytes) -> str:
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()[:12]
