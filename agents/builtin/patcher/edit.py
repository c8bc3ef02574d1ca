"""A change of a source text: spans of bytes to replace, and what the new text needs to work."""

from __future__ import annotations

from dataclasses import dataclass


class CannotFixError(Exception):
    """A fix does not fit the place; the message says why, for the list of what is left to do."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One fix."""

    spans: tuple[tuple[int, int, str], ...]
    """Start, end (in bytes of UTF-8), replacement; not overlapping."""
    what: str
    """What was done, for the commit message."""
    imports: tuple[str, ...] = ()
    """Python modules that the new text uses."""
    note: str = ""
    """What a reviewer has to think of: changed formats, settings to make."""

    def apply(self, text: str) -> str:
        """The text after the change."""
        content = text.encode("utf-8")
        for start, end, replacement in sorted(self.spans, reverse=True):
            content = content[:start] + replacement.encode("utf-8") + content[end:]
        return content.decode("utf-8")
