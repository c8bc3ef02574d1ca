"""What the tests of the agents share."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from agents.sdk.context import Context
from deployments.demo.sample_repository import DemoRepository, make_repository


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A context as the runner makes it, without settings and secrets."""
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    return Context(run_id="r1", node_id="n1", idempotency_key="key-1", env={}, artifacts_folder=artifacts)


@pytest.fixture(scope="session")
def original_shop(tmp_path_factory: pytest.TempPathFactory) -> DemoRepository:
    """Made once: git takes a while."""
    return make_repository(tmp_path_factory.mktemp("original"))


@pytest.fixture
def shop(tmp_path: Path, original_shop: DemoRepository) -> DemoRepository:
    """The sample application, two commits, with its remote; a copy to each test."""
    path, remote = tmp_path / "shop", tmp_path / "shop.git"
    shutil.copytree(original_shop.path, path)
    shutil.copytree(original_shop.remote, remote)
    config = path / ".git" / "config"
    config.write_text(config.read_text().replace(str(original_shop.remote), str(remote)))
    return dataclasses.replace(original_shop, path=path, remote=remote)
