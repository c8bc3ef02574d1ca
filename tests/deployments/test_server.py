import json
import subprocess
import sys
from pathlib import Path

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
