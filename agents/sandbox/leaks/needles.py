"""Many texts, looked for at once: one pass over the data, however many there are.

Wherever a text of seven bytes or more stands, one of its first four windows of four bytes lies at a place that four
divides. So the data is read as numbers of four bytes, and only texts of which a window is among these are looked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

_WINDOW, _AT_ONCE = 4, 1 << 20
_LEAST = 2 * _WINDOW - 1


class Needles:
    """Texts, each with the name of what it tells."""

    def __init__(self, texts: Iterable[tuple[str, bytes]]) -> None:
        known = list(texts)
        self._short = [(name, text) for name, text in known if len(text) < _LEAST]
        self._by_window: dict[int, list[tuple[str, bytes]]] = {}
        for name, text in known:
            if len(text) >= _LEAST:
                for start in range(_WINDOW):
                    window = int.from_bytes(text[start : start + _WINDOW], sys.byteorder)
                    self._by_window.setdefault(window, []).append((name, text))
        self._windows = frozenset(self._by_window)

    def found_in(self, data: bytes) -> str | None:
        """The name of one that the data holds; None: it holds none."""
        for name, text in self._short:
            if text in data:
                return name
        for window in self._present(data):
            for name, text in self._by_window[window]:
                if text in data:
                    return name
        return None

    def _present(self, data: bytes) -> frozenset[int]:
        if not self._windows:
            return frozenset()
        numbers = memoryview(data)[: len(data) // _WINDOW * _WINDOW].cast("I")
        # In pieces: other threads wait as long as one takes.
        pieces = (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))
        return frozenset[int]().union(*(self._windows.intersection(piece) for piece in pieces))
