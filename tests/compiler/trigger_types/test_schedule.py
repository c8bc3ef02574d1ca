"""The compiler's verdict on schedules is that of Prefect's own CronSchedule, or stricter where that is documented."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import product
from zoneinfo import available_timezones

import pytest
from prefect.server.schemas.schedules import CronSchedule

from compiler.trigger_types.schedule import cron_fault, step_warnings, timezone_fault

START = datetime(2026, 1, 1, tzinfo=UTC)
PARTS = {
    "minute": "0 59 60 -1 */15 */90 0-30/5 50-10 1,2,3 5/10 */0 x 1- ,1 00 R H R(0-5) H/5 é ? L 1.5".split(),
    "hour": "0 23 24 9-17 */6 22-4 8,20 h r 5-5 99 */24".split(),
    "day": "1 31 32 0 L l 15W 15w W15 LW */2 1-15 29,30 ? 1#2 30".split(),
    "month": "1 12 13 0 jan JAN feb-apr janu 2 */13 dec-jan foo 4,6,9".split(),
    "week": "0 7 8 mon MON sun-sat 1-5 fri-mon 1#2 1#6 5#5 L5 l5 mon#1 */8 xyz 6,7".split(),
}
EXPRESSIONS = sorted(
    {
        " ".join([*(["*"] * place), part, *(["*"] * (4 - place))])
        for place, parts in enumerate(PARTS.values())
        for part in parts
    }
    | {f"0 0 {day} {month} *" for day, month in product(PARTS["day"], PARTS["month"])}
    | {f"0 {hour} * * {week}" for hour, week in product(PARTS["hour"], PARTS["week"])}
    | {
        "",
        "@daily",
        "@hourly",
        "* * * *",
        "* * * * * *",
        "* * * * * * *",
        "every day",
        "0 0 30 2 1",
        "0 0 31 4,6 mon",
        "0 0 31 4,5 mon",
    }
)


def prefect_runs(cron: str, timezone: str = "UTC") -> bool:
    """Whether Prefect takes the schedule and finds a first date."""
    try:
        schedule = CronSchedule(cron=cron, timezone=timezone)
        return bool(asyncio.run(schedule.get_dates(n=1, start=START)))
    except Exception:
        return False


def is_stricter(cron: str) -> bool:
    """Where the language takes less than Prefect: five fields only, no short names, nothing random."""
    return len(cron.split()) != 5 or "R(" in cron


@pytest.mark.parametrize("cron", EXPRESSIONS)
def test_the_compiler_and_prefect_agree_on_an_expression(cron: str) -> None:
    assert (cron_fault(cron) is None) == (prefect_runs(cron) and not is_stricter(cron)), cron_fault(cron)


def test_every_time_zone_that_the_compiler_takes_is_taken_by_prefect() -> None:
    names = {*available_timezones(), "localtime", "posixrules", "Factory", "posix/UTC", "right/UTC", "utc", ""}
    taken = {name for name in names if timezone_fault(name) is None}

    assert {name for name in taken if not prefect_runs("0 9 * * *", name)} == set()
    assert {"UTC", "Europe/Vienna", "America/Santiago"} <= taken
    assert not taken & {"localtime", "posixrules", "Factory", "posix/UTC", "right/UTC", "utc", ""}


@pytest.mark.parametrize(
    ("cron", "part", "value"),
    [
        ("*/90 * * * *", "*/90", "0"),
        ("*/60 * * * *", "*/60", "0"),
        ("5/90 * * * *", "5/90", "5"),
        ("10-20/30 * * * *", "10-20/30", "10"),
        ("0 */24 * * *", "*/24", "0"),
        ("0 0 */31 * *", "*/31", "1"),
        ("0 0 1 */12 *", "*/12", "1"),
        ("0 0 * * */7", "*/7", "0"),
    ],
)
def test_a_step_that_leaves_its_range_at_once_equals_one_value(cron: str, part: str, value: str) -> None:
    [warning] = step_warnings(cron)

    assert f"{part!r} equals {value!r}" in warning
    same = CronSchedule(cron=cron.replace(part, value))
    dates = asyncio.run(CronSchedule(cron=cron).get_dates(n=5, start=START))
    assert dates == asyncio.run(same.get_dates(n=5, start=START))


@pytest.mark.parametrize(
    "cron", ["*/59 * * * *", "*/30 * * * *", "0 */23 * * *", "0-10/10 * * * *", "0 0 * * mon"]
)
def test_a_step_inside_its_range_gives_no_warning(cron: str) -> None:
    assert step_warnings(cron) == []
