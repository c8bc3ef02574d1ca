"""The end of an agent as its sockets tell it, in whatever order they arrive."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from agents.sandbox.leaks.masking import Masker
from agents.sandbox.log_lines import LogStream
from agents.sandbox.outcome import ProcessEnd, judge
from agents.sandbox.port import AgentRequest, AgentResult, Limits
from agents.sandbox.supervise import supervise

REQUEST = AgentRequest(
    run_id="run", node_id="node", entry_path="agents.x", action="run", inputs={}, result_schema=None
)
RESULT = b'{"ok": true, "output": {"said": 1}}'


def report(**changes: Any) -> asyncio.StreamReader:
    """A launcher's report that has arrived whole."""
    head = {"status": 0, "result": len(RESULT), "artifacts": [], "max_memory_kb": 1, "cpu_seconds": 0.1} | changes
    reader = asyncio.StreamReader(limit=1 << 20)
    reader.feed_data(json.dumps(head).encode() + b"\n" + (RESULT if head["result"] else b""))
    reader.feed_eof()
    return reader


async def never() -> None:
    await asyncio.Event().wait()


async def end(limits: Limits, logs: asyncio.StreamReader, **changes: Any) -> ProcessEnd:
    stream = LogStream(limits, Masker({}), lambda line: None)
    return await supervise(
        limits,
        stream,
        report=report(**changes),
        logs=logs,
        watch=never(),
        kill=lambda: None,
        out_of_memory=lambda: False,
    )


def judged(ending: ProcessEnd) -> AgentResult:
    return judge(ending, REQUEST, Masker({}), began=0, held={}, denied=())


async def test_a_flood_whose_report_arrives_first_is_a_flood_all_the_same() -> None:
    logs = asyncio.StreamReader(limit=1 << 26)
    line = b"x" * 1023 + b"\n"
    logs.feed_data(line * 10_240)
    logs.feed_eof()
    result = judged(await end(Limits(), logs))
    assert result.failure is not None
    assert result.failure.kind == "output-limit"


async def test_a_log_below_the_limit_is_read_to_its_end_after_the_report() -> None:
    logs = asyncio.StreamReader(limit=1 << 26)
    logs.feed_data(b"first\nlast\n")
    logs.feed_eof()
    ending = await end(Limits(), logs)
    assert ending.log_tail == "first\nlast"
    assert judged(ending).output == {"said": 1}


async def test_memory_that_the_launcher_saw_taken_by_several_processes_is_reported_as_memory() -> None:
    logs = asyncio.StreamReader()
    logs.feed_eof()
    result = judged(await end(Limits(), logs, over_memory=True, status=9, result=None))
    assert result.failure is not None
    assert result.failure.kind == "memory"
