"""A secret that agents used is found nowhere afterwards: not in a log, a database, an event, or Prefect."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any
from urllib.parse import quote


async def test_a_secret_that_was_used_is_in_no_file_of_the_platform(
    platform: Any, change: Any, watch: Any
) -> None:
    waiting = await watch.waiting(change.key)
    told = [each for each in waiting.agent_runs if each.agent_name == "notifier"]
    assert [each.status for each in told] == ["SUCCESS"], "the secret was used"
    platform.cli("reject", waiting.run.id, "create-fix-pr", "--by", "kim")
    await watch.ended(change.key)
    await asyncio.sleep(2)  # Prefect writes its logs in batches
    searched = 0
    for path in Path(platform.state).rglob("*"):
        if path.is_file():
            searched += 1
            content = path.read_bytes()
            for form in _forms(platform.canary):
                assert form not in content, path
    assert searched > 20


def _forms(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [raw, base64.b64encode(raw), raw.hex().encode(), quote(secret, safe="").encode(), raw[::-1]]
