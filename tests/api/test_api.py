import json
import os
import subprocess
import sys
import time

import httpx

from api import token_digest
from api.__main__ import run


async def test_health_needs_no_token_and_tells_of_the_database(as_person, records):
    stranger = as_person(None)
    assert (await stranger.get("/health")).json() == {"status": "ok", "database": "ok"}


async def test_a_database_that_is_away_is_said_without_its_address(as_person, records, monkeypatch):
    async def away():
        raise OSError("postgresql://secret-host")

    monkeypatch.setattr(records, "count_dead_letters", away)
    answer = await as_person(None).get("/health")
    assert answer.status_code == 503
    assert "secret-host" not in answer.text


async def test_a_fault_is_a_problem_that_tells_nothing_of_what_is_inside(as_person, records, monkeypatch):
    async def broken():
        raise RuntimeError("secret-path")

    monkeypatch.setattr(records, "count_dead_letters", broken)
    answer = await as_person(None).get("/health")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["status"] == 500
    assert "secret-path" not in answer.text


async def test_every_operation_of_the_schema_is_described(as_person):
    schema = (await as_person(None).get("/openapi.json")).json()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) >= 21
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]
        answers = operation["responses"]
        assert "HTTPValidationError" not in str(answers)
    unguarded = [path for path, item in schema["paths"].items() for op in item.values() if "security" not in op]
    sign_in = {"/sign-in", "/sign-in/device", "/sign-in/device/token", "/sign-in/oidc", "/sign-in/oidc/callback"}
    # Slack signs what it sends.
    assert set(unguarded) == {"/session", "/health", "/metrics", "/slack/actions", *sign_in}


def test_the_process_serves_until_it_is_told_to_end(tmp_path):
    people = tmp_path / "people.json"
    people.write_text(json.dumps({token_digest("t"): {"name": "Ann", "projectId": 1}}))
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/records.db"}
    command = [sys.executable, "-m", "api", "--people", str(people), "--port"]
    with httpx.Client() as probe:
        port = _free_port()
        child = subprocess.Popen([*command, str(port)], env=environment)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(probe, f"{address}/health")
            assert probe.get(f"{address}/runs", headers={"Authorization": "Bearer t"}).json() == []
        finally:
            child.terminate()
            assert child.wait(10) == 0


def test_the_process_says_what_is_wrong_with_its_people(tmp_path, capsys):
    assert run(["--people", str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().err.startswith("api: the list of people")


def _free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _wait(probe, address):
    for _ in range(1200):
        try:
            if probe.get(address).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the API does not answer")


async def test_a_browser_at_the_root_is_led_to_the_console_and_a_program_is_told(as_person) -> None:
    http = as_person(None)
    browser = await http.get("/", headers={"Accept": "text/html,application/xhtml+xml"})
    assert (browser.status_code, browser.headers["location"]) == (307, "/console")
    program = await http.get("/", headers={"Accept": "*/*"})
    assert (program.status_code, "/docs" in program.json()["detail"]) == (404, True)
