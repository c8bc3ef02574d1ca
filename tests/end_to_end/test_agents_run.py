"""`commandcenter agents run`: an agent run by hand sees what it would in a workflow."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from forked_command import run_command

from agents.repository.git import Git
from deployments.demo.sample_repository import DemoRepository, make_repository

SECRET = "xoxb-by-hand-8f3e1a6c90d2"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DemoRepository:
    return make_repository(tmp_path_factory.mktemp("shop"))


class ByHand:
    """The command, in a folder of its own where no platform runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env: dict[str, str] = {}

    def run(self, agent: str, action: str, inputs: dict[str, Any], *more: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COMMANDCENTER_")}
        done = run_command(
            ["agents", "run", agent, action, "--input", "-", *more],
            text=json.dumps(inputs),
            cwd=self.folder,
            env={**kept, **self.env},
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done


@pytest.fixture
def by_hand(tmp_path: Path) -> ByHand:
    return ByHand(tmp_path)


@pytest.fixture
def chat() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A Slack end, and what it was sent."""
    messages: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            messages.append({**body, "authorization": self.headers["Authorization"]})
            content = json.dumps({"ok": True, "ts": "1.2", "channel": "C1"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/", messages
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_scanner_gets_the_repository_by_its_path(by_hand, shop):
    done = by_hand.run(
        "security-scanner", "scanRepository", {"repositoryPath": str(shop.path), "scanType": "FULL"}
    )

    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["vulnerabilities"]) >= 8


def test_a_path_is_taken_from_where_one_stands(by_hand, shop):
    by_hand.folder = shop.path

    done = by_hand.run("security-scanner", "scanRepository", {"repositoryPath": ".", "scanType": "FULL"})

    assert done.returncode == 0, done.stderr


def test_folders_that_the_worker_allows_bound_the_person_too(by_hand, shop, tmp_path):
    by_hand.env = {"COMMANDCENTER_REPOSITORIES": str(tmp_path)}

    done = by_hand.run(
        "security-scanner", "scanRepository", {"repositoryPath": str(shop.path), "scanType": "FULL"}
    )

    assert done.returncode == 1
    assert "lies outside" in done.stderr


def test_a_project_has_its_own_folders_by_hand_as_well(by_hand, shop, tmp_path):
    given = {"repositoryPath": str(shop.path), "scanType": "FULL"}
    by_hand.env = {"COMMANDCENTER_REPOSITORIES_PROJECT_2": str(shop.path.parent)}
    by_hand.env["COMMANDCENTER_REPOSITORIES"] = str(tmp_path)

    first = by_hand.run("security-scanner", "scanRepository", given)
    second = by_hand.run("security-scanner", "scanRepository", given, "--project", "2")
    by_hand.env = {"COMMANDCENTER_REPOSITORIES": str(shop.path.parent), "COMMANDCENTER_MODE": "production"}
    third = by_hand.run("security-scanner", "scanRepository", given, "--project", "3")

    assert first.returncode == 1
    assert "lies outside" in first.stderr
    assert second.returncode == 0, second.stderr
    assert third.returncode == 1
    assert "lies outside" in third.stderr


@pytest.mark.parametrize("asked", ["TOKEN", "PROJECT_2_TOKEN"])
def test_no_name_opens_another_projects_secret_by_hand(by_hand, chat, asked):
    by_hand.env = {
        "COMMANDCENTER_SETTING_SLACK_API_URL": chat[0],
        "COMMANDCENTER_SECRET_SLACK_BOT_TOKEN": SECRET,
        "COMMANDCENTER_SECRET_PROJECT_2_TOKEN": SECRET,
    }

    done = by_hand.run("notifier", "sendSlack", {"channel": "#a", "message": "Hi"}, "--secret", asked)

    assert done.returncode == 1
    assert asked in done.stderr
    assert SECRET not in done.stderr
    assert chat[1] == []


@pytest.mark.parametrize("source", ["environment", "file"])
def test_the_notifier_gets_its_secret_by_name_and_nobody_sees_it(by_hand, chat, tmp_path, source):
    url, messages = chat
    by_hand.env = {"COMMANDCENTER_SETTING_SLACK_API_URL": url}
    if source == "environment":
        by_hand.env["COMMANDCENTER_SECRET_SLACK_BOT_TOKEN"] = SECRET
    else:
        (tmp_path / ".commandcenter" / "secrets").mkdir(parents=True)
        (tmp_path / ".commandcenter" / "secrets" / "SLACK_BOT_TOKEN").write_text(f"{SECRET}\n")

    done = by_hand.run("notifier", "sendSlack", {"channel": "#a", "message": "hello"})

    assert done.returncode == 0, done.stderr
    assert [one["authorization"] for one in messages] == [f"Bearer {SECRET}"]
    assert SECRET not in done.stdout + done.stderr


def test_a_secret_that_must_be_there_is_named(by_hand):
    done = by_hand.run("notifier", "sendSlack", {"channel": "#a", "message": "x"}, "--secret", "SLACK_BOT_TOKEN")

    assert done.returncode == 1
    assert "no value for secret 'SLACK_BOT_TOKEN'" in done.stderr


def test_a_saved_file_is_kept_listed_and_can_be_given_to_the_next_agent(by_hand, tmp_path):
    done = by_hand.run("report-generator", "createPDF", {"violations": [], "score": 100}, "--json")

    found = json.loads(done.stdout)
    [kept] = found["artifacts"]
    assert Path(kept).is_relative_to(tmp_path / "artifacts")
    assert Path(kept).read_bytes().startswith(b"%PDF-")
    assert f"kept: {kept}" in done.stderr

    attachment = found["output"]["pdfPath"]
    mail = {"recipients": ["a@x.org"], "subject": "s", "attachment": attachment, "condition": False}
    assert by_hand.run("notifier", "sendEmail", mail).returncode == 0
    gone = by_hand.run("notifier", "sendEmail", {**mail, "attachment": "artifact:0/../../etc/passwd"})
    assert gone.returncode == 1
    assert "is not recorded" in gone.stderr


def test_an_effect_is_shown_and_not_carried_out(by_hand, shop):
    scan = by_hand.run(
        "security-scanner", "scanRepository", {"repositoryPath": str(shop.path), "scanType": "FULL"}
    )
    before = Git(folder=shop.remote).text("for-each-ref")
    inputs = {
        "vulnerabilities": json.loads(scan.stdout)["vulnerabilities"],
        "repositoryPath": str(shop.path),
        "targetBranch": "fixes",
    }

    done = by_hand.run("patcher", "generateFixPR", inputs)

    assert done.returncode == 0, done.stderr
    assert "diff --git" in json.loads(done.stdout)["patch"]
    assert "effect 'publish-branch' was not carried out" in done.stderr
    assert "a workflow would: Push branch fixes with " in done.stderr
    assert "The change, exactly as it will be pushed:" in done.stderr
    assert Git(folder=shop.remote).text("for-each-ref") == before


def test_a_host_besides_the_agents_own_is_allowed_by_name_only(by_hand, chat):
    url, messages = chat
    inputs = {"url": url, "payload": {"a": 1}}
    host = url.split("/")[2]

    assert by_hand.run("notifier", "sendWebhook", inputs).returncode == 1
    assert messages == []
    assert by_hand.run("notifier", "sendWebhook", inputs, "--network", host).returncode == 0
    assert [one["a"] for one in messages] == [1]
