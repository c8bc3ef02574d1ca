"""An agent's files -> one SHA-256: a changed agent is another agent, even with the same version."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

from agents.distributions import DISTRIBUTIONS, ENGINES
from reliability.syntax_tree import syntax_tree

_PACKAGE = Path(__file__).parents[1]
_FILES = 4_096


def digest_of_module(name: str) -> str:
    """Digest over a module of this package and all modules of this package that it imports, directly or not.

    Data files beside them are part of it, and the versions of the packages and engines that they call.
    """
    files = {str(file.relative_to(_PACKAGE)): file.read_bytes() for file in _closure(name)}
    return digest_of_contents({**files, "environment": _environment()})


def digest_of_contents(files: Mapping[str, bytes]) -> str:
    """Digest over files by their names, relative to the agent's folder."""
    total = hashlib.sha256()
    for name in sorted(files):
        content = hashlib.sha256(files[name]).hexdigest()
        total.update(f"{content}  {len(name)}  {name}\n".encode())
    return f"sha256:{total.hexdigest()}"


def is_byte_code(name: str) -> bool:
    """Whether Python may take that file instead of a source file: it is no part of an agent's code."""
    return "__pycache__" in name.split("/") or name.endswith((".pyc", ".pyo"))


@cache
def _environment() -> bytes:
    """The versions of the other distributions, as this process has loaded or would load them."""
    return "".join(f"{name}=={_version(name)}\n" for name in (*DISTRIBUTIONS, *ENGINES)).encode()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _closure(name: str) -> set[Path]:
    found: set[Path] = set()
    named, pending = {name}, [name]
    while pending:
        for file in _files(pending.pop()):
            if file in found:
                continue
            found.add(file)
            if file.suffix == ".py":
                state = file.stat()
                # Most modules are named by many others: each is looked for once.
                new = set(_imports(file, state.st_mtime_ns, state.st_size)) - named
                named |= new
                pending.extend(new)
    return found


@lru_cache(maxsize=_FILES)
def _imports(file: Path, _changed: int, _size: int) -> tuple[str, ...]:
    """Names of modules of this package that the file may import; parsed again when the file has changed."""
    package = [_PACKAGE.name, *file.relative_to(_PACKAGE).parent.parts]
    named = {each for each in _named(syntax_tree(file.read_bytes()), package) if each.startswith("agents.")}
    # With a module, Python runs the packages that it stands in; those of the platform are no part of an agent.
    above = {each for name in named for each in accumulate(name.split("."), "{0}.{1}".format)}
    return tuple(named | {each for each in above if each.startswith("agents.builtin.")})


def _named(tree: ast.AST, package: list[str]) -> Iterator[str]:
    for each in ast.walk(tree):
        if isinstance(each, ast.Import):
            yield from (name.name for name in each.names)
        elif isinstance(each, ast.ImportFrom):
            above = package[: len(package) - each.level + 1] if each.level else []
            origin = ".".join([*above, *([each.module] if each.module else [])])
            yield origin
            # `from agents.builtin import scanning` names a module; a member that is none is simply not found.
            yield from (f"{origin}.{name.name}" for name in each.names)


def _files(name: str) -> Iterator[Path]:
    """A module's file; for a package, everything in it but packages of its own. The bare root holds no code."""
    place = _PACKAGE.joinpath(*name.split(".")[1:])
    if place in (_PACKAGE, _PACKAGE / "builtin"):
        return
    if place.is_dir():
        yield from _contents(place)
        return
    module = place.with_suffix(".py")
    if module.is_file():
        yield module


def _contents(folder: Path) -> Iterator[Path]:
    for each in folder.iterdir():
        if each.is_dir() and each.name != "__pycache__" and not (each / "__init__.py").exists():
            yield from _contents(each)
        elif each.is_file() and not is_byte_code(each.name):
            yield each
