"""The shapes as somebody would write them by hand in Prefect."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, cast

from prefect import flow, task
from prefect.flow_runs import asuspend_flow_run

from contenders.step import BareStep, StepKind


@task
async def step() -> dict[str, Any]:
    return await BareStep(cast("StepKind", os.environ["BENCH_STEP"])).step()


@flow
async def w1() -> None:
    await step()


@flow
async def w5() -> None:
    await step()
    await step()
    await asyncio.gather(step(), step())
    await step()


@flow
async def gated() -> None:
    await asuspend_flow_run(wait_for_input=str)
    began = (await step())["began"]
    Path(os.environ["BENCH_FOLDER"], "began").write_text(str(began))
