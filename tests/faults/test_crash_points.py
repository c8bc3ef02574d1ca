"""Crash points: they kill once, at the pass that was ordered, and only where the harness wants them to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reliability.fault_points import POINTS, FaultPointRefused, fault_plan

ROOT = Path(__file__).parents[2]
PASS_TWICE = (
    "from reliability.fault_points import fault_point\nfor _ in range(2): fault_point('run-created'); print(1)"
)


def passing(**environment: str) -> subprocess.CompletedProcess[str]:
    """A process that passes a point twice."""
    env = {**os.environ, **environment}
    command = [sys.executable, "-u", "-c", PASS_TWICE]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_a_process_dies_at_the_pass_that_was_ordered_and_its_successor_lives(tmp_path: Path) -> None:
    ordered = {"COMMANDCENTER_FAULTS": str(tmp_path), "CRASH_AT": "run-created:2"}
    died = passing(**ordered)
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, "1\n")
    assert passing(**ordered).stdout == "1\n1\n"


def test_an_order_in_the_folder_reaches_a_process_that_runs(tmp_path: Path) -> None:
    (tmp_path / "crash-at").write_text("run-created:1:a")
    assert passing(COMMANDCENTER_FAULTS=str(tmp_path)).returncode == -signal.SIGKILL
    assert (tmp_path / "crashed-run-created:1:a").exists()


def test_without_the_harness_an_order_is_refused_at_the_start() -> None:
    refused = passing(CRASH_AT="run-created:1")
    assert refused.returncode == 1
    assert "only for the fault harness" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize("order", ["nowhere:1", "run-created:0", "run-created:often"])
def test_an_order_that_names_no_pass_is_refused(tmp_path: Path, order: str) -> None:
    with pytest.raises(FaultPointRefused, match="is not point:n"):
        fault_plan({"COMMANDCENTER_FAULTS": str(tmp_path), "CRASH_AT": order})


def test_every_point_is_passed_somewhere_and_no_other_is() -> None:
    rooms = ("records", "tasks", "flows", "triggers", "deployments", "agents", "api")
    code = "".join(file.read_text() for room in rooms for file in (ROOT / room).rglob("*.py"))
    assert sorted(re.findall(r'fault_point\("([a-z-]+)"\)', code)) == sorted(POINTS)
