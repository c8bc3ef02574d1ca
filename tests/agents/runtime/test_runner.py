"""The runner as a process: what it makes of agents that behave, and of agents that do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ODD = Path(__file__).parents[1] / "odd_agent"


@dataclass
class Ended:
    status: int
    result: dict[str, Any] | None
    lines: list[str]
    artifacts: Path

    @property
    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line[1:]) for line in self.lines if line.startswith("\x1e")]


def run(tmp_path: Path, *, secrets: dict[str, str] | None = None, **request: Any) -> Ended:
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    asked = {"mode": "execute", "entry_path": str(ODD), "action": "act", "inputs": {}, **request}
    (tmp_path / "request.json").write_text(json.dumps(asked))
    env = {
        "PATH": os.environ["PATH"],
        "COMMANDCENTER_REQUEST": str(tmp_path / "request.json"),
        "COMMANDCENTER_RESULT": str(tmp_path / "result.json"),
        "COMMANDCENTER_ARTIFACTS": str(artifacts),
    }
    pass_fds: tuple[int, ...] = ()
    if secrets is not None:
        read, write = os.pipe()
        os.write(write, json.dumps(secrets).encode())
        os.close(write)
        env["COMMANDCENTER_SECRETS_FD"] = str(read)
        pass_fds = (read,)
    command = [sys.executable, "-I", "-m", "agents.runtime.runner"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, pass_fds=pass_fds)
    for descriptor in pass_fds:
        os.close(descriptor)
    result = tmp_path / "result.json"
    return Ended(
        done.returncode,
        json.loads(result.read_bytes()) if result.exists() else None,
        (done.stdout + done.stderr).split("\n"),
        artifacts,
    )


def test_a_good_result_is_written_apart_from_stdout(tmp_path):
    ended = run(tmp_path, inputs={"way": "greet", "timesToGreet": 2}, node_id="n1", idempotency_key="k")

    assert ended.status == 0
    assert ended.result is not None
    assert ended.result["ok"] is True
    assert ended.result["output"]["text"] == "hello from n1 k"
    assert "a stray line" in ended.lines
    assert ended.logged == [{"level": 30, "text": "two\nlines 2"}]


def test_saved_artifacts_are_files_beside_the_result(tmp_path):
    ended = run(tmp_path, inputs={"way": "greet"})

    assert ended.result is not None
    [saved] = ended.result["artifacts"]
    assert (saved["name"], saved["media_type"]) == ("hello.txt", "text/plain")
    assert (ended.artifacts / saved["file"]).read_bytes() == b"hello"
    assert ended.result["output"]["artifact"].startswith("artifact:2cf24dba")


def test_secrets_come_through_the_descriptor_only(tmp_path):
    ended = run(tmp_path, inputs={"way": "secret"}, secrets={"TOKEN": "12345"})

    assert ended.result is not None
    assert ended.result["output"]["text"] == "5 True False"


def test_a_missing_secret_is_named(tmp_path):
    ended = run(tmp_path, inputs={"way": "secret"})

    assert ended.result is not None
    assert ended.result["kind"] == "bad-request"
    assert "'TOKEN'" in ended.result["message"]


@pytest.mark.parametrize(
    ("way", "kind", "sentence"),
    [
        ("raise", "exit", "the agent failed: ValueError: it broke"),
        ("refuse", "exit", "the thing is not there"),
        ("later", "transient", "try later"),
        ("exit", "exit", "the agent failed: SystemExit: 3"),
        ("memory", "memory", "ran out of memory"),
        ("rubbish", "invalid-output", "result of action 'act' is refused"),
        ("surplus", "invalid-output", "more: Extra inputs are not permitted"),
    ],
)
def test_a_failure_has_its_kind_and_one_sentence(tmp_path, way, kind, sentence):
    ended = run(tmp_path, inputs={"way": way})

    assert ended.status == 1
    assert ended.result is not None
    assert ended.result["ok"] is False
    assert ended.result["kind"] == kind
    assert sentence in ended.result["message"]
    assert "\n" not in ended.result["message"]


def test_the_traceback_of_a_failure_is_in_the_log(tmp_path):
    ended = run(tmp_path, inputs={"way": "raise"})

    assert any("ValueError: it" in line["text"] and line["level"] == 40 for line in ended.logged)


def test_an_agent_that_dies_leaves_no_result_and_its_status(tmp_path):
    ended = run(tmp_path, inputs={"way": "die"})

    assert ended.status == 7
    assert ended.result is None


@pytest.mark.parametrize(
    ("request_", "kind", "sentence"),
    [
        ({"inputs": {"way": "greet", "colour": 1}}, "invalid-input", "colour: Extra inputs are not permitted"),
        ({"inputs": {"way": 5}}, "invalid-input", "way: Input should be a valid string"),
        ({"inputs": ["way"]}, "invalid-input", "refused"),
        ({"action": "fly"}, "bad-request", "agent 'odd' has no action 'fly'; it has: act, wait"),
        ({"entry_path": "agents.builtin.nobody"}, "bad-request", "no agent module 'agents.builtin.nobody'"),
        ({"entry_path": "agents.sdk.schema"}, "bad-request", "defines no agent"),
        ({"entry_path": "/nowhere/at/all"}, "bad-request", "has neither agent.py nor agent.yaml"),
        ({"mode": "dance"}, "bad-request", "mode 'dance'"),
    ],
)
def test_a_bad_request_says_what_is_wrong(tmp_path, request_, kind, sentence):
    ended = run(tmp_path, **request_)

    assert ended.result is not None
    assert ended.result["kind"] == kind
    assert sentence in ended.result["message"]


def test_coroutine_actions_are_awaited(tmp_path):
    ended = run(tmp_path, action="wait", inputs={"way": "x"})

    assert ended.result is not None
    assert ended.result["output"] == {"text": "waited for x", "artifact": None}


def test_describe_gives_the_manifest(tmp_path):
    ended = run(tmp_path, mode="describe")

    assert ended.result is not None
    manifest = ended.result["output"]
    assert manifest["name"] == "odd"
    assert [action["name"] for action in manifest["actions"]] == ["act", "wait"]
    assert manifest["actions"][0]["input_schema"]["required"] == ["way"]
    assert manifest["actions"][0]["output_schema"]["required"] == ["text", "artifact"]


def test_the_runner_imports_nothing_heavy():
    seen = "import sys, agents.runtime.runner, agents.runtime.execution, agents.sdk; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", seen], capture_output=True, text=True, check=True)

    heavy = {"asyncio", "compiler", "jsonschema", "prefect", "sqlalchemy", "rich", "rfc8785", "ssl", "subprocess"}
    assert not heavy & set(done.stdout.split())
