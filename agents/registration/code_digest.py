"""An agent's files -> one SHA-256: a changed agent is another agent, even with the same version."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_IMPORT = re.compile(
    r"^\s*(?:from (agents(?:\.\w+)*) import ([\w, ]+|\()|import (agents(?:\.\w+)+))", re.MULTILINE
)
_MAX_FILES = 5000


def digest_of_module(name: str) -> str:
    """Digest over a module of this package and all modules of this package that it imports, directly or not."""
    return _digest({str(file.relative_to(_PACKAGE)): file for file in _closure(name)})


def digest_of_folder(folder: Path) -> str:
    """Digest over all regular files below a folder. Raises ValueError for links or too many files."""
    files: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        if "__pycache__" in file.parts:
            continue
        if file.is_symlink():
            raise ValueError(
                f"agent folder {str(folder)!r} holds a link, {file.name!r}; put the file itself there"
            )
        if file.is_file():
            files[file.relative_to(folder).as_posix()] = file
        if len(files) > _MAX_FILES:
            raise ValueError(f"agent folder {str(folder)!r} holds more than {_MAX_FILES} files")
    return _digest(files)


def _digest(files: dict[str, Path]) -> str:
    total = hashlib.sha256()
    for name in sorted(files):
        content = hashlib.sha256(files[name].read_bytes()).hexdigest()
        total.update(f"{content}  {len(name)}  {name}\n".encode())
    return f"sha256:{total.hexdigest()}"


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
        return [file for file in place.iterdir() if file.is_file()]
    module = place.with_suffix(".py")
    return [module] if module.is_file() else []
