"""Which project a request to Prefect is made for -> a header, by which the server serves projects in turn."""

from __future__ import annotations

import httpx
from prefect.client.orchestration import PrefectClient

from reliability.tested_versions import require_tested
from reliability.turns import LANE

HEADER = "x-commandcenter-lane"


def say_lane(client: PrefectClient) -> None:
    """From now on each request of this client says it, where the task that makes it knows."""
    require_tested("prefect")
    inner = client._client  # pyright: ignore[reportPrivateUsage]
    hooks = inner.event_hooks
    inner.event_hooks = {**hooks, "request": [*hooks.get("request", []), _say]}


async def _say(request: httpx.Request) -> None:
    if (lane := LANE.get()) is not None:
        request.headers[HEADER] = str(lane)
