"""Identifiers: collision-resistant, made by the writer as a Prisma client makes them, never by the database."""

from __future__ import annotations

import re
import string
from hashlib import sha256

from cuid2 import Cuid

from records.errors import NameRefused

_cuid = Cuid()
_LENGTH = 24
_DIGITS = string.digits + string.ascii_lowercase
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def new_id() -> str:
    """A fresh cuid."""
    return _cuid.generate()


def id_of_flow_run(flow_run_id: str) -> str:
    """The cuid of the run on record that belongs to a flow run of Prefect's: known before the run is on record."""
    number = int.from_bytes(sha256(f"flow-run:{flow_run_id}".encode()).digest(), "big")
    number, first = divmod(number, len(string.ascii_lowercase))
    digits = [string.ascii_lowercase[first]]
    while len(digits) < _LENGTH:
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)


def subject_token(kind: str, name: str) -> str:
    """`name`, if it can stand in a NATS subject. Raises NameRefused."""
    if not _NAME.fullmatch(name):
        raise NameRefused(
            f"the {kind} name {name!r} cannot be part of a NATS subject: use 1 to 128 letters, digits, "
            "'-' and '_', and begin with a letter or a digit"
        )
    return name
