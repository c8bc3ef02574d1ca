"""Which cron expressions and time zones a schedule takes: those that Prefect runs, and no other."""

from __future__ import annotations

from zoneinfo import available_timezones

import pytest
from prefect.client.schemas.schedules import CronSchedule
from prefect.server.schemas.schedules import CronSchedule as ServerSchedule

from compiler.trigger_types.schedule import cron_fault, cron_surprises, timezone_fault

GOOD = (
    "* * * * *",
    "*/5 * * * *",
    "0 9 * * 1",
    "0 9 * * mon-fri",
    "0 9 * jan,JUL *",
    "15,45 8-17 1-7 * *",
    "0 0 l * *",
    "0 0 29 2 *",
    "0 9 * * 1#2",
    "0 9 * * 7",
    "0-30/10 * * * *",
    "30 2 * * *",
)
BAD = (
    "R * * * *",
    "H * * * *",
    "H(0-5) * * * *",
    "0 9 15W * *",
    "0 9 LW * *",
    "0 0 30 2 *",
    "0 0 31 4,6,9,11 *",
    "@daily",
    "0 * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
    "5-1 * * * *",
    "0 22-2 * * *",
    "*/0 * * * *",
    "5/10 * * * *",
    "? * * * *",
    "* * * foo *",
    "-1 * * * *",
    "1,,2 * * * *",
    "*-5 * * * *",
    "1.5 * * * *",
    "",
)


@pytest.mark.parametrize("cron", GOOD)
async def test_what_is_taken_runs_in_prefect(cron: str) -> None:
    assert cron_fault(cron) is None
    assert CronSchedule(cron=cron, timezone="UTC").cron == cron
    assert len(await ServerSchedule(cron=cron, timezone="UTC").get_dates(3)) == 3


@pytest.mark.parametrize("cron", BAD)
def test_what_never_runs_or_is_read_in_two_ways_is_refused(cron: str) -> None:
    fault = cron_fault(cron)
    assert fault is not None
    assert len(fault) < 300


@pytest.mark.parametrize(
    ("cron", "part"),
    [("*/90 * * * *", "'*/90' as minute is the same as '0'"), ("0 */30 * * *", "hour"), ("0 0 */40 * *", "'1'")],
)
def test_a_step_beyond_its_field_is_named(cron: str, part: str) -> None:
    (surprise,) = cron_surprises(cron)
    assert part in surprise
    assert cron_surprises("*/30 */6 */2 * *") == []


@pytest.mark.parametrize(
    "zone", ["localtime", "posixrules", "Factory", "posix/UTC", "right/UTC", "Europe/Viena", ""]
)
def test_a_zone_that_depends_on_the_machine_is_refused(zone: str) -> None:
    assert timezone_fault(zone) is not None


def test_every_zone_that_is_taken_is_one_of_prefects() -> None:
    taken = [zone for zone in available_timezones() if timezone_fault(zone) is None]
    assert len(taken) > 400
    for zone in taken:
        assert CronSchedule(cron="0 9 * * 1", timezone=zone).timezone == zone


def test_a_day_that_no_month_has_is_refused_even_where_the_weekday_would_fit() -> None:
    assert cron_fault("0 0 30 2 1") is not None
    assert cron_fault("0 0 29 2 1") is None
