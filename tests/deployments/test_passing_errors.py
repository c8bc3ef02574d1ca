"""What the API says when it has trouble of its own is no reason to end a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deployments.flow_loader import FlowNotRunnable
from deployments.worker import CommandCenterWorker


@pytest.mark.parametrize(
    ("error", "crashed"), [(httpx.ReadError("the answer was lost"), 0), (FlowNotRunnable("no such flow"), 1)]
)
async def test_a_run_is_only_crashed_for_what_does_not_pass(error, crashed, monkeypatch) -> None:
    worker = CommandCenterWorker("pool")
    told: list[str] = []

    async def take(flow_run: Any) -> None:
        raise error

    async def crash(flow_run: Any, message: str) -> None:
        told.append(message)

    monkeypatch.setattr(worker, "_take", take)
    monkeypatch.setattr(worker, "_propose_crashed_state", crash)
    monkeypatch.setattr(worker, "get_flow_run_logger", lambda flow_run: worker._logger)
    await worker._submit_run(SimpleNamespace(id=uuid4(), state_id=uuid4()))
    assert len(told) == crashed
