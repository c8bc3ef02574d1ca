"""Every test has a marker, and `unit` is true: what is marked so starts no process and opens no socket."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MARKERS = "unit or server or jail or browser or e2e or faults"

pytestmark = pytest.mark.server


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_no_test_is_without_a_marker(request: pytest.FixtureRequest) -> None:
    """Of those of this very session: to collect the whole suite once more takes longer than most tests."""
    names = MARKERS.split(" or ")
    found = [item.nodeid for item in request.session.items if not any(map(item.get_closest_marker, names))]
    assert request.session.items
    assert found == []


@pytest.mark.parametrize("marker", MARKERS.split(" or "))
def test_each_marker_selects_tests(marker: str, request: pytest.FixtureRequest) -> None:
    registered = [line.split(":")[0] for line in request.config.getini("markers")]
    assert marker in registered


@pytest.mark.parametrize(
    "act",
    ["import subprocess; subprocess.run(['true'])", "import socket; socket.socket().bind(('127.0.0.1', 0))"],
)
def test_a_unit_test_that_reaches_outside_the_process_fails(act: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    paths = f"{ROOT / 'bench'} {ROOT / 'tests' / 'support'}"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nmarkers = unit\npythonpath = {paths}\n")
    (tmp_path / "test_it.py").write_text(f"import pytest\n\ndef test_it():\n    {act}\n")
    found = run_pytest(tmp_path, "-m", "unit")
    assert found.returncode == 1
    assert "is marked `unit`, but calls" in found.stdout
