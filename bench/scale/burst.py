"""Hundreds of events published at once -> how long until all their runs have ended, and whether anything went wrong."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from contenders.processes import Peak

from deployments.stack.connection import connect_to
from scale.platform import Up, until_ended

_TROUBLE = re.compile(
    r"database is locked|database table is locked|deadlock detected|50[03] (?:Internal|Service)", re.IGNORECASE
)


async def burst(folder: Path, *, runs: int, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All of it; what was found, as data."""
    async with _platform(folder, env) as up, connect_to(up.addresses) as connection:
        began = time.monotonic()
        async with Peak(lambda: up.pids) as peak:
            await up.publish("burst", range(runs))
            published = time.monotonic() - began
            ended = await until_ended(connection.records, runs, look_every=1)
        seconds = time.monotonic() - began
        agent_runs = [len(await connection.records.agent_runs(each.id)) for each in ended]
        logs = {log.name: _TROUBLE.findall(log.read_text(errors="replace")) for log in folder.glob("state/logs/*")}
    return {
        "runs": runs,
        "seconds_to_publish": round(published, 1),
        "seconds_until_all_have_ended": round(seconds, 1),
        "ended": dict(Counter(each.status for each in ended)),
        "agent_runs": dict(Counter(agent_runs)),
        "peak_mb": round(peak.megabytes),
        "troubles_in_logs": {name: dict(Counter(found)) for name, found in logs.items() if found},
    }


@asynccontextmanager
async def _platform(folder: Path, env: Mapping[str, str] | None) -> AsyncGenerator[Up]:
    up = Up(folder, env=env)
    try:
        await up.start()
        await up.deploy()
        yield up
    finally:
        await up.stop()
