"""The shapes as DBOS workflows on SQLite, its default."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path
from typing import Any, cast

from dbos import DBOS

from contenders.child_app import serve, timed
from contenders.step import BareStep, StepKind

_bare = BareStep(cast("StepKind", os.environ["BENCH_STEP"]))


@DBOS.step()
async def step() -> dict[str, Any]:
    return await _bare.step()


@DBOS.workflow()
async def w1() -> None:
    await step()


@DBOS.workflow()
async def w5() -> None:
    await step()
    await step()
    await asyncio.gather(step(), step())
    await step()


@DBOS.workflow()
async def gated() -> float:
    await DBOS.recv_async("decision", timeout_seconds=60)
    return (await step())["began"]


class Dbos:
    """Starts the workflows."""

    async def run(self, shape: str, times: int) -> float:
        """So many at once."""
        return await timed(w1 if shape == "w1" else w5, times)

    async def resume(self) -> float:
        """The message is the decision."""
        handle = await DBOS.start_workflow_async(gated)
        await asyncio.sleep(random.uniform(0.5, 1.5))  # it looks once a second: any moment is as good
        decided = time.time()
        await DBOS.send_async(handle.workflow_id, "yes", "decision")
        return await handle.get_result() - decided


if __name__ == "__main__":
    database = Path(os.environ["BENCH_FOLDER"]) / "dbos.sqlite"
    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{database}", "log_level": "ERROR"})
    DBOS.launch()
    asyncio.run(serve(Dbos()))
    DBOS.destroy()
