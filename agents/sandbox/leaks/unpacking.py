"""The bytes of a file -> themselves and what they hold packed (gzip, zlib, bzip2, xz, zip, tar, PDF) in each other.

Within a budget of bytes, parts, depth and time; what is over it cannot be checked, and is refused.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

_MAX_BYTES = 64 << 20
_MAX_PARTS = 512
_MAX_DEPTH = 6
_MAX_SECONDS = 20.0
_STREAM = re.compile(rb"stream\r?\n")
_TAR_MAGIC = slice(257, 262)


T = TypeVar("T")


class TooMuchToCheck(Exception):
    """The content unpacks to more than the budget allows."""


@dataclass
class Budget:
    """What may be spent on one content."""

    bytes: int = _MAX_BYTES
    parts: int = _MAX_PARTS
    seconds: float = field(default_factory=lambda: _MAX_SECONDS)
    """Of this thread's processor time, from now on."""
    until: float = field(init=False)

    def __post_init__(self) -> None:
        self.until = time.thread_time() + self.seconds

    def spend(self, content: bytes) -> bytes:
        """The content, if it is within what is left. Raises TooMuchToCheck."""
        self.bytes -= len(content)
        self.parts -= 1
        if self.bytes < 0:
            raise TooMuchToCheck(f"it unpacks to more than {_MAX_BYTES >> 20} MB")
        if self.parts < 0:
            raise TooMuchToCheck(f"it holds more than {_MAX_PARTS} packed parts")
        self.check_time()
        return content

    @property
    def left(self) -> float:
        """Seconds of it; asked in the thread that made it."""
        return self.until - time.thread_time()

    def check_time(self) -> None:
        """Raises TooMuchToCheck where the time is over."""
        if time.thread_time() > self.until:
            raise TooMuchToCheck(f"it takes more than {self.seconds:g} s of processor time")


def within(budget: Budget, each: Iterable[T]) -> Iterator[T]:
    """The same, as long as there is time. Raises TooMuchToCheck."""
    for one in each:
        budget.check_time()
        yield one


def may_be_packed(content: bytes) -> bool:
    """Whether it looks like something that holds more than it shows."""
    begins = (b"\x1f\x8b", b"\x78", b"BZh", b"\xfd7zXZ\0", b"\x5d\0\0", b"PK", b"%PDF-")
    return content.startswith(begins) or content[_TAR_MAGIC] == b"ustar"


def layers(content: bytes, budget: Budget) -> Iterator[bytes]:
    """The content first, then each packed part of it that can be read. Raises TooMuchToCheck."""
    yield content
    yield from _inside(content, budget, _MAX_DEPTH)


def _inside(content: bytes, budget: Budget, depth: int) -> Iterator[bytes]:
    for part in _parts(content, budget):
        if not depth:
            raise TooMuchToCheck(f"it is packed more than {_MAX_DEPTH} times")
        yield budget.spend(part)
        yield from _inside(part, budget, depth - 1)


def _parts(content: bytes, budget: Budget) -> Iterator[bytes]:
    if content[:2] == b"\x1f\x8b" or (content[:1] == b"\x78" and len(content) > 2):
        yield _inflate(content, 47, budget)
    if content[:3] == b"BZh":
        yield _decompress(bz2.BZ2Decompressor, content, budget)
    if content[:6] == b"\xfd7zXZ\0" or content[:3] == b"\x5d\0\0":
        yield _decompress(lzma.LZMADecompressor, content, budget)
    if content[:2] == b"PK":
        yield from _members(content, budget)
    if content[_TAR_MAGIC] == b"ustar":
        yield from _tar_members(content, budget)
    if content[:5] == b"%PDF-":
        whole = memoryview(content)
        for match in _STREAM.finditer(content):
            yield _inflate(whole[match.end() :], 15, budget)


def _inflate(content: bytes | memoryview, window: int, budget: Budget) -> bytes:
    try:
        # One more than allowed, so that what is over it is seen.
        return zlib.decompressobj(window).decompress(content, budget.bytes + 1)
    except zlib.error:
        return b""


def _decompress(
    make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor], content: bytes, budget: Budget
) -> bytes:
    try:
        return make().decompress(content, budget.bytes + 1)
    except MemoryError as exc:
        # Its head may ask for any amount, and who reads it elsewhere may have that.
        raise TooMuchToCheck("it takes too much memory to unpack") from exc
    except (OSError, EOFError, lzma.LZMAError):
        return b""


def _members(content: bytes, budget: Budget) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                yield member.filename.encode("utf-8", "surrogateescape") + b"\n" + member.comment
                with archive.open(member) as part:
                    yield part.read(budget.bytes + 1)
    except (
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
        OSError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
    ):
        return


def _tar_members(content: bytes, budget: Budget) -> Iterator[bytes]:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                yield f"{member.name}\n{member.linkname}".encode("utf-8", "surrogateescape")
                if member.isfile() and (part := archive.extractfile(member)) is not None:
                    # A sparse one is as long as its header says, whatever lies in the archive.
                    yield part.read(budget.bytes + 1)
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return
