"""Cron and time zone -> the schedule in words, and the times at which it fires next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from compiler.trigger_types.cron_fields import FIELDS, CronField

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NTH = ("", "first", "second", "third", "fourth", "fifth")
_WEEK = {"1-5": "from Monday to Friday", "6,0": "on Saturday and Sunday", "0,6": "on Saturday and Sunday"}


def next_times(cron: str, timezone: str, *, after: datetime, count: int = 5) -> list[datetime]:
    """The next times, in the schedule's zone. `schedule.cron_fault` must have found nothing wrong with the cron."""
    schedule = croniter(cron, after.astimezone(ZoneInfo(timezone)))
    return [schedule.get_next(datetime) for _ in range(count)]


def is_time_of(cron: str, timezone: str, moment: datetime) -> bool:
    """Whether the schedule fires exactly then."""
    return next_times(cron, timezone, after=moment - timedelta(seconds=1), count=1)[0] == moment


def cron_in_words(cron: str) -> str:
    """A sentence for people: `at 09:00 on Monday`. The cron must be a readable one."""
    minute, hour, day, month, weekday = cron.split()
    parts = [_time(minute, hour)]
    days = [words for words in (_day_of_month(day), _weekday(weekday)) if words]
    if len(days) == 2:
        # Cron's own rule: either of two restricted days will do.
        parts.append(f"{days[0]} or {days[1]}")
    elif days:
        parts.append(days[0])
    elif hour != "*" and not hour.startswith("*/"):
        parts.append("every day")
    if month != "*":
        parts.append("in " + _listed(month, FIELDS[3], lambda value: _MONTHS[value - 1], "month"))
    return " ".join(parts)


def _time(minute: str, hour: str) -> str:
    if minute.isdecimal() and hour.isdecimal():
        return f"at {int(hour):02}:{int(minute):02}"
    if minute.isdecimal() and all(part.isdecimal() for part in hour.split(",")):
        return "at " + _and([f"{int(part):02}:{int(minute):02}" for part in hour.split(",")])
    if hour == "*":
        return _minutes(minute)
    return f"{_minutes(minute)} {_hours(hour)}"


def _minutes(minute: str) -> str:
    if minute == "*":
        return "every minute"
    if minute.startswith("*/"):
        return f"every {minute[2:]} minutes"
    if minute.isdecimal():
        return "at the full hour" if int(minute) == 0 else f"{int(minute)} minutes past the hour"
    return "at minute " + _listed(minute, FIELDS[0], str, "minute")


def _hours(hour: str) -> str:
    if hour.startswith("*/"):
        return f"every {hour[2:]} hours"
    return "in the hours " + _listed(hour, FIELDS[1], lambda value: f"{value:02}", "hour")


def _day_of_month(day: str) -> str:
    if day == "*":
        return ""
    if day.casefold() == "l":
        return "on the last day of the month"
    return "on day " + _listed(day, FIELDS[2], str, "day") + " of the month"


def _weekday(weekday: str) -> str:
    if weekday == "*":
        return ""
    if weekday in _WEEK:
        return _WEEK[weekday]
    if "#" in weekday and "," not in weekday:
        name, _, number = weekday.partition("#")
        return f"on the {_NTH[int(number)]} {_DAYS[_value(name, FIELDS[4])]} of the month"
    return "on " + _listed(weekday, FIELDS[4], lambda value: _DAYS[value], "day of the week")


def _listed(text: str, field: CronField, name: Callable[[int], str], what: str) -> str:
    return _and([_part(part, field, name, what) for part in text.casefold().split(",")])


def _part(part: str, field: CronField, name: Callable[[int], str], what: str) -> str:
    if "#" in part:
        day, _, number = part.partition("#")
        return f"the {_NTH[int(number)]} {name(_value(day, field))}"
    values, _, step = part.partition("/")
    every = f"every {step} from " if step else ""
    if values == "*":
        return f"every {step} of each {what}" if step else f"every {what}"
    if values == "l":
        return "the last"
    low, _, high = values.partition("-")
    words = str(name(_value(low, field)))
    if high:
        words += f" to {name(_value(high, field))}"
    return every + words


def _value(text: str, field: CronField) -> int:
    return field.names[text] if text in field.names else int(text)


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
