import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx

HAMMER = Path(__file__).parent / "hammer.py"


def test_two_processes_create_hundreds_of_runs_at_once_and_none_is_refused(server):
    command = [sys.executable, str(HAMMER), server.url, "75"]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [json.loads(client.communicate(timeout=60)[0]) for client in clients]
    assert answers == [{"201": 150}, {"201": 150}]


def test_the_ui_is_served_and_finds_its_api(server):
    base = server.url.removesuffix("/api")
    page = httpx.get(base, follow_redirects=True)
    assert page.is_success
    assert "<html" in page.text
    settings = httpx.get(f"{base}/ui-settings").json()
    assert httpx.get(f"{base}{settings['api_url']}/health").json() is True


def test_nothing_is_reported_home(server):
    settings = httpx.get(f"{server.url}/admin/settings").json()
    assert settings["server"]["analytics_enabled"] is False


def test_an_event_is_there_once_however_often_it_is_sent_and_is_found_by_its_resource(server):
    ids = [str(uuid4()) for _ in range(3)]
    resource = {"prefect.resource.id": f"test.thing.{uuid4()}"}
    now = datetime.now(UTC).isoformat()
    events = [
        {"id": each, "event": "thing.seen", "occurred": now, "resource": resource, "payload": {"n": n}}
        for n, each in enumerate(ids)
    ]
    wanted = {"filter": {"resource": {"id": [resource["prefect.resource.id"]]}}}
    found: list[str] = []
    assert httpx.post(f"{server.url}/events", json=[*events, events[0]]).is_success
    deadline = time.monotonic() + 10
    while len(found) < len(ids) and time.monotonic() < deadline:
        time.sleep(0.1)
        answer = httpx.post(f"{server.url}/events/filter", json=wanted).json()
        found = [each["id"] for each in answer["events"]]
    assert sorted(found) == sorted(ids)
