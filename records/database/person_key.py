"""A person's name -> the text by which persons are compared."""

from __future__ import annotations

import unicodedata


def person_key(name: str) -> str:
    """The name normalised for comparison: case, width, spaces and invisible characters do not make another person."""
    visible = "".join(
        c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c)[0] != "C" or c == " "
    )
    return " ".join(visible.split()).casefold()
