"""`agents new`, `agents test` and `agents run ./folder`: a newcomer's first agent, where no platform runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agents.sandbox.bubblewrap.binary import find_bwrap

COMMAND = Path(sys.executable).with_name("commandcenter")

pytestmark = [
    pytest.mark.jail,
    pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap on this machine"),
]


def command(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COMMANDCENTER_")}
    done = subprocess.run(
        [str(COMMAND), "agents", *arguments],
        input=given,
        capture_output=True,
        text=True,
        cwd=folder,
        env=kept,
        timeout=180,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("language", ["python", "shell", "node"])
def test_a_new_agent_works_passes_its_cases_and_a_broken_one_is_shown(tmp_path: Path, language: str) -> None:
    if language == "node" and shutil.which("node") is None:
        pytest.skip("no Node.js on this machine")
    made = command(tmp_path, "new", "greeter", "--lang", language)
    assert made.returncode == 0, made.stderr
    assert "try it: commandcenter agents test ./greeter" in made.stdout
    tested = command(tmp_path, "test", "./greeter")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "2 cases, 0 failed" in tested.stdout
    once = command(tmp_path, "run", "./greeter", "greet", "--input", "-", given='{"name": "Ada"}')
    assert once.returncode == 0, once.stderr
    assert json.loads(once.stdout) == {"text": "Hello Ada"}
    assert "greeting Ada" in once.stderr
    (tmp_path / "greeter" / "cases" / "greets.yaml").write_text(
        "action: greet\ninputs: {name: Ada}\nexpect: {text: Hello Bob}\n"
    )
    failed = command(tmp_path, "test", "./greeter")
    assert failed.returncode == 1
    assert 'output.text: expected "Hello Bob", got "Hello Ada"' in failed.stdout
    assert "2 cases, 1 failed" in failed.stdout


def test_registering_needs_the_records_and_no_other_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NATS_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    assert command(tmp_path, "new", "greeter", "--lang", "shell").returncode == 0
    assert "no platform is running" in command(tmp_path, "register", "./greeter").stderr
    url = f"sqlite:///{tmp_path}/records.db"
    monkeypatch.setenv("DATABASE_URL", url)
    subprocess.run([str(COMMAND), "db", "upgrade"], cwd=tmp_path, capture_output=True, timeout=180, check=True)
    registered = command(tmp_path, "register", "./greeter")
    assert registered.returncode == 0, registered.stderr
    assert "registered greeter" in registered.stdout
    assert command(tmp_path, "remove", "greeter").returncode == 0


def test_what_cannot_be_written_or_tested_is_a_sentence(tmp_path: Path) -> None:
    assert "'No Name' is not a name of an agent" in command(tmp_path, "new", "No Name").stderr
    assert "no template for 'cobol'" in command(tmp_path, "new", "one", "--lang", "cobol").stderr
    assert command(tmp_path, "new", "one", "--lang", "shell").returncode == 0
    assert "is there already" in command(tmp_path, "new", "one").stderr
    assert "for the one in the folder write ./one" in command(tmp_path, "test", "one").stderr
    case = tmp_path / "one" / "cases" / "greets.yaml"
    case.write_text("action: dance\nexpect: {}\n")
    assert "cases/greets.yaml: no action 'dance'; there are: greet" in command(tmp_path, "test", "./one").stderr
    case.write_text("action: greet\n")
    assert "give either expect" in command(tmp_path, "test", "./one").stderr
    (tmp_path / "one" / "requirements.txt").write_text("requests\n")
    assert "requirements.txt, line 1: 'requests' is not pinned" in command(tmp_path, "test", "./one").stderr
