"""So many agents at once and no more."""

import asyncio

import pytest

from agents.sandbox.in_memory import InMemorySandbox
from agents.sandbox.port import AgentRequest, AgentResult, Sandbox
from agents.sandbox.throttle import Share, Throttle


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


async def test_projects_take_slots_in_turn_by_weight_and_within_their_limits() -> None:
    inner, begun = InMemorySandbox(), list[str]()
    gates: dict[str, asyncio.Event] = {}

    async def work(request: AgentRequest) -> AgentResult:
        begun.append(request.node_id)
        await gates.setdefault(request.node_id, asyncio.Event()).wait()
        return AgentResult(output={})

    inner.answer("act", work)
    throttle = Throttle(inner, at_once=2)
    many = throttle.share(Share(project_id=1))
    heavy = throttle.share(Share(project_id=2, weight=2))
    narrow = throttle.share(Share(project_id=3, at_most=1))

    async def start(sandbox: Sandbox, name: str) -> asyncio.Task[AgentResult]:
        task = asyncio.create_task(sandbox.run(_request(name), on_log=lambda line: None))
        await asyncio.sleep(0)
        return task

    async def end(name: str, task: asyncio.Task[AgentResult]) -> None:
        gates.setdefault(name, asyncio.Event()).set()
        await task
        for _ in range(5):
            await asyncio.sleep(0)

    tasks = {f"one{number}": await start(many, f"one{number}") for number in range(40)}
    tasks |= {name: await start(heavy, name) for name in ("two0", "two1")}
    tasks |= {name: await start(narrow, name) for name in ("three0", "three1")}
    assert begun == ["one0", "one1"]
    await end("one0", tasks["one0"])
    assert begun[2:] == ["two0"]  # not the thirty-eight before it
    await end("one1", tasks["one1"])
    assert begun[3:] == ["three0"]  # the other narrow one waits until this has ended
    await end("two0", tasks["two0"])
    await end("three0", tasks["three0"])
    assert set(begun[4:6]) == {"one2", "two1"}
    await end("two1", tasks["two1"])
    assert begun[6:] == ["three1"]
    for name in tasks:
        gates.setdefault(name, asyncio.Event()).set()
    await asyncio.gather(*tasks.values())
    assert sorted(begun) == sorted(tasks)
