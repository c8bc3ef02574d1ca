"""A real Docker engine and an image built from this checkout; tests are skipped where there is none."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BASE = os.environ.get("TEST_BASE_IMAGE", "commandcenter-base")
IMAGE = "commandcenter:test"
BUILD_SECONDS = 1800
START_SECONDS = 900


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


class Project:
    """One project of Compose, on ports and secrets of its own."""

    def __init__(self, folder: Path, image: str, standins: str) -> None:
        self.name = f"commandcenter-test-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        ports = {name: _free_port() for name in ("PREFECT_PORT", "API_PORT", "NATS_PORT")}
        self.ports = ports
        settings = {
            "COMMANDCENTER_IMAGE": image,
            "POSTGRES_IMAGE": standins,
            "NATS_IMAGE": standins,
            "SECRETS": str(folder / "secrets"),
            "REPOSITORIES": str(folder / "repositories"),
            **{name: str(port) for name, port in ports.items()},
        }
        (folder / "env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        made = [ROOT / "deployments" / "compose" / "make-secrets.sh", folder / "secrets"]
        self.token = (
            subprocess.run(made, capture_output=True, text=True, check=True).stdout.rpartition(": ")[2].strip()
        )

    def __call__(self, *arguments: str, seconds: float = 120, check: bool = True) -> str:
        files = ("--file", "compose.yaml", "--file", "deployments/compose/demo.yaml")
        command = [
            "docker",
            "compose",
            *files,
            "--env-file",
            str(self.folder / "env"),
            "--project-name",
            self.name,
        ]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=seconds, cwd=ROOT, check=False
        )
        assert not check or done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="session")
def project(image: str, run_docker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The stack of compose.yaml, healthy."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode != 0:
        pytest.skip("no docker compose here: install the plugin `docker-compose` to run this")
    standins = "commandcenter-standins"
    file = "tests/deployments/images/standins/Dockerfile"
    run_docker("build", "--file", file, "--build-arg", f"IMAGE={image}", "--tag", standins, ".", seconds=900)
    project = Project(tmp_path_factory.mktemp("compose"), image, standins)
    try:
        project("up", "--detach", "--wait", "worker", "listener", "api", seconds=START_SECONDS)
        yield project
    finally:
        project("--profile", "*", "down", "--volumes", "--remove-orphans", seconds=300, check=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
