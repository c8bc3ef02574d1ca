"""Cron and time zone of a schedule -> what is wrong with them."""

from __future__ import annotations

from zoneinfo import available_timezones

from croniter import CroniterError, croniter

from compiler.diagnostics.diagnostic import did_you_mean, quoted

MAX_CRON = 200


def cron_fault(cron: str) -> str | None:
    """Why this is no cron expression of five fields, or None."""
    fields = cron.split()
    if len(cron) > MAX_CRON:
        return f"it is longer than {MAX_CRON} characters"
    if len(fields) != 5:
        return f"it has {len(fields)} fields, not five: minute, hour, day of month, month, day of week"
    try:
        croniter.expand(cron)
    except (CroniterError, ValueError, KeyError, TypeError, IndexError) as exc:
        return f"{quoted(cron)} cannot be read: {_first_line(exc)}"
    return None


def timezone_fault(name: str) -> tuple[str, str] | None:
    """Why this is no IANA time zone, and a hint; or None."""
    zones = available_timezones()
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
