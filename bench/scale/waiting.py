"""Thousands of runs that wait for a person, through kill -9 of everything and a new start, until all are decided."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contenders.processes import cpu_seconds, memory_mb
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.client.schemas.objects import FlowRun

from deployments.stack.connection import StackConnection, connect_to
from records import Approval
from scale.platform import Up
from triggers.reconcile.resume import resume

APPROVE_EVERY = 10
"""Every so manieth is approved and runs its agent; the others are rejected."""
_QUIET_SECONDS = 60
_AT_ONCE = 8


async def waiting(folder: Path, *, approvals: int) -> dict[str, Any]:
    """All of it; what was found, as data."""
    up = Up(folder)
    result: dict[str, Any] = {"approvals": approvals}
    try:
        await up.start()
        await up.deploy()
        before = await _cost(up)
        result["empty"] = before
        began = time.monotonic()
        await up.publish("gated", range(approvals))
        async with connect_to(up.addresses) as connection:
            asked = await _until_all_wait(connection, approvals)
        result["seconds_until_all_wait"] = round(time.monotonic() - began)
        await asyncio.sleep(10)
        result["waiting"] = await _cost(up)
        up.kill()
        await up.stop()
        up = Up(folder, ports=up.ports)
        result["seconds_to_start_again"] = round(await up.start(), 1)
        await asyncio.sleep(10)
        result["waiting_after_the_restart"] = await _cost(up)
        async with connect_to(up.addresses) as connection:
            result |= await _decide_all(connection, asked)
    finally:
        await up.stop()
    return result


async def _cost(up: Up) -> dict[str, float]:
    """CPU (per cent of one core) and memory while nothing happens."""
    pids = up.pids
    before = cpu_seconds(pids)
    await asyncio.sleep(_QUIET_SECONDS)
    return {
        "cpu_percent": round(100 * (cpu_seconds(pids) - before) / _QUIET_SECONDS, 1),
        "memory_mb": round(memory_mb(pids)),
    }


async def _until_all_wait(connection: StackConnection, approvals: int) -> dict[str, str]:
    """Approval -> run, once all are open on record and suspended in Prefect."""
    said = time.monotonic()
    while True:
        found = await connection.records.approvals(1, status="PENDING", limit=approvals + 1)
        if len(found) >= approvals and len(await _suspended(connection)) >= approvals:
            return {each.id: each.run_id for each in found}
        if time.monotonic() > said + 30:
            print(f"{len(found)} wait", flush=True)
            said = time.monotonic()
        await asyncio.sleep(5)


async def _decide_all(connection: StackConnection, asked: dict[str, str]) -> dict[str, Any]:
    """Decide every one, twice; compare what was decided with what ran."""
    still: Sequence[Approval] = await connection.records.approvals(1, status="PENDING", limit=len(asked) + 1)
    suspended = await _suspended(connection)
    began = time.monotonic()
    wanted = {each: "APPROVED" if n % APPROVE_EVERY == 0 else "REJECTED" for n, each in enumerate(asked)}
    applied: Counter[bool] = Counter()
    places = asyncio.Semaphore(_AT_ONCE)

    async def decide(approval: str, decision: Any) -> None:
        async with places:
            for _ in range(2):  # the second one must be told that it comes too late
                told = await connection.records.decide(
                    approval, decision=decision, by="approver", verified=True, channel="bench"
                )
                applied[told.applied] += 1
            run = await connection.records.run(asked[approval])
            await resume(connection.prefect, run.flow_run_id or "")

    await asyncio.gather(*(decide(approval, decision) for approval, decision in wanted.items()))
    decided = time.monotonic() - began
    await _until_all_have_ended(connection, len(asked))
    ended = time.monotonic() - began
    wrong = 0
    executions = 0
    for approval, decision in wanted.items():
        run = await connection.records.run(asked[approval])
        ran = await connection.records.agent_runs(run.id)
        executions += len(ran)
        expected = ("SUCCESS", 1) if decision == "APPROVED" else ("FAILED", 0)
        wrong += (run.status, len(ran)) != expected
    return {
        "open_after_the_restart": len(still),
        "suspended_in_prefect_after_the_restart": len(suspended),
        "decisions_applied": applied[True],
        "decisions_that_came_too_late": applied[False],
        "seconds_to_decide_all": round(decided),
        "seconds_until_all_have_ended": round(ended),
        "approved": list(wanted.values()).count("APPROVED"),
        "agent_runs": executions,
        "runs_that_ended_otherwise_than_decided": wrong,
    }


async def _until_all_have_ended(connection: StackConnection, runs: int) -> None:
    said = time.monotonic()
    while True:
        left = await connection.records.runs(1, unfinished=True, limit=runs)
        if not left:
            return
        if time.monotonic() > said + 30:
            print(f"{len(left)} go on", flush=True)
            said = time.monotonic()
        await asyncio.sleep(5)


async def _suspended(connection: StackConnection) -> list[FlowRun]:
    """The suspended runs in Prefect, all pages."""
    chosen = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Suspended"])))
    found: list[FlowRun] = []
    while True:
        page = await connection.prefect.read_flow_runs(flow_run_filter=chosen, limit=200, offset=len(found))
        found += page
        if len(page) < 200:
            return found
