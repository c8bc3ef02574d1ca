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
    """The image of this checkout; TEST_IMAGE names one that was built before."""
    if named := os.environ.get("TEST_IMAGE"):
        return named
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

    def __init__(self, folder: Path, image: str, standins: str, tree: Path = ROOT) -> None:
        self.image, self.standins, self.tree = image, standins, tree
        self.name = f"commandcenter-test-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        ports = {name: _free_port() for name in ("PREFECT_PORT", "API_PORT", "NATS_PORT")}
        self.ports = ports
        self.token = self.change(tree=tree, image=image).rpartition(": ")[2].strip()

    def change(self, *, tree: Path, image: str) -> str:
        """Use the files and the image of that version from now on; gives what `make-secrets.sh` says."""
        self.tree, self.image = tree, image
        settings = {
            "COMMANDCENTER_IMAGE": image,
            "POSTGRES_IMAGE": self.standins,
            "NATS_IMAGE": self.standins,
            "SECRETS": str(self.folder / "secrets"),
            "REPOSITORIES": str(self.folder / "repositories"),
            "BACKUPS": str(self.folder / "backups"),
            **{name: str(port) for name, port in self.ports.items()},
        }
        (self.folder / "env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        made = [tree / "deployments" / "compose" / "make-secrets.sh", self.folder / "secrets"]
        return subprocess.run(made, capture_output=True, text=True, check=True).stdout

    @property
    def command(self) -> list[str]:
        """How Compose is called for this project."""
        tree = self.tree
        files = ("--file", str(tree / "compose.yaml"), "--file", str(tree / "deployments/compose/demo.yaml"))
        place = ("--project-directory", str(tree), "--env-file", str(self.folder / "env"))
        return ["docker", "compose", *files, *place, "--project-name", self.name]

    def __call__(self, *arguments: str, seconds: float = 120, check: bool = True) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=self.tree,
            check=False,
        )
        assert not check or done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="session")
def standins(image: str, run_docker: Any) -> str:
    """An image that does what those of PostgreSQL and NATS do."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode != 0:
        pytest.skip("no docker compose here: install the plugin `docker-compose` to run this")
    name = "commandcenter-standins"
    file = "tests/deployments/images/standins/Dockerfile"
    run_docker("build", "--file", file, "--build-arg", f"IMAGE={image}", "--tag", name, ".", seconds=900)
    return name


@pytest.fixture(scope="session")
def project_of(standins: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Makes a project, which is not started, of an image and the files of its version."""

    def make(image: str, tree: Path = ROOT) -> Project:
        return Project(tmp_path_factory.mktemp("compose"), image, standins, tree)

    return make


@pytest.fixture(scope="session")
def project(image: str, project_of: Callable[..., Project]) -> Iterator[Project]:
    """The stack of compose.yaml, healthy."""
    project = project_of(image)
    try:
        project("up", "--detach", "--wait", "worker", "listener", "api", seconds=START_SECONDS)
        yield project
    finally:
        project("--profile", "*", "down", "--volumes", "--remove-orphans", seconds=300, check=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
