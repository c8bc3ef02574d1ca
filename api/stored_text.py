"""Text of a request -> text that both databases keep: no U+0000 and no halves of surrogate pairs."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("has the character U+0000, which no database keeps")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise ValueError("has half of a surrogate pair, which is not Unicode") from exc
    return text


Stored = Annotated[str, AfterValidator(_storable)]
"""A field whose text is written to the records."""
