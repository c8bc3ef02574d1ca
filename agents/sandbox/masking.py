"""What leaves the jail + the run's secrets -> the same with every secret blotted out, or the name of what leaked.

It works on whole lines and whole files, put together from whatever pieces arrived, so a secret that is cut by a
chunk's border is one secret again. It finds the usual encodings (see `encodings.py`), not ciphers: an agent that
means to smuggle a secret out to somebody who reads its output can always invent one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from agents.sandbox import encodings, unpacking

MIN_SECRET = 4
"""Shorter ones would blot out half of every text; they are refused before the run."""
_MIN_PIECE = 8


class Masker:
    """Knows the secrets of one run."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._known = [_Known(name, value) for name, value in secrets.items() if len(value) >= MIN_SECRET]

    def mask(self, text: str) -> str:
        """The text without secrets: each is replaced by `[secret NAME]`."""
        if not self._known:
            return text
        raw = text.encode("utf-8", "surrogateescape")
        for known in self._known:
            raw = known.mask(raw)
        return raw.decode("utf-8", "replace")

    def leaked(self, content: bytes) -> str | None:
        """Name of a secret that `content` holds, also in what it holds compressed; None: none."""
        if not self._known:
            return None
        for layer in unpacking.layers(content):
            for known in self._known:
                if known.pattern.search(layer):
                    return known.name
        return None


class _Known:
    """One secret, ready to be looked for."""

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._mark = b"[secret %s]" % name.encode()
        lines = {line.strip() for line in value.splitlines()} | {value, value.strip()}
        wanted = sorted(
            (line for line in lines if len(line) >= min(len(value), MIN_SECRET)), key=len, reverse=True
        )
        texts = sorted({text for line in wanted for text in encodings.texts(line)}, key=len, reverse=True)
        ways = [encodings.pattern(line) for line in wanted] + [encodings.wrapped(text) for text in texts]
        self.pattern = re.compile(b"|".join(ways))
        self._whole = [*(line.encode() for line in wanted), *texts]

    def mask(self, raw: bytes) -> bytes:
        masked = self.pattern.sub(lambda _: self._mark, raw)
        if b"\n" in masked:
            return b"\n".join(self._mask_pieces(line) for line in masked.split(b"\n"))
        return self._mask_pieces(masked)

    def _mask_pieces(self, line: bytes) -> bytes:
        """A line that is, begins with or ends with a piece of a secret, which goes on in the next line."""
        bare = line.strip()
        if len(bare) < _MIN_PIECE:
            return line
        for text in self._whole:
            if bare in text:
                return self._mark
            line = self._mask_ends(line, text)
        return line

    def _mask_ends(self, line: bytes, text: bytes) -> bytes:
        start = line.rfind(text[:_MIN_PIECE])
        if start >= 0 and text.startswith(line[start:].rstrip()):
            line = line[:start] + self._mark
        end = line.find(text[-_MIN_PIECE:])
        if end >= 0 and text.endswith(line[: end + _MIN_PIECE].lstrip()):
            line = self._mark + line[end + _MIN_PIECE :]
        return line
