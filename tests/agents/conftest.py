"""What the tests of the agents share."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.context import Context
from agents.sample_repository import DemoRepository, make_repository


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A context as the runner makes it, without settings and secrets."""
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    return Context(run_id="r1", node_id="n1", idempotency_key="key-1", env={}, artifacts_folder=artifacts)


@pytest.fixture
def shop(tmp_path: Path) -> DemoRepository:
    """The sample application, two commits, with its remote."""
    return make_repository(tmp_path)
