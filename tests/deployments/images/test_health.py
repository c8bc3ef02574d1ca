"""The health check of the image: by request, by sign of life, and without anything to check."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deployments.images import health


@pytest.fixture(autouse=True)
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "health.json"
    monkeypatch.setenv(health.VARIABLE, str(file))
    return file


def run_it() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "deployments.images.health"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=os.environ)


def test_a_part_that_touches_its_file_is_healthy_until_it_stops_to(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    health.check_by_file(str(ready))
    starting = run_it()
    assert (starting.returncode, starting.stdout) == (1, "the part is still starting\n")
    ready.touch()
    assert run_it().returncode == 0
    old = time.time() - health.MAX_AGE_SECONDS - 1
    os.utime(ready, (old, old))
    stuck = run_it()
    assert stuck.returncode == 1
    assert re.search(r"no sign of life for \d+ s", stuck.stdout)


def test_a_part_with_a_port_is_healthy_while_it_answers_well() -> None:
    status = [200]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/health"
        health.check_by_url(url)
        assert run_it().returncode == 0
        status[0] = 503
        assert run_it().returncode == 1
        server.shutdown()
        thread.join()
    gone = run_it()
    assert gone.returncode == 1
    assert url in gone.stdout


@pytest.mark.parametrize("part", health.PARTS)
def test_a_part_that_is_still_loading_is_not_healthy_yet(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "cmdline"
    monkeypatch.setattr(health, "_FIRST", first)
    first.write_bytes(f"/usr/bin/tini\0--\0commandcenter\0{part}\0--host\0".encode())
    assert health.problem() == "the part is still starting"
    first.write_bytes(b"/usr/bin/tini\0--\0prefect\0flow-run\0execute\0")
    assert health.problem() is None


def test_a_container_without_a_part_is_healthy(named: Path) -> None:
    assert not named.exists()
    assert run_it().returncode == 0


def test_outside_of_the_image_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(health.VARIABLE)
    monkeypatch.chdir(tmp_path)
    health.check_by_url("http://127.0.0.1:1/")
    assert not list(tmp_path.iterdir())
    assert health.problem() is None


def test_it_is_quick_enough_to_be_asked_every_few_seconds() -> None:
    """Nothing of the platform is imported by it, least of all Prefect."""
    code = (
        "import sys, deployments.images.health; sys.exit(any(each.startswith('prefect') for each in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
