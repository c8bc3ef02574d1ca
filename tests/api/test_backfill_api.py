"""Times of a schedule that no run began for, over HTTP, and runs for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

DAILY = """\
name: nightly
trigger:
  schedule: "0 3 * * *"
nodes:
  - id: speak
    agent: speaker
    action: say
    inputs: {text: hello}
"""


@pytest.fixture
async def week(ann: Any, records: Any) -> list[str]:
    """The times of seven days; the last but one has its run."""
    digest = (await ann.put("/workflows/nightly", content=DAILY)).json()["planDigest"]
    today = datetime.now(UTC).replace(hour=3, minute=0, second=0, microsecond=0)
    last = today if today <= datetime.now(UTC) else today - timedelta(days=1)
    times = [(last - timedelta(days=back)).isoformat() for back in range(6, -1, -1)]
    await records.start_run(
        flow_run_id="clock",
        plan_digest=digest,
        trigger="schedule:0 3 * * *",
        context={"projectId": 1, "scheduledAt": times[-2]},
    )
    return times


async def test_times_without_a_run_are_listed_and_started_once_each(
    ann: Any, launch: Any, week: list[str]
) -> None:
    since = {"since": week[0]}
    found = (await ann.get("/workflows/nightly/missed", params=since)).json()
    moments = [datetime.fromisoformat(each["at"]).isoformat() for each in found]
    assert moments == [*week[:-2], week[-1]]
    for _ in range(2):  # asked again, nothing is started twice
        answer = await ann.post("/workflows/nightly/backfill", json={"times": moments[:2]})
        assert answer.status_code == 202
        assert len(answer.json()["started"]) == 2
    assert [run["context"]["scheduledAt"] for run in launch.runs.values()] == moments[:2]
    assert {(run["trigger"], run["triggered_by"]) for run in launch.runs.values()} == {("manual", "Ann")}


async def test_what_is_no_past_time_of_the_schedule_is_refused(
    ann: Any, eve: Any, launch: Any, week: list[str]
) -> None:
    odd = (datetime.fromisoformat(week[0]) + timedelta(minutes=1)).isoformat()
    ahead = (datetime.fromisoformat(week[-1]) + timedelta(days=3)).isoformat()
    for moment in (odd, ahead):
        answer = await ann.post("/workflows/nightly/backfill", json={"times": [week[0], moment]})
        assert answer.status_code == 422
        assert "no past time of a schedule" in answer.json()["detail"]
    many = await ann.get("/workflows/nightly/missed", params={"since": "1990-01-01T00:00:00Z"})
    assert (many.status_code, "more than 500" in many.json()["detail"]) == (422, True)
    fits = {"since": "1990-01-01T00:00:00Z", "until": many.json()["detail"].split("until ")[1].split()[0]}
    assert (await ann.get("/workflows/nightly/missed", params=fits)).status_code == 200
    await ann.put(
        "/workflows/talk",
        content=DAILY.replace("name: nightly", "name: talk").replace(
            'schedule: "0 3 * * *"', "event: graph.file.updated"
        ),
    )
    none = await ann.get("/workflows/talk/missed", params={"since": week[0]})
    assert (none.status_code, "has no schedule" in none.json()["detail"]) == (422, True)
    assert (await eve.post("/workflows/nightly/backfill", json={"times": week[:1]})).status_code == 404
    assert launch.runs == {}
