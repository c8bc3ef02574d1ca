"""Cron and time zone of a schedule -> what is wrong with them."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import available_timezones

from croniter import CroniterBadDateError, CroniterError, croniter

from compiler.diagnostics.diagnostic import did_you_mean, quoted

MAX_CRON = 200
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 6))
"""Name of each cron field, its lowest and its highest value."""

_BASE = datetime(2026, 1, 1)
"""Where the search for a schedule's first run begins: a constant, so that a file's verdict never depends on the
day of the check. croniter looks 50 years ahead."""

_RANDOM = re.compile(r"[HhRr](?:$|[/(])")
"""Fields that croniter fills by a hash or at random. Prefect would draw new times at each look."""

_NEAREST_WEEKDAY = re.compile(r"\d[Ww]|[Ww]\d")
"""Newer croniters read `15W`; the one inside Prefect does not."""

_LOCAL = frozenset({"localtime", "posixrules", "Factory"})
"""Names that tzdata lists and that mean another zone on each machine, or none."""

_STEP = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)/(\d+)")


def cron_fault(cron: str) -> str | None:
    """Why this is no cron expression of five fields that Prefect takes and that runs, or None."""
    fields = cron.split()
    if len(cron) > MAX_CRON:
        return f"it is longer than {MAX_CRON} characters"
    if cron.startswith("@"):
        return f"{quoted(cron)} is a short name; write the five fields, as in '0 0 * * *' for each day"
    if len(fields) != 5:
        return f"it has {len(fields)} fields, not five: minute, hour, day of month, month, day of week"
    return _unsupported(fields) or _unread(cron) or _impossible_day(fields)


def _unsupported(fields: list[str]) -> str | None:
    for (name, _, _), field in zip(FIELDS, fields, strict=True):
        if not field.isascii():
            return f"the {name} {quoted(field)} has characters that cron does not know"
        for part in field.split(","):
            if _RANDOM.match(part):
                return f"the {name} {quoted(part)} is a random or hashed value, which Prefect does not take"
            if _NEAREST_WEEKDAY.search(part):
                return f"the {name} {quoted(part)} means the nearest weekday, which Prefect does not take"
    return None


def _unread(cron: str) -> str | None:
    try:
        croniter.expand(cron)
        croniter(cron, _BASE).get_next(datetime)
    except CroniterBadDateError:
        return f"{quoted(cron)} never runs: no date of the calendar fits it"
    except (CroniterError, ValueError, KeyError, TypeError, IndexError) as exc:
        return f"{quoted(cron)} cannot be read: {_first_line(exc)}"
    return None


def _impossible_day(fields: list[str]) -> str | None:
    """A day of month that no month has stops Prefect's search, even where the day of week would still fit."""
    return _unread(" ".join([*fields[:4], "*"])) if fields[4] != "*" and fields[2] not in ("*", "?") else None


def step_warnings(cron: str) -> list[str]:
    """What to say about each step that leaves its range at once, so that it gives one value only."""
    found: list[str] = []
    for (name, low, high), field in zip(FIELDS, cron.split(), strict=True):
        for part in field.split(","):
            read = _STEP.fullmatch(part)
            if read is None:
                continue
            first, last = int(read[1] or low), int(read[2] or high)
            if first < last < first + int(read[3]):
                found.append(
                    f"the {name} {quoted(part)} equals {quoted(str(first))}: "
                    f"its step is longer than the range {first} to {last}"
                )
    return found


def timezone_fault(name: str) -> tuple[str, str] | None:
    """Why this is no IANA time zone that is the same on every machine, and a hint; or None."""
    zones = available_timezones() - _LOCAL
    if name in zones:
        return None
    if name in _LOCAL or name.startswith(("right/", "posix/")):
        return f"{quoted(name)} is not the same time zone on every machine", "use a name such as Europe/Vienna"
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
