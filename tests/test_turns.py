"""The order of the tests' files, and the early end of servers that they share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
import turns

ROOT = Path(__file__).parents[1]
ended: list[str] = []


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Named as one that is shared."""
    yield "started"
    ended.append("server")


def test_a_shared_server_ends_when_the_next_test_is_of_others(server: str, request: pytest.FixtureRequest) -> None:
    turns.end_unneeded(request.node, request.node)
    assert ended == []
    turns.end_unneeded(request.node, None)
    assert ended == ["server"]


def test_every_place_in_the_order_is_there() -> None:
    places = [*turns.PLACES, *(each for each in turns.LONGEST if each.startswith("tests/"))]
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_units_stay_whole_and_the_longest_begin(request: pytest.FixtureRequest) -> None:
    ordered = turns.in_turn(list(reversed(request.session.items)))
    units = [unit for unit, _ in groupby(ordered, key=lambda item: turns.unit_of(item.nodeid))]
    assert len(units) == len(set(units))
    long = [unit for unit in units if unit in turns.LONGEST]
    assert units[: len(long)] == [unit for unit in turns.LONGEST if unit in long]
    assert sorted(map(id, ordered)) == sorted(map(id, request.session.items))


def test_a_process_that_dies_ends_the_run_and_is_no_mere_failure(tmp_path: Path) -> None:
    # A file of its own, whose first test kills its process: the second one never runs.
    (tmp_path / "test_dies.py").write_text(
        f"import os\n\ndef test_dies():\n    os.kill(os.getpid(), {signal.SIGKILL:d})\n\ndef test_after():\n    pass\n"
    )
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text("def test_passes():\n    pass\n")
    plugins = ("-p", "turns", "-p", "no:cacheprovider", "--rootdir", str(tmp_path))
    options = ("--numprocesses", "2", "--max-worker-restart", "0", "--dist", "loadfile")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options, str(tmp_path)],
        env=env | {"PYTHONPATH": str(Path(turns.__file__).parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.INTERNAL_ERROR, done.stdout + done.stderr
    assert "crashed while running" in done.stdout


def test_make_test_ends_at_a_process_that_dies() -> None:
    assert "--max-worker-restart 0 --dist loadfile" in (ROOT / "Makefile").read_text(encoding="utf-8")
