"""`commandcenter demo`, as the README's first command runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("commandcenter"))


def demo(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "demo", "--state", str(state), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


def left_running(state: Path) -> list[str]:
    """Processes that still have something to do with the state folder."""
    found: list[str] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and str(state) in " ".join([*process.cmdline(), process.cwd()]):
                found.append(" ".join(process.cmdline()))
            elif process.environ().get("COMMANDCENTER_STATE") == str(state):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def test_an_approved_demo_ends_well_and_leaves_nothing_running(state: Path) -> None:
    done = demo(state, "--approve", "--notes", "go ahead")
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in (
        "/runs/flow-run/",
        "APPROVAL REQUIRED",
        "generateFixPR",
        "ended with SUCCESS: 4 nodes in",
        "go ahead",
        "✓ the event workflow.completed.security-audit-deploy came over NATS",
        "vulnerable lines are gone",
        "the platform does this and nothing else: Push branch security-fixes-",
        "+++ b/",
        "✓ exactly the diff that was approved is in it",
    ):
        assert shown in done.stdout, shown
    end = done.stdout.split("ended with SUCCESS")[1]
    assert "✗" not in end
    assert end.count("✓") >= 4
    assert "{" not in end
    assert len(end) < 1_500
    assert left_running(state) == []


def test_a_second_run_works_on_the_state_of_the_first(state: Path) -> None:
    done = demo(state, "--workflow", "compliance-check-weekly", "--verbose")
    assert done.returncode == 0, done.stdout + done.stderr
    event = done.stdout.split("workflow.completed.compliance-check-weekly as received from NATS:")[1]
    assert '"status": "SUCCESS"' in event
    assert "1 e-mail with 1 PDF" in done.stdout
    listed = subprocess.run(
        [sys.executable, "-c", _RUNS, str(state)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert listed == ["security-audit-deploy", "compliance-check-weekly"]


_RUNS = """
import sqlite3, sys
rows = sqlite3.connect(sys.argv[1] + "/records.db").execute(
    'select w.name from "WorkflowRun" r join "Workflow" w on w.id = r."workflowId" order by r."startedAt"')
print(*[name for name, in rows], sep="\\n")
"""


def test_ctrl_c_in_the_middle_leaves_nothing_running(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "demo", "--state", str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and so would this one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    seen = ""
    deadline = time.monotonic() + 120
    while "Here:" not in seen and time.monotonic() < deadline:
        seen += process.stdout.read(1)
    assert "Here:" in seen, seen
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert left_running(tmp_path) == []


def test_a_taken_port_is_one_clear_message(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo(tmp_path, "--approve", "--prefect-port", str(port))
    assert done.returncode == 1
    assert f"port {port} for Prefect's server is in use" in done.stderr
    assert "--prefect-port" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_running(tmp_path) == []


def test_a_database_that_is_not_there_is_one_clear_message(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "up", "--state", str(tmp_path), "--database-url", "postgresql://x:secret-word@127.0.0.1:9/none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert "secret-word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert left_running(tmp_path) == []
