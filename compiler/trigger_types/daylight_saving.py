"""Cron and time zone of a schedule -> the hours in which daylight saving moves or drops its runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, croniter

HORIZON = (datetime(2027, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC))
"""The two years that are looked at: constants, so that a file's warnings never depend on the day of the check."""

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def daylight_saving_warnings(cron: str, timezone: str) -> list[str]:
    """What happens at the first gap and at the first repeated hour that the schedule's times fall into. The cron
    expression and the zone must be valid."""
    zone = ZoneInfo(timezone)
    gap = repeated = ""
    for moment, before, after in _changes(zone):
        local = moment.replace(tzinfo=None)
        low, high = sorted((local + before, local + after))
        hit = _first_in(cron, low, high)
        if hit is None:
            continue
        if after > before:
            gap = gap or _gap_text(timezone, (low, high), hit)
        else:
            repeated = repeated or _repeated_text(timezone, (low, high), hit)
    return [text for text in (gap, repeated) if text]


def _gap_text(timezone: str, hour: tuple[datetime, datetime], hit: datetime) -> str:
    early = hit - (hour[1] - hour[0])
    return (
        f"in {timezone} the clock skips {_span(hour)}: the run of {hit:%H:%M} "
        f"starts at {early:%H:%M} on {early:%Y-%m-%d}, or not at all where another run starts then"
    )


def _repeated_text(timezone: str, hour: tuple[datetime, datetime], hit: datetime) -> str:
    return (
        f"in {timezone} the clock shows {_span(hour)} twice: "
        f"the run of {hit:%H:%M} starts the first time only, and none starts the second time"
    )


def _span(hour: tuple[datetime, datetime]) -> str:
    return f"{hour[0]:%H:%M} to {hour[1]:%H:%M} on {hour[0]:%Y-%m-%d}"


def _first_in(cron: str, low: datetime, high: datetime) -> datetime | None:
    """The schedule's first time of day in the span, as if there were no daylight saving."""
    try:
        found = croniter(cron, low - _SECOND).get_next(datetime)
    except CroniterBadDateError:
        return None
    return found if found < high else None


def _changes(zone: ZoneInfo) -> list[tuple[datetime, timedelta, timedelta]]:
    """Each change of the zone's offset in the horizon: its moment, the offset before and after."""
    found: list[tuple[datetime, timedelta, timedelta]] = []
    day = HORIZON[0]
    while day < HORIZON[1]:
        before, after = _offset(zone, day), _offset(zone, day + _DAY)
        if before != after:
            found.append((_moment(zone, day, before), before, after))
        day += _DAY
    return found


def _moment(zone: ZoneInfo, day: datetime, before: timedelta) -> datetime:
    """The first second of the day after which the offset is no longer the given one."""
    low, high = 0, int(_DAY.total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, day + middle * _SECOND) == before:
            low = middle
        else:
            high = middle
    return day + high * _SECOND


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
