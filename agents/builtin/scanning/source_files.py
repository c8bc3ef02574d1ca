"""A folder -> the source files in it that can be scanned. Links are never followed."""

from __future__ import annotations

import io
import os
import stat
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PYTHON = frozenset({".py", ".pyw"})
JAVASCRIPT = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"})
SOURCE = PYTHON | JAVASCRIPT
ENGINE_ONLY = frozenset({".java", ".go", ".rb", ".php", ".cs"})
"""Files that only the engine can scan."""
SCANNED = SOURCE | ENGINE_ONLY
_BINARY = frozenset(
    {
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".ico",
        ".webp",
        ".pdf",
        ".zip",
        ".gz",
        ".xz",
        ".bz2",
        ".tar",
        ".jar",
        ".woff",
    }
    | {".woff2", ".ttf", ".otf", ".eot", ".mp3", ".mp4", ".so", ".dll", ".exe", ".class", ".pyc", ".wasm", ".bin"}
)
MAX_FILE_BYTES = 1_000_000
MAX_FILES = 20_000
_SKIPPED_FOLDERS = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        "node_modules",
        ".venv",
        "venv",
        "__pycache__",
        ".tox",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        "bower_components",
        "site-packages",
    }
)


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file, with its path within the repository."""

    name: str
    text: str

    @property
    def suffix(self) -> str:
        """`.py`, `.ts`, …"""
        return PurePosixPath(self.name).suffix.lower()


def source_names(folder: Path) -> Iterator[str]:
    """Names of all source files below the folder, sorted, without third-party folders."""
    for place, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS)
        for file in sorted(files):
            if Path(file).suffix.lower() in SCANNED:
                yield Path(place, file).relative_to(folder).as_posix()


def text_names(folder: Path) -> Iterator[str]:
    """Names of all other files below the folder, sorted: whether they are text shows when they are read."""
    for place, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS)
        for file in sorted(files):
            if Path(file).suffix.lower() not in SCANNED | _BINARY:
                yield Path(place, file).relative_to(folder).as_posix()


def shown_name(name: str) -> str:
    """A name as text: bytes of it that are not UTF-8, which no result can hold, are written out (`\\xff`)."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_source(folder: Path, name: str) -> SourceFile | str:
    """The file; or a sentence saying why it is not scanned."""
    pure = PurePosixPath(name)
    if shown_name(name) != name:
        return f"{shown_name(name)!r} has a name that is not UTF-8"
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in name:
        return f"{name!r} is not a path within the repository"
    path = folder
    for part in pure.parts:
        path = path / part
        if path.is_symlink():
            return f"{name!r} is or lies behind a symbolic link"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        return f"{name!r} cannot be opened: {exc.strerror}"
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return f"{name!r} is not a regular file"
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        return f"{name!r} is larger than {MAX_FILE_BYTES:,} bytes"
    if b"\0" in content:
        return f"{name!r} is not text"
    text = _decoded(content, python=Path(name).suffix.lower() in PYTHON)
    if text is None:
        return f"{name!r} is neither UTF-8 nor of an encoding that it declares"
    return SourceFile(name=name, text=text)


def _decoded(content: bytes, *, python: bool) -> str | None:
    """The text without a byte-order mark, as its language would read it; None where that is not possible."""
    if not python:
        return content.decode("utf-8-sig", "replace")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
