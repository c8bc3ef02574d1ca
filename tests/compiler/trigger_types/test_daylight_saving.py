"""What the compiler says about daylight saving is what Prefect's own CronSchedule does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from prefect.server.schemas.schedules import CronSchedule

from compiler.trigger_types.daylight_saving import daylight_saving_warnings


def runs(cron: str, zone: str, start: datetime, end: datetime) -> list[str]:
    """Prefect's dates between the two moments, as local times with their offsets."""
    dates = asyncio.run(CronSchedule(cron=cron, timezone=zone).get_dates(start=start, end=end))
    return [date.isoformat(timespec="minutes") for date in dates]


def test_a_daily_run_in_the_skipped_hour_starts_an_hour_early() -> None:
    gap, repeated = daylight_saving_warnings("30 2 * * *", "Europe/Vienna")

    assert "02:00 to 03:00 on 2027-03-28: the run of 02:30 starts at 01:30 on 2027-03-28" in gap
    assert "02:00 to 03:00 on 2027-10-31 twice: the run of 02:30 starts the first time only" in repeated
    march = datetime(2027, 3, 27, 23, tzinfo=UTC), datetime(2027, 3, 28, 21, tzinfo=UTC)
    assert runs("30 2 * * *", "Europe/Vienna", *march) == ["2027-03-28T01:30+01:00"]
    october = datetime(2027, 10, 30, 22, tzinfo=UTC), datetime(2027, 10, 31, 22, tzinfo=UTC)
    assert runs("30 2 * * *", "Europe/Vienna", *october) == ["2027-10-31T02:30+02:00"]


def test_a_frequent_schedule_pauses_while_the_hour_repeats() -> None:
    gap, repeated = daylight_saving_warnings("*/30 * * * *", "Europe/Vienna")

    assert "or not at all where another run starts then" in gap
    assert "none starts the second time" in repeated
    october = datetime(2027, 10, 31, 0, tzinfo=UTC), datetime(2027, 10, 31, 2, 15, tzinfo=UTC)
    assert runs("*/30 * * * *", "Europe/Vienna", *october) == [
        "2027-10-31T02:00+02:00",
        "2027-10-31T02:30+02:00",
        "2027-10-31T03:00+01:00",
    ]
    march = datetime(2027, 3, 28, 0, tzinfo=UTC), datetime(2027, 3, 28, 1, 15, tzinfo=UTC)
    assert runs("*/30 * * * *", "Europe/Vienna", *march) == [
        "2027-03-28T01:00+01:00",
        "2027-03-28T01:30+01:00",
        "2027-03-28T03:00+02:00",
    ]


def test_midnight_is_skipped_in_santiago_and_its_run_starts_the_day_before() -> None:
    [gap] = daylight_saving_warnings("0 0 * * *", "America/Santiago")

    assert "00:00 to 01:00 on 2027-09-05: the run of 00:00 starts at 23:00 on 2027-09-04" in gap
    september = datetime(2027, 9, 4, 12, tzinfo=UTC), datetime(2027, 9, 5, 12, tzinfo=UTC)
    assert runs("0 0 * * *", "America/Santiago", *september) == ["2027-09-04T23:00-04:00"]


@pytest.mark.parametrize(
    ("cron", "zone"),
    [
        ("30 2 * * *", "UTC"),
        ("30 2 * * *", "Asia/Tokyo"),
        ("0 9 * * *", "Europe/Vienna"),
        ("30 2 * * 1-5", "Europe/Vienna"),
        ("0 3 * * *", "Europe/Vienna"),
        ("59 1 * * *", "Europe/Vienna"),
    ],
)
def test_a_schedule_outside_of_those_hours_gives_no_warning(cron: str, zone: str) -> None:
    assert daylight_saving_warnings(cron, zone) == []


def test_the_half_hour_of_lord_howe_is_half_an_hour() -> None:
    [gap] = daylight_saving_warnings("15 2 * * *", "Australia/Lord_Howe")
    assert "02:00 to 02:30 on 2027-10-03" in gap
    assert "starts at 01:45" in gap
    assert daylight_saving_warnings("45 2 * * *", "Australia/Lord_Howe") == []
    assert "01:30 to 02:00 on 2027-04-04 twice" in "".join(
        daylight_saving_warnings("45 1 * * *", "Australia/Lord_Howe")
    )
