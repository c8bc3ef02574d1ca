"""A sandbox whose jails are started ahead → once they stand."""

from __future__ import annotations

import asyncio

from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox


async def until_standing(sandbox: BubblewrapSandbox, jails: int = 1) -> None:
    """Returns when so many jails wait for a request. Raises TimeoutError after a minute."""
    async with asyncio.timeout(60):
        while sandbox.warm.standing < jails:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
