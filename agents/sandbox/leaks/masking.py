"""What leaves the jail + the run's secrets -> the same with every secret blotted out, or the name of what leaked.

It works on whole lines and whole files, put together from the pieces that arrived, so a secret that is cut by a
chunk's border is one secret again. It finds the usual encodings, not ciphers: an agent that means to smuggle a
secret out to a reader of its output can always invent one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agents.sandbox.leaks import encodings, unpacking
from agents.sandbox.leaks.needles import Needles
from agents.sandbox.leaks.unpacking import Budget, within
from agents.sandbox.leaks.views import View, digits, joined, views, without_blanks, without_separators

MIN_SECRET = 4
"""Shorter ones would blot out half of every text; they are refused before the run."""
_MIN_PIECE = 8
_PIECE, _SHARED = 1 << 20, 1 << 16
_EXACT = 1 << 18
"""Bytes of a text, times the ways in which it reads: where more holds a secret, all of it is blotted out, as finding
the place takes a multiple of finding the secret."""
_MOST_PER_BYTE = 24
"""Bytes that one of a secret takes at most where it is escaped, by all that is reasonable."""


class Masker:
    """Knows the secrets of one run."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._known = [_Known(name, value) for name, value in secrets.items() if len(value) >= MIN_SECRET]
        self._texts = Needles((each.name, text) for each in self._known for text in each.texts)
        self._hex = Needles((each.name, text) for each in self._known for text in each.hexadecimal)
        longest = max((len(text) for each in self._known for text in each.texts), default=0)
        self._shared = max(_SHARED, longest * _MOST_PER_BYTE)

    @property
    def idle(self) -> bool:
        """Whether there is no secret to look for."""
        return not self._known

    def mask(self, text: str, budget: Budget | None = None) -> str:
        """The text without secrets: each is replaced by `[secret NAME]`. Raises TooMuchToCheck."""
        if not self._known:
            return text
        budget = budget or Budget()
        raw = text.encode("utf-8", "surrogateescape")
        read = list(views(raw, placed=False))
        name = next((found for view in within(budget, read) if (found := self._found_in(view)) is not None), None)
        if name is None and not any(
            known.has_pieces(raw, raw.split(b"\n")) for known in within(budget, self._known)
        ):
            return raw.decode("utf-8", "replace")
        if name is not None and len(raw) * len(read) > _EXACT:
            return f"[secret {name}]"
        spans: list[_Span] = []
        for view in views(raw, placed=True):
            shapes = (view, joined(view), digits(view))
            for known in within(budget, self._known):
                spans += within(budget, known.spans(*shapes))
        start = 0
        for line in raw.split(b"\n"):
            for known in within(budget, self._known):
                spans += [(start + first, start + last, mark) for first, last, mark in known.pieces(line)]
            start += len(line) + 1
        return _blot(raw, spans).decode("utf-8", "replace")

    def may_hold(self, lines: list[bytes], budget: Budget | None = None) -> bool:
        """Whether any of the lines could need masking: one look at all of them is far quicker than one at each.

        Raises TooMuchToCheck.
        """
        if not self._known:
            return False
        budget = budget or Budget()
        block = b"\n".join(lines)
        if any(self._found_in(view) is not None for view in within(budget, views(block, placed=False))):
            return True
        return any(known.has_pieces(block, lines) for known in within(budget, self._known))

    def leaked_in_parts(self, values: Iterable[str]) -> str | None:
        """Name of a secret that the texts hold one after the other, or half of which one of them begins or ends with.

        So that neither two fields of a result nor a text that was cut off carry what one whole text may not.
        """
        if not self._known:
            return None
        texts = [value.encode("utf-8", "surrogateescape") for value in values]
        found = self._found_in(View(b"".join(texts), None))
        if found is not None:
            return found
        for known in self._known:
            if any(known.is_half_in(text) for text in texts):
                return known.name
        return None

    def leaked(self, content: bytes, budget: Budget | None = None) -> str | None:
        """Name of a secret that `content` holds, also in what it holds packed; None: none. Raises TooMuchToCheck."""
        if not self._known:
            return None
        budget = budget or Budget()
        for layer in unpacking.layers(content, budget):
            # However far apart its bytes are.
            found = self._texts.found_in(without_blanks(layer)) or self._hex.found_in(without_separators(layer))
            if found is not None:
                return found
            for piece in self._pieces(layer):
                for view in views(piece, placed=False):
                    budget.check_time()
                    if (found := self._found_in(view)) is not None:
                        return found
        return None

    def _found_in(self, view: View) -> str | None:
        """Name of a secret that the view holds."""
        for shape, needles in ((view, self._texts), (joined(view), self._texts), (digits(view), self._hex)):
            if (found := needles.found_in(shape.data)) is not None:
                return found
        return None

    def _pieces(self, layer: bytes) -> Iterator[bytes]:
        """The layer in pieces of bounded size, as other threads wait for each. What ends one begins the next."""
        yield layer[:_PIECE]
        for start in range(_PIECE, len(layer), _PIECE):
            yield layer[max(0, start - self._shared) : start + _PIECE]


_Span = tuple[int, int, bytes]


class _Known:
    """One secret, ready to be looked for."""

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._mark = b"[secret %s]" % name.encode()
        lines = {line.strip() for line in value.splitlines()} | {value, value.strip()}
        # A short line of a long secret (a brace, a blank) says nothing.
        wanted = sorted(line for line in lines if len(line) >= min(len(value), encodings.MIN_ENCODED))
        self._plain = tuple(line.encode() for line in wanted)
        found = {text for line in wanted for text in encodings.texts(line)}
        self.texts = tuple(sorted(found, key=lambda text: (-len(text), text)))
        self._long = tuple(text for text in self.texts if len(text) > _MIN_PIECE)
        self._all = b"\0".join(self._long)
        self._edges = tuple({edge for text in self._long for edge in (text[:_MIN_PIECE], text[-_MIN_PIECE:])})
        self.hexadecimal = tuple({text for line in wanted for text in encodings.hexadecimal(line)})

    def is_half_in(self, text: bytes) -> bool:
        """Whether the text begins with the second half of the secret, ends with the first one, or is such a piece."""
        bare = _bare(text)
        return any(
            len(bare) >= half and (bare in whole or _overlap(bare, whole) >= half or _overlap(whole, bare) >= half)
            for whole in self._plain
            if (half := max(_MIN_PIECE, -(-len(whole) // 2))) < len(whole)
        )

    def spans(self, view: View, joined: View, digits: View) -> Iterator[_Span]:
        """Where the original of the view holds it."""
        for shape, texts in ((view, self.texts), (joined, self.texts), (digits, self.hexadecimal)):
            for text in texts:
                start = shape.data.find(text)
                while start >= 0:
                    first, last = shape.span(start, start + len(text))
                    yield first, last, self._mark
                    start = shape.data.find(text, start + len(text))

    def has_pieces(self, block: bytes, lines: list[bytes]) -> bool:
        """Whether `pieces` could find something in one of the lines, which together are the block."""
        if any(edge in block for edge in self._edges):
            return True
        return any(len(bare) >= _MIN_PIECE and bare in self._all for bare in map(_bare, lines))

    def pieces(self, line: bytes) -> Iterator[_Span]:
        """Where a line is, begins with or ends with a piece of the secret, which goes on in another line."""
        bare = _bare(line)
        if len(bare) < _MIN_PIECE:
            return
        begin = line.index(bare)
        for text in self._long:
            if bare in text:
                yield 0, len(line), self._mark
                return
            if text[:_MIN_PIECE] in bare:
                length = _overlap(bare, text)
                yield from [(begin + len(bare) - length, len(line), self._mark)] if length else []
            if text[-_MIN_PIECE:] in bare:
                length = _overlap(text, bare)
                yield from [(0, begin + length, self._mark)] if length else []


def _bare(line: bytes) -> bytes:
    """Without blanks, and without what says at a line's end that the next one goes on."""
    return line.strip().rstrip(b"=\\")


def _overlap(left: bytes, right: bytes) -> int:
    """Length of the longest end of `left` that begins `right`; 0 when it is too short to say anything."""
    for length in range(min(len(left), len(right)), _MIN_PIECE - 1, -1):
        if left.endswith(right[:length]):
            return length
    return 0


def _blot(raw: bytes, spans: list[_Span]) -> bytes:
    parts: list[bytes] = []
    done = 0
    for start, end, mark in sorted(spans):
        if start >= done:
            parts += [raw[done:start], mark]
        done = max(done, end)
    parts.append(raw[done:])
    return b"".join(parts)
