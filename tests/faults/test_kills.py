"""The short version of the fault harness: a few crash points and random kills of a real platform."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).parents[2] / "bench" / "faults.py"


def test_nothing_is_lost_doubled_unapproved_or_stuck_when_parts_are_killed(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = [sys.executable, str(HARNESS), "--short", "--json", str(result), "--folder", str(tmp_path / "state")]
    # A warning of the harness is no failure of the platform.
    env = {**os.environ, "PYTHONWARNINGS": "default"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=900)
    assert result.exists(), done.stderr[-3000:]
    found = json.loads(result.read_text())
    verdict = found["verdict"]
    assert [problem for each in found["rounds"] for problem in each["problems"]] == []
    assert {name: verdict[name] for name in ("lost", "doubled", "unapproved", "stuck")} == {
        "lost": [],
        "doubled": [],
        "unapproved": [],
        "stuck": [],
    }
    assert len(found["kills"]) >= 6
    assert verdict["runs"] >= 9
    assert verdict["branches"] >= 6
