"""`server`, `worker`, `listener` and `migrate` as a container starts them: one process each, secrets as files."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from forked_command import COMMAND, run_command


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a container of the image has, on folders of this test."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "COMMANDCENTER_"))
    }
    kept.pop("DATABASE_URL", None)
    return {
        **kept,
        "COMMANDCENTER_STATE": str(tmp_path / "state"),
        "COMMANDCENTER_READY_FILE": str(tmp_path / "ready"),
        "COMMANDCENTER_HEALTH_FILE": str(tmp_path / "health.json"),
        "PREFECT_HOME": str(tmp_path / "prefect"),
    }


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for each in processes:
        each.kill()
        each.wait()


def run_it(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command(arguments, env=environment)


def healthy(environment: Mapping[str, str]) -> bool:
    command = [sys.executable, "-m", "deployments.images.health"]
    return subprocess.run(command, capture_output=True, timeout=300, env=dict(environment)).returncode == 0


def test_the_server_becomes_one_process_that_takes_its_database_from_a_file_and_ends_when_told(
    environment: dict[str, str], started: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    file = tmp_path / "url"
    file.write_text(f"sqlite+aiosqlite:///{tmp_path / 'prefects-own.db'}\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**environment, "PREFECT_API_DATABASE_CONNECTION_URL_FILE": str(file)}
    process = subprocess.Popen([COMMAND, "server", "--port", str(port)], env=env)
    started.append(process)
    deadline = time.monotonic() + 300
    while not ((tmp_path / "health.json").exists() and healthy(environment)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert httpx.get(f"http://127.0.0.1:{port}/api/health", trust_env=False).is_success
    assert (tmp_path / "prefects-own.db").exists()
    assert b"deployments.prefect_server" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    process.send_signal(signal.SIGTERM)
    # uvicorn ends by the signal that it was sent, once it has closed everything.
    assert process.wait(30) in (0, -signal.SIGTERM)
    assert not healthy(environment)


def test_migrate_makes_the_tables_and_registers_the_agents_and_may_be_repeated(
    environment: dict[str, str], tmp_path: Path
) -> None:
    of_project_7 = {**environment, "COMMANDCENTER_PROJECT_ID": "7"}
    for _ in range(2):
        done = run_it(of_project_7, "migrate", "--publisher", "publisher", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["revision"]
    with closing(sqlite3.connect(tmp_path / "state" / "records.db")) as database:
        assert database.execute(
            'SELECT count(*) FROM "Agent" WHERE name = ?', ("security-scanner",)
        ).fetchone() == (1,)
        # What the listener looks for: whose events come from an account of NATS.
        publishers = database.execute('SELECT name, "projectId" FROM "EventPublisher"').fetchall()
        assert publishers == [("publisher", 7)]


def test_migrate_refuses_a_database_of_a_newer_version_in_a_sentence_and_leaves_it_alone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert run_it(environment, "migrate").returncode == 0
    with closing(sqlite3.connect(tmp_path / "state" / "records.db")) as database:
        database.execute("UPDATE _commandcenter_migrations SET version_num = '9999'")
        database.commit()
        before = list(database.iterdump())
    refused = run_it(environment, "migrate")
    assert refused.returncode == 1
    assert "is at revision '9999', which this version" in refused.stderr
    assert "restore the backup" in refused.stderr
    assert "Traceback" not in refused.stderr
    with closing(sqlite3.connect(tmp_path / "state" / "records.db")) as database:
        assert list(database.iterdump()) == before


def test_migrate_waits_for_a_database_and_then_says_that_there_is_none(environment: dict[str, str]) -> None:
    env = {**environment, "DATABASE_URL": "postgresql://nobody:hidden-word@127.0.0.1:1/records"}
    began = time.monotonic()
    refused = run_it(env, "migrate", "--wait", "4")
    assert refused.returncode == 1
    assert time.monotonic() - began > 2, refused.stderr
    assert "127.0.0.1" in refused.stderr
    assert "hidden-word" not in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("command", [["worker"], ["listener"], ["server"], ["migrate"], ["runs"]])
def test_a_secret_file_that_is_not_there_is_a_sentence(command: list[str], environment: dict[str, str]) -> None:
    refused = run_it({**environment, "NATS_URL_FILE": "/nowhere/nats"}, *command)
    assert refused.returncode == 1
    assert "the file '/nowhere/nats' that NATS_URL_FILE names cannot be read" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_secret_of_prefect_reaches_prefect_in_a_command_that_has_imported_it_already(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "auth"
    file.write_text("admin:word")
    env = {**environment, "PREFECT_API_AUTH_STRING_FILE": str(file), "PREFECT_API_URL": "http://127.0.0.1:1/api"}
    # The command starts itself again; what it then has is what any process it starts sees.
    probe = "import os; print(os.environ['PREFECT_API_AUTH_STRING'], 'PREFECT_API_AUTH_STRING_FILE' in os.environ)"
    script = tmp_path / "again.py"
    script.write_text(f"import sys\nif '--again' in sys.argv:\n    {probe}\n    sys.exit()\n")
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys, prefect, deployments.cli.main as m\n"
            f"sys.orig_argv = [sys.executable, {str(script)!r}, '--again']\n"
            "m.main()",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        env=env,
        check=False,
    )
    assert shown.stdout == "admin:word False\n"
