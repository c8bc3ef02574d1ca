"""A real Docker engine and an image built from this checkout; tests are skipped where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BASE = os.environ.get("TEST_BASE_IMAGE", "commandcenter-base")
IMAGE = "commandcenter:test"
BUILD_SECONDS = 1800


def _run_docker(*arguments: str, seconds: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
    # The classic builder is there with every Docker; the Dockerfile needs no other.
    env = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=seconds, env=env, cwd=ROOT, check=False
    )
    assert not check or done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="session")
def run_docker(docker: None) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Docker's command line; fails the test where it fails, unless `check` is false."""
    return _run_docker


@pytest.fixture(scope="session")
def docker() -> None:
    """Docker answers here."""
    if shutil.which("docker") is None:
        pytest.skip("no docker here: install Debian's docker.io, and start dockerd, to run this")
    if _run_docker("info", check=False, seconds=30).returncode != 0:
        pytest.skip("no Docker engine answers here: start dockerd to run this")


@pytest.fixture(scope="session")
def image(docker: None) -> str:
    """The image of this checkout."""
    if _run_docker("image", "inspect", BASE, check=False).returncode != 0:
        pytest.skip(
            f"no image {BASE!r} to build on: make it with deployments/images/base.sh, or name TEST_BASE_IMAGE"
        )
    _run_docker(
        *("build", "--file", "deployments/images/Dockerfile", "--build-arg", f"BASE={BASE}", "--tag", IMAGE, "."),
        seconds=BUILD_SECONDS,
    )
    return IMAGE
