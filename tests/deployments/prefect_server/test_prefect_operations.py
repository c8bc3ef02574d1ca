"""What operators do in Prefect, with the pinned versions: pause, resume, automations, backfill. All is answered.

The server's SQLite takes one writer at a time; a session opened inside of another one must not wait for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

SECONDS = 10.0
"""A request that waits for a lock of its own takes minutes."""


@pytest.fixture
def api(server):
    with httpx.Client(base_url=server.url, timeout=SECONDS, trust_env=False) as client:
        yield client


def ok(response: httpx.Response) -> httpx.Response:
    assert response.is_success, response.text
    return response


@pytest.fixture
def deployment(api) -> dict[str, str]:
    """A deployment in a pool of its own, as their ids."""
    name = f"paused-{uuid4()}"
    pool = ok(api.post("/work_pools/", json={"name": name, "type": "process"})).json()
    flow = ok(api.post("/flows/", json={"name": name})).json()
    made = {
        "name": name,
        "flow_id": flow["id"],
        "work_pool_name": name,
        "entrypoint": "a.py:a",
        "schedules": [{"schedule": {"cron": "* * * * *", "timezone": "UTC"}, "active": True}],
    }
    created = ok(api.post("/deployments/", json=made)).json()
    return {"pool": name, "queue": pool["default_queue_id"], "deployment": created["id"], "flow": flow["id"]}


def test_a_work_queue_is_paused_and_resumed(api, deployment) -> None:
    for paused in (True, False, True):
        ok(api.patch(f"/work_queues/{deployment['queue']}", json={"is_paused": paused}))
        assert ok(api.get(f"/work_queues/{deployment['queue']}")).json()["is_paused"] is paused
        ok(api.patch(f"/work_pools/{deployment['pool']}/queues/default", json={"is_paused": paused}))
    assert ok(api.get("/health")).json() is True


def test_a_work_pool_is_paused_and_resumed(api, deployment) -> None:
    for paused in (True, False):
        ok(api.patch(f"/work_pools/{deployment['pool']}", json={"is_paused": paused}))
        assert ok(api.get(f"/work_pools/{deployment['pool']}")).json()["is_paused"] is paused


def test_a_deployment_and_its_schedule_are_paused_and_resumed(api, deployment) -> None:
    one = f"/deployments/{deployment['deployment']}"
    ok(api.post(f"{one}/pause_deployment"))
    assert ok(api.get(one)).json()["paused"] is True
    ok(api.post(f"{one}/resume_deployment"))
    assert ok(api.get(one)).json()["paused"] is False
    schedule = ok(api.get(f"{one}/schedules")).json()[0]
    ok(api.patch(f"{one}/schedules/{schedule['id']}", json={"active": False}))
    assert ok(api.get(f"{one}/schedules")).json()[0]["active"] is False


def test_past_and_coming_runs_of_a_schedule_can_be_asked_for(api, deployment) -> None:
    now = datetime.now(UTC)
    window = {"start_time": (now - timedelta(minutes=5)).isoformat(), "end_time": now.isoformat(), "max_runs": 100}
    ok(api.post(f"/deployments/{deployment['deployment']}/schedule", json=window))
    wanted = {"deployments": {"id": {"any_": [deployment["deployment"]]}}, "limit": 100}
    found = ok(api.post("/flow_runs/filter", json=wanted)).json()
    past = [run for run in found if run["expected_start_time"] < now.isoformat()]
    assert len(past) in (5, 6)


def test_an_automation_that_pauses_a_queue_does_so(api, deployment) -> None:
    kind = f"test.{uuid4()}"
    automation = {
        "name": kind,
        "trigger": {"type": "event", "posture": "Reactive", "expect": [kind], "threshold": 1, "within": 0},
        "actions": [
            {"type": "pause-work-queue", "source": "selected", "work_queue_id": deployment["queue"]},
            {"type": "pause-deployment", "source": "selected", "deployment_id": deployment["deployment"]},
        ],
    }
    ok(api.post("/automations/", json=automation))
    deadline = time.monotonic() + 30
    while not ok(api.get(f"/work_queues/{deployment['queue']}")).json()["is_paused"]:
        assert time.monotonic() < deadline
        event = {
            "id": str(uuid4()),
            "event": kind,
            "occurred": datetime.now(UTC).isoformat(),
            "resource": {"prefect.resource.id": kind},
        }
        ok(api.post("/events", json=[event]))
        time.sleep(1)
    while not ok(api.get(f"/deployments/{deployment['deployment']}")).json()["paused"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


async def test_all_of_it_at_once_is_answered(server, deployment) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=3 * SECONDS, trust_env=False) as client:
        queue, pool = f"/work_queues/{deployment['queue']}", f"/work_pools/{deployment['pool']}"
        changes = [client.patch(path, json={"is_paused": on}) for on in (True, False) for path in (queue, pool)]
        runs = [client.post("/flow_runs/", json={"flow_id": deployment["flow"]}) for _ in range(20)]
        answers = await asyncio.gather(*changes, *runs)
    assert {each.is_success for each in answers} == {True}


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "value",
    [
        '"\\ud800"',
        '{"\\udfff": 1}',
        '"\\ud83d \\ude00"',
        nested(120),
        nested(250),
        nested(900),
        nested(100_000),
        "123456789012345678901",
        "9223372036854775808",
    ],
    ids=["high", "key", "apart", "120", "250", "900", "100000", "wide", "beyond"],
)
def test_a_parameter_that_could_not_be_read_again_is_refused_and_lists_go_on(api, deployment, value) -> None:
    body = f'{{"parameters": {{"a": {value}}}, "state": {{"type": "SCHEDULED"}}}}'
    sent = api.post(
        f"/deployments/{deployment['deployment']}/create_flow_run",
        content=body.encode(),
        headers={"content-type": "application/json"},
    )
    assert sent.status_code == 422
    assert any(fault in sent.json()["detail"] for fault in ("surrogate pair", "nested deeper", "64 bits"))
    ok(api.post("/flow_runs/filter", json={"limit": 5}))


@pytest.mark.parametrize(
    "value",
    ['"\\ud83d\\ude00"', '"\\\\ud800"', nested(80), "9223372036854775807"],
    ids=["pair", "escaped", "80", "64 bits"],
)
def test_a_parameter_that_can_be_read_again_is_stored_as_it_is(api, deployment, value) -> None:
    body = f'{{"parameters": {{"a": {value}}}, "state": {{"type": "SCHEDULED"}}}}'
    sent = api.post(
        f"/deployments/{deployment['deployment']}/create_flow_run",
        content=body.encode(),
        headers={"content-type": "application/json"},
    )
    made = ok(api.get(f"/flow_runs/{ok(sent).json()['id']}")).json()
    assert made["parameters"] == {"a": json.loads(value)}
