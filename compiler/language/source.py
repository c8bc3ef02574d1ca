"""A workflow file -> its text, read with a bound, never trusted.

What cannot be read as text (missing, too large, not UTF-8, not a regular file) becomes a `fault` of the source,
which the compiler reports like every other mistake.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 4_000_000
"""Largest workflow file that is read; 10,000 nodes need about half of it."""


@dataclass(frozen=True)
class Source:
    """The text of one workflow and the name it is reported under."""

    text: str
    path: str = "<text>"
    fault: str | None = None
    """Why there is no text; None: `text` is the whole file."""


def load(path: str | Path) -> Source:
    """The file's text. Never raises: a file that cannot be read gives a source with a fault."""
    name = str(path)
    try:
        return Source(_decode(_read(Path(path))), name)
    except OSError as exc:
        return Source("", name, fault=f"the file cannot be read: {exc.strerror or type(exc).__name__}")
    except ValueError as exc:
        return Source("", name, fault=str(exc))


def _read(path: Path) -> bytes:
    """At most `MAX_BYTES` of a regular file: a pipe or a device would never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("the path is not a regular file")
    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"the file is larger than {MAX_BYTES:,} bytes")
    return content


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise ValueError(f"the file is not UTF-8: byte 0x{content[exc.start]:02x} in line {line}") from exc
