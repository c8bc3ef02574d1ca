"""So many agents at once and no more."""

import asyncio

import pytest

from agents.sandbox.in_memory import InMemorySandbox
from agents.sandbox.port import AgentRequest, AgentResult
from agents.sandbox.throttle import Throttle


def _request(node: str) -> AgentRequest:
    return AgentRequest(run_id="r", node_id=node, entry_path="x", action="act", inputs={}, result_schema={})


async def test_agents_over_the_number_wait_for_their_turn_and_come_in_order() -> None:
    inner, begun, go_on = InMemorySandbox(), list[str](), asyncio.Event()

    async def work(request: AgentRequest) -> AgentResult:
        begun.append(request.node_id)
        await go_on.wait()
        return AgentResult(output={})

    inner.answer("act", work)
    turns = Throttle(inner, at_once=2)
    tasks = [asyncio.create_task(turns.run(_request(name), on_log=lambda line: None)) for name in "abcd"]
    await asyncio.sleep(0.05)
    assert begun == ["a", "b"]
    tasks[2].cancel()  # one that waits can be cancelled, and takes nobody's turn
    go_on.set()
    await asyncio.wait(tasks)
    assert begun == ["a", "b", "d"]


def test_no_agents_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Throttle(InMemorySandbox(), at_once=0)
