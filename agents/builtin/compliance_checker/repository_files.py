"""A repository's snapshot -> its text files, read once, within bounds. Links are not followed; nothing is run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from agents.builtin.scanning.places import place_of
from agents.builtin.scanning.source_files import shown_name

MAX_FILES = 20_000
MAX_FILE_BYTES = 500_000
MAX_BYTES = 200_000_000
LONGEST_LINE = 2000
_FIRST_BYTES = 8000
_SKIPPED = frozenset({".git", "node_modules", ".venv", "venv", "__pycache__", "site-packages", "vendor", "dist"})
_CACHES = frozenset({".tox", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
SOURCE = frozenset(
    ".py .pyw .js .jsx .mjs .cjs .ts .tsx .java .kt .go .rb .php .cs .rs .c .cc .cpp .h .scala .swift .sh .m".split()
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

    @cached_property
    def is_test(self) -> bool:
        """Whether it lies among tests, examples, documents or others' code: what is there is not in production."""
        return place_of(self.name, "") in ("test", "example", "documentation", "vendored")

    def lines(self) -> Iterator[tuple[int, str]]:
        """Numbered from 1; of a very long one its beginning."""
        return ((number, line[:LONGEST_LINE]) for number, line in enumerate(self.text.split("\n"), 1))

    def line(self, number: int) -> str:
        """One of them."""
        return next((line for each, line in self.lines() if each == number), "")


@dataclass(frozen=True, kw_only=True)
class RepositoryFiles:
    """All of them."""

    files: tuple[TextFile, ...]
    unread: tuple[str, ...]
    """Names of files beyond the bounds: what is in them is not assessed."""

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
    unread: list[str] = []
    total = 0
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED | _CACHES)
        for name in sorted(names):
            path = Path(place, name)
            if path.is_symlink() or not path.is_file():
                continue
            size = path.stat().st_size
            if size > MAX_FILE_BYTES or len(found) >= MAX_FILES or total + size > MAX_BYTES:
                if _is_text(path):
                    unread.append(shown_name(path.relative_to(folder).as_posix()))
                continue
            content = path.read_bytes()
            total += size
            if b"\0" not in content:
                name_within = shown_name(path.relative_to(folder).as_posix())
                found.append(TextFile(name=name_within, text=content.decode("utf-8", "replace")))
    return RepositoryFiles(files=tuple(found), unread=tuple(unread))


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" not in file.read(_FIRST_BYTES)
