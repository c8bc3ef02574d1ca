"""A change of a source text: spans of bytes to replace, and what the new text needs to work."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


class CannotFixError(Exception):
    """A fix does not fit the place; the message says why, for the list of what is left to do."""


_OF_A_FORMAT = re.compile(r"md5|sha_?1|e_?tag|checksum|gravatar|cache|content_?hash", re.IGNORECASE)


def refuse_digest_of_a_format(*names: str) -> None:
    """A digest whose name says which one it is, or that others compute too, must stay. Raises CannotFixError."""
    for name in names:
        if _OF_A_FORMAT.search(name):
            raise CannotFixError(
                f"{name!r} says which digest it is or what it is for, and others may rely on it: where it protects "
                "something, change it with those who use it; where it does not, say so (usedforsecurity=False)"
            )


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
    variable: tuple[str, str] | None = field(default=None, repr=False)
    """Name of the environment variable that a secret is read from now, and the secret that stood there."""

    def apply(self, text: str) -> str:
        """The text after the change."""
        content = text.encode("utf-8")
        for start, end, replacement in sorted(self.spans, reverse=True):
            content = content[:start] + replacement.encode("utf-8") + content[end:]
        return content.decode("utf-8")
