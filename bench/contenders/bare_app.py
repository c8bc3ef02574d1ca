"""The shapes as nothing but processes: what any engine could reach at best."""

from __future__ import annotations

import asyncio
import os
from typing import cast

from contenders.child_app import serve, timed
from contenders.step import BareStep, StepKind


class Bare:
    """Steps, one after the other or side by side."""

    def __init__(self) -> None:
        self._step = BareStep(cast("StepKind", os.environ["BENCH_STEP"])).step

    async def run(self, shape: str, times: int) -> float:
        """So many at once."""
        return await timed(self._w1 if shape == "w1" else self._w5, times)

    async def resume(self) -> None:
        """Nothing waits."""

    async def _w1(self) -> None:
        await self._step()

    async def _w5(self) -> None:
        await self._step()
        await self._step()
        await asyncio.gather(self._step(), self._step())
        await self._step()


if __name__ == "__main__":
    asyncio.run(serve(Bare()))
