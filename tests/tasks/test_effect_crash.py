"""A process that is killed between the effect and its record: the next attempt finds what the first one did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.repository.git import Git
from deployments.demo.sample_repository import DemoRepository, make_repository

SCRIPT = Path(__file__).with_name("effect_once.py")
pytestmark = pytest.mark.server


def attempt(shop: DemoRepository, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(shop.path), shop.commit],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_branch_is_pushed_once_by_attempts_of_which_the_first_was_killed(tmp_path: Path) -> None:
    shop = make_repository(tmp_path)
    faults = tmp_path / "faults"
    faults.mkdir()
    killed = attempt(shop, COMMANDCENTER_FAULTS=str(faults), CRASH_AT="branch-published:1")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    git = Git(folder=shop.remote)
    pushed = git.text("rev-parse", "fixes")

    again = attempt(shop)

    assert again.returncode == 0, again.stderr
    output = json.loads(again.stdout)
    assert (output["branch"], output["commit"], output["prNumber"]) == ("fixes", pushed, 1)
    heads = git.text("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
    assert heads == ["fixes", "main"]
    assert git.text("for-each-ref", "--format=%(refname)", "refs/pull").splitlines() == ["refs/pull/1/head"]
