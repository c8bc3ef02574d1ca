"""Identifiers: collision-resistant, made by the writer as a Prisma client makes them, never by the database."""

from __future__ import annotations

import re

from cuid2 import Cuid

from records.errors import NameRefused

_cuid = Cuid()
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def new_id() -> str:
    """A fresh cuid."""
    return _cuid.generate()


def subject_token(kind: str, name: str) -> str:
    """`name`, if it can stand in a NATS subject. Raises NameRefused."""
    if not _NAME.fullmatch(name):
        raise NameRefused(
            f"the {kind} name {name!r} cannot be part of a NATS subject: use 1 to 128 letters, digits, "
            "'-' and '_', and begin with a letter or a digit"
        )
    return name
