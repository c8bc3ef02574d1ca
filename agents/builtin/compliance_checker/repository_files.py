"""A repository's snapshot -> its text files, read once, within bounds. Links are not followed; nothing is run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MAX_FILES = 20_000
MAX_FILE_BYTES = 500_000
MAX_BYTES = 200_000_000
_SKIPPED = frozenset({".git", "node_modules", ".venv", "venv", "__pycache__", "site-packages", "vendor", "dist"})
SOURCE = frozenset(
    ".py .pyw .js .jsx .mjs .cjs .ts .tsx .java .kt .go .rb .php .cs .rs .c .cc .cpp .h .scala .swift .sh".split()
)


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """One file."""

    name: str
    """Path within the repository."""
    text: str

    @property
    def suffix(self) -> str:
        """`.py`, `.tf`, …"""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def base(self) -> str:
        """The last part of the name, in lower case."""
        return PurePosixPath(self.name).name.lower()

    @property
    def is_test(self) -> bool:
        """Whether it lies among tests, examples or documents: what is there is not in production."""
        parts = {part.lower() for part in PurePosixPath(self.name).parts}
        return bool(parts & {"test", "tests", "__tests__", "spec", "fixtures", "examples", "docs"}) or (
            self.base.startswith("test_") or ".test." in self.base or ".spec." in self.base
        )

    def lines(self) -> Iterator[tuple[int, str]]:
        """Numbered from 1."""
        return enumerate(self.text.split("\n"), 1)


@dataclass(frozen=True, kw_only=True)
class RepositoryFiles:
    """All of them."""

    files: tuple[TextFile, ...]
    unread: int
    """Files beyond the bounds: what is in them is not assessed."""

    @property
    def source(self) -> tuple[TextFile, ...]:
        """Those with code in them."""
        return tuple(file for file in self.files if file.suffix in SOURCE)

    def named(self, *bases: str) -> tuple[TextFile, ...]:
        """Those whose last part is one of the names."""
        return tuple(file for file in self.files if file.base in bases)


def read_files(folder: Path) -> RepositoryFiles:
    """Read the snapshot."""
    found: list[TextFile] = []
    unread = total = 0
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(place, name)
            if path.is_symlink() or not path.is_file():
                continue
            size = path.stat().st_size
            if size > MAX_FILE_BYTES or len(found) >= MAX_FILES or total + size > MAX_BYTES:
                unread += 1
                continue
            content = path.read_bytes()
            total += size
            if b"\0" not in content:
                name_within = path.relative_to(folder).as_posix()
                found.append(TextFile(name=name_within, text=content.decode("utf-8", "replace")))
    return RepositoryFiles(files=tuple(found), unread=unread)
