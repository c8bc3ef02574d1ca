"""A run's log while it is written."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from records.runs.run_logs import KeptLine


def line(text: str, node: str = "scan") -> KeptLine:
    return KeptLine(id=0, node_id=node, item=None, attempt=1, at=datetime.now(UTC), level="INFO", message=text)


async def test_a_line_is_told_before_the_run_ends_and_reading_goes_on_behind_the_last_one(
    ann: Any, eve: Any, ask: Any, records: Any
) -> None:
    run = (await ask()).run_id
    path = f"/runs/{run}/logs/stream"
    heard: list[tuple[str, str]] = []

    async def read(headers: dict[str, str]) -> list[str]:
        async with ann.stream("GET", path, params={"node": "scan"}, headers=headers, timeout=60) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            event = number = ""
            async for text in answer.aiter_lines():
                name, _, value = text.partition(": ")
                if name == "id":
                    number = value
                elif name == "event":
                    event = value
                elif name == "data":
                    heard.append((event, number))
                    if event == "line":
                        if (message := json.loads(value)["message"]) == "first":
                            # Nobody waits for the agent's end to read what it has said.
                            await records.keep_log(run, [line("second"), line("of another", "tell")])
                            await records.finish_run(run, "FAILED", "enough")
                        said.append(message)
                    else:
                        return [json.loads(value)["status"]]
        return []

    said: list[str] = []
    await records.keep_log(run, [line("first")])
    assert await asyncio.wait_for(read({}), 60) == ["FAILED"]
    assert said == ["first", "second"]
    [first, _, end] = heard
    assert end[0] == "end"
    said.clear()
    assert await asyncio.wait_for(read({"Last-Event-ID": first[1]}), 60) == ["FAILED"]
    assert said == ["second"]
    assert (await eve.get(path)).status_code == 404
    assert (await ann.get(path, headers={"Last-Event-ID": "x"})).status_code == 422
