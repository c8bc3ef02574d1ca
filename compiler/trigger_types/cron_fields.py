"""One field of a cron expression -> what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from compiler.diagnostics.diagnostic import quoted

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?P<from>\*|[a-z]{3}|[0-9]{1,2})(?:-(?P<to>[a-z]{3}|[0-9]{1,2}))?(?:/(?P<step>[0-9]{1,4}))?")
_NTH = re.compile(r"(?P<day>[a-z]{3}|[0-7])#(?P<nth>[1-5])")
_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "r": "random times (`R`) are not supported: write a fixed one",
        "h": "hashed times (`H`) are not supported: write a fixed one",
        "?": "`?` is not supported: write `*`",
    }
)


@dataclass(frozen=True, kw_only=True)
class CronField:
    """One of the five, with the values that it takes."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict[str, int])


FIELDS = (
    CronField(name="minute", low=0, high=59),
    CronField(name="hour", low=0, high=23),
    CronField(name="day of month", low=1, high=31),
    CronField(name="month", low=1, high=12, names={name: number for number, name in enumerate(_MONTHS, 1)}),
    CronField(name="day of week", low=0, high=7, names={name: number for number, name in enumerate(_DAYS)}),
)
"""In their order."""


def field_fault(text: str, field: CronField) -> str | None:
    """Why the text is not a value of the field; None: it is."""
    for part in text.casefold().split(","):
        if fault := _fault(part, field):
            return f"{quoted(text)} cannot be the {field.name}: {fault}"
    return None


def _fault(part: str, field: CronField) -> str | None:
    if field.name == "day of month" and part == "l":
        return None
    if field.name == "day of week" and (match := _NTH.fullmatch(part)):
        return None if match["day"] in field.names or match["day"].isdecimal() else f"{quoted(part)} names no day"
    if part[:1] in _ELSEWHERE:
        return _ELSEWHERE[part[:1]]
    if field.name == "day of month" and part.endswith("w"):
        return "nearest weekdays (`W`) are not supported: write the days of the week"
    match = _PART.fullmatch(part)
    if match is None:
        return f"{quoted(part)} is not a number, range, list or step"
    return _range_fault(match, field)


def _range_fault(match: re.Match[str], field: CronField) -> str | None:
    values: list[int] = []
    for text in (match["from"], match["to"]):
        if text is None or text == "*":
            continue
        value = int(text) if text.isdecimal() else field.names.get(text)
        if value is None or not field.low <= value <= field.high:
            return f"{quoted(text)} is not between {field.low} and {field.high}"
        values.append(value)
    if match["to"] is not None and len(values) != 2:
        return "`*` cannot begin a range"
    if len(values) == 2 and values[0] > values[1]:
        return f"the range {values[0]}-{values[1]} runs backwards: write two ranges"
    if match["step"] is None:
        return None
    if int(match["step"]) < 1:
        return "a step is at least 1"
    # `5/10` means different things to different readers.
    return None if match["from"] == "*" or match["to"] is not None else "a step needs `*` or a range before it"
