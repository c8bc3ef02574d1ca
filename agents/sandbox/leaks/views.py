"""A text -> itself and how it reads with its escapes undone, each byte with the place it came from.

Escapes may be mixed and nested (JSON in a URL in JSON), so each way of undoing them is applied to what the others
gave, a few rounds deep.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ROUNDS = 3
_MAX_VIEWS = 24
_NAMED = {b"b": 8, b"t": 9, b"n": 10, b"f": 12, b"r": 13, b"v": 11, b"a": 7, b"0": 0}
_URL = re.compile(rb"%u([0-9A-Fa-f]{4})|%([0-9A-Fa-f]{2})")
_FORM = re.compile(rb"%([0-9A-Fa-f]{2})|\+")
_MAIL = re.compile(rb"=([0-9A-Fa-f]{2})|=\r?\n")
_MARKUP = re.compile(rb"&(#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
_QUOTES = re.compile(rb"""'(?:\\''|"'"')|["']{2}""")
_BACKSLASH = re.compile(
    rb"\\(?:u([dD][89aAbB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})"
    rb"|u\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|([0-3]?[0-7]{1,2})|([\s\S]))"
)
# A run of backslashes is looked at once, from its first one: else many of them take quadratic time.
_BLANKS = re.compile(rb"[\s\0]+|(?<!\\)\\+[nrt]")
_BLANK = b" \t\n\r\f\v\0"
_LOWER = bytes(range(256)).lower()
_ESCAPED_BLANKS = re.compile(rb"(?<!\\)\\+[nrt]")
_ESCAPED_HEX = re.compile(rb"(?<!\\)\\+x")
_SEPARATORS = re.compile(rb"0[xX]|(?<!\\)\\+x|[\s\0:,;-]+")

Undo = Callable[[re.Match[bytes]], bytes]


@dataclass(frozen=True)
class View:
    """A text as it reads, and where each byte stands in the original (one place more, for the end)."""

    data: bytes
    places: tuple[int, ...] | range | None
    """None: not computed yet."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where data[start:end] stands in the original."""
        assert self.places is not None
        return self.places[start], max(self.places[end], self.places[end - 1] + 1)


def views(text: bytes, *, placed: bool) -> Iterator[View]:
    """The text first, then what it reads as. `placed`: with the places."""
    whole = View(text, range(len(text) + 1) if placed else None)
    seen, front, count = {text}, [whole], 1
    yield whole
    for _ in range(_ROUNDS):
        reached: list[View] = []
        for view in front:
            for pattern, undo in _WAYS:
                read = _apply(view, pattern, undo)
                if read is None or read.data in seen or count >= _MAX_VIEWS:
                    continue
                seen.add(read.data)
                reached.append(read)
                count += 1
                yield read
        front = reached
        if not front:
            break


def joined(view: View) -> View:
    """Without white space, also where it is escaped: for encodings that are folded over lines."""
    if view.places is None:
        data = _ESCAPED_BLANKS.sub(b"", view.data) if b"\\" in view.data else view.data
        return View(without_blanks(data), None)
    return _apply(view, _BLANKS, _nothing) or view


def digits(view: View) -> View:
    """In lower case, without what separates hexadecimal digits."""
    if view.places is None:
        data = _ESCAPED_HEX.sub(b"", view.data) if b"\\x" in view.data else view.data
        return View(without_separators(data), None)
    bare = _apply(view, _SEPARATORS, _nothing) or view
    return View(bare.data.lower(), bare.places)


def without_blanks(data: bytes) -> bytes:
    """The data without white space: quick for any size."""
    return data.translate(None, _BLANK)


def without_separators(data: bytes) -> bytes:
    """The data in lower case, without what separates hexadecimal digits: quick for any size."""
    return data.replace(b"0x", b"").replace(b"0X", b"").translate(_LOWER, _BLANK + b":,;-")


def _apply(view: View, pattern: re.Pattern[bytes], undo: Undo) -> View | None:
    """None: the pattern does not occur."""
    if pattern.search(view.data) is None:
        return None
    if view.places is None:
        return View(pattern.sub(undo, view.data), None)
    parts: list[bytes] = []
    places: list[int] = []
    done = 0
    for match in pattern.finditer(view.data):
        start, end = match.span()
        read = undo(match)
        parts += [view.data[done:start], read]
        places += view.places[done:start]
        places += [view.places[start]] * len(read)
        done = end
    parts.append(view.data[done:])
    places += view.places[done:]
    return View(b"".join(parts), tuple(places))


def _character(number: int) -> bytes:
    return chr(number).encode("utf-8", "replace") if number < 0x110000 else b"?"


def _nothing(match: re.Match[bytes]) -> bytes:
    return b""


def _url(match: re.Match[bytes]) -> bytes:
    return _character(int(match[1], 16)) if match[1] else bytes([int(match[2], 16)])


def _form(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)]) if match[1] else b" "


def _mail(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)]) if match[1] else b""


def _markup(match: re.Match[bytes]) -> bytes:
    return html.unescape(match[0].decode()).encode("utf-8", "replace")


def _quotes(match: re.Match[bytes]) -> bytes:
    return b"'" if match[0][:1] == b"'" and len(match[0]) > 2 else b""


def _backslash(match: re.Match[bytes]) -> bytes:
    high, low, four, eight, braced, two, octal, other = match.groups()
    if high:
        return _character(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))
    for number in (four, eight, braced):
        if number:
            return _character(int(number, 16))
    if two:
        return bytes([int(two, 16)])
    if octal:
        return bytes([int(octal, 8)])
    return bytes([_NAMED[other]]) if other in _NAMED else other


_WAYS: tuple[tuple[re.Pattern[bytes], Undo], ...] = (
    (_BACKSLASH, _backslash),
    (_URL, _url),
    (_FORM, _form),
    (_MARKUP, _markup),
    (_MAIL, _mail),
    (_QUOTES, _quotes),
)
