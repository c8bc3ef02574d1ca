"""Cron and time zone of a schedule -> what is wrong with them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import available_timezones

from croniter import CroniterError, croniter

from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.trigger_types.cron_fields import FIELDS, field_fault

MAX_CRON = 200


_BASE = datetime(2024, 1, 1)
"""Where the search for a first run begins: any day does, since the calendar repeats."""
_SYSTEM_ZONES = ("localtime", "posixrules", "Factory")
"""Names in the database that stand for whatever the machine is set to."""


def cron_fault(cron: str) -> str | None:
    """Why this is not a cron expression of five fields that ever runs; None: it is.

    The grammar is what this platform and Prefect's own reader understand alike: numbers, names of months and days,
    ranges, lists, steps, `L` for the last day of the month and `#` for the n-th weekday. Everything else that some cron
    knows (`R`, `H`, `W`, `?`, `@daily`, seconds) is refused here, not at the deploy or never.
    """
    fields = cron.split()
    if len(cron) > MAX_CRON:
        return f"it is longer than {MAX_CRON} characters"
    if len(fields) != len(FIELDS):
        return f"it has {len(fields)} fields, not five: minute, hour, day of month, month, day of week"
    for text, field in zip(fields, FIELDS, strict=True):
        if fault := field_fault(text, field):
            return fault
    try:
        croniter(cron, _BASE).get_next(datetime)
        if fields[2] != "*":  # Prefect's search stops at a day no month has, even where the weekday would fit
            croniter(" ".join([*fields[:4], "*"]), _BASE).get_next(datetime)
    except (CroniterError, ValueError, KeyError, TypeError, IndexError, AttributeError) as exc:
        return f"{quoted(cron)} never runs: there is no such day ({_first_line(exc)})"
    return None


def cron_surprises(cron: str) -> list[str]:
    """What a readable expression does that its author hardly means: steps that reach beyond their field."""
    found: list[str] = []
    for text, field in zip(cron.split(), FIELDS, strict=False):
        for part in text.split(","):
            values, _, step = part.partition("/")
            if step.isdecimal() and int(step) > field.high - field.low:
                first = field.low if values == "*" else values.partition("-")[0]
                found.append(
                    f"{quoted(part)} as {field.name} is the same as {quoted(str(first))}: the step is too wide"
                )
    return found


def timezone_fault(name: str) -> tuple[str, str] | None:
    """Why this is not an IANA time zone that means the same on every machine, and a hint; or None."""
    zones = {
        zone
        for zone in available_timezones()
        if zone not in _SYSTEM_ZONES and not zone.startswith(("posix/", "right/"))
    }
    if name in zones:
        return None
    return f"{quoted(name)} is not a time zone", did_you_mean(
        name, _likely(name, zones)
    ) or "use a name such as UTC"


def _likely(name: str, zones: set[str]) -> list[str]:
    """The few hundred zones worth comparing: those with the same first letter of any part."""
    letters = {part[:1].lower() for part in name.split("/")}
    close = [zone for zone in zones if {part[:1].lower() for part in zone.split("/")} & letters]
    return sorted(close)[:500]


def _first_line(exc: Exception) -> str:
    return (str(exc).splitlines() or ["unknown reason"])[0][:120]
