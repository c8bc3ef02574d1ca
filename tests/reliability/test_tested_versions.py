"""Libraries whose private parts are replaced: their versions are those of the tests, or nothing starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reliability import tested_versions
from reliability.tested_versions import TESTED, UntestedVersion, require_tested, versions

ROOT = Path(__file__).parents[2]
PRETEND = "import sys; from reliability import tested_versions as t; t.TESTED[sys.argv[1]] = '9.9.9'; "


def test_they_are_those_of_the_constraints_and_installed() -> None:
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    for library, wanted in TESTED.items():
        assert pinned[library] == wanted
        require_tested(library)
    assert versions()["prefect"] == TESTED["prefect"]


def test_another_version_is_named_with_the_one_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested_versions, "installed", {"prefect": "3.9.0"}.get)
    with pytest.raises(
        UntestedVersion, match=r"^prefect 3\.9\.0 cannot be used: .* pip install prefect==3\.8\.8$"
    ):
        require_tested("prefect")
    with pytest.raises(UntestedVersion, match="aiosqlite is not there"):
        require_tested("aiosqlite")


@pytest.mark.parametrize(
    ("library", "starts"),
    [
        ("prefect", "from deployments.worker.worker import CommandCenterWorker; CommandCenterWorker('pool')"),
        ("prefect", "from deployments.prefect_server import sqlite; sqlite.use('sqlite+aiosqlite:///x')"),
        ("aiosqlite", "from records.database.connections import Database; Database('sqlite:///x')"),
    ],
)
def test_the_worker_and_the_server_refuse_another_version_with_one_sentence(
    tmp_path: Path, library: str, starts: str
) -> None:
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PRETEND + starts, library],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1
    assert f"pip install {library}==9.9.9" in done.stderr.splitlines()[-1]
