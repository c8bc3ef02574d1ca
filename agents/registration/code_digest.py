"""An agent's files -> one SHA-256: a changed agent is another agent, even with the same version."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_IMPORT = re.compile(
    r"^\s*(?:from (agents(?:\.\w+)*) import ([\w, ]+|\()|import (agents(?:\.\w+)+))", re.MULTILINE
)


def digest_of_module(name: str) -> str:
    """Digest over a module of this package and all modules of this package that it imports, directly or not."""
    return digest_of_contents({str(file.relative_to(_PACKAGE)): file.read_bytes() for file in _closure(name)})


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


def _closure(name: str) -> set[Path]:
    found: set[Path] = set()
    pending = [name]
    while pending:
        for file in _files(pending.pop()):
            if file in found:
                continue
            found.add(file)
            if file.suffix == ".py":
                pending.extend(_imports(file))
    return found


def _imports(file: Path) -> list[str]:
    names: list[str] = []
    for origin, members, plain in _IMPORT.findall(file.read_text("utf-8")):
        names.append(plain or origin)
        # `from agents.builtin import scanning` names a module; a member that is none is simply not found.
        names.extend(
            f"{origin}.{member.strip()}" for member in members.split(",") if origin and member.strip("( ")
        )
    return names


def _files(name: str) -> list[Path]:
    """A module's file; for a package, everything in it but packages of its own. The bare root holds no code."""
    place = _PACKAGE.joinpath(*name.split(".")[1:])
    if place in (_PACKAGE, _PACKAGE / "builtin"):
        return []
    if place.is_dir():
        return [file for file in place.iterdir() if file.is_file() and not is_byte_code(file.name)]
    module = place.with_suffix(".py")
    return [module] if module.is_file() else []
