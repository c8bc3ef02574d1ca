"""The bytes of a file -> themselves and what they hold compressed (gzip, zlib, zip, PDF), within bounds."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

_MAX_BYTES = 64 << 20
_MAX_PARTS = 256
_STREAM = re.compile(rb"stream\r?\n")


def layers(content: bytes) -> Iterator[bytes]:
    """The content first, then each compressed part of it that can be read."""
    yield content
    if content[:2] == b"\x1f\x8b" or (content[:1] == b"\x78" and len(content) > 2):
        yield _inflate(content, 47)
    if content[:2] == b"PK":
        yield from _members(content)
    if content[:5] == b"%PDF-":
        for number, match in enumerate(_STREAM.finditer(content)):
            if number == _MAX_PARTS:
                return
            yield _inflate(content[match.end() :], 15)


def _inflate(content: bytes, window: int) -> bytes:
    try:
        return zlib.decompressobj(window).decompress(content, _MAX_BYTES)
    except zlib.error:
        return b""


def _members(content: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist()[:_MAX_PARTS]:
                yield member.filename.encode("utf-8", "surrogateescape")
                with archive.open(member) as part:
                    yield part.read(_MAX_BYTES)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, zlib.error, EOFError):
        return
