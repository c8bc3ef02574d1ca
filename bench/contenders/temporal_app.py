"""The shapes as Temporal workflows, on the development server of Temporal's command line with SQLite in a file."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from datetime import timedelta
from typing import Any, cast

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from contenders.child_app import serve, timed
from contenders.step import BareStep, StepKind

_bare = BareStep(cast("StepKind", os.environ["BENCH_STEP"]))
_QUEUE = "bench"


@activity.defn
async def step() -> dict[str, Any]:
    return await _bare.step()


def _step() -> Any:
    return workflow.execute_activity(step, start_to_close_timeout=timedelta(minutes=5))


@workflow.defn
class W1:
    @workflow.run
    async def run(self) -> None:
        await _step()


@workflow.defn
class W5:
    @workflow.run
    async def run(self) -> None:
        await _step()
        await _step()
        await asyncio.gather(_step(), _step())
        await _step()


@workflow.defn
class Gated:
    def __init__(self) -> None:
        self._decided = False

    @workflow.run
    async def run(self) -> float:
        await workflow.wait_condition(lambda: self._decided)
        return (await _step())["began"]

    @workflow.signal
    def decide(self) -> None:
        self._decided = True


class Temporal:
    """Starts the workflows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self, shape: str, times: int) -> float:
        """So many at once."""
        flow: Any = W1.run if shape == "w1" else W5.run
        return await timed(
            lambda: self._client.execute_workflow(flow, id=str(uuid.uuid4()), task_queue=_QUEUE), times
        )

    async def resume(self) -> float:
        """The signal is the decision."""
        handle = await self._client.start_workflow(Gated.run, id=str(uuid.uuid4()), task_queue=_QUEUE)
        await asyncio.sleep(1)
        decided = time.time()
        await handle.signal(Gated.decide)
        return await handle.result() - decided


async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    runner = UnsandboxedWorkflowRunner()
    async with Worker(
        client, task_queue=_QUEUE, workflows=[W1, W5, Gated], activities=[step], workflow_runner=runner
    ):
        await serve(Temporal(client))


if __name__ == "__main__":
    asyncio.run(main())
