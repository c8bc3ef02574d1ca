"""Ledger + records + Prefect + the remote repository -> what was lost, doubled, unapproved or stuck."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import nats
import nats.errors
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from sqlalchemy.exc import SQLAlchemyError

from fault_harness.person import decision_on
from fault_harness.world import CALLED, NAME, World
from records import RecordsError, Run

ENDED = ("SUCCESS", "FAILED")


@dataclass(kw_only=True)
class Comparison:
    """What the comparison gives. Every list is empty when all is well."""

    lost: list[str] = field(default_factory=list)
    """Events without a run, and runs without an effect that they owe."""
    doubled: list[str] = field(default_factory=list)
    """Second runs, second effects under another key, second branches, second completed events."""
    unapproved: list[str] = field(default_factory=list)
    """Branches that nobody had allowed before."""
    stuck: list[str] = field(default_factory=list)
    """What did not end in time, in the records or in Prefect."""
    untold: list[str] = field(default_factory=list)
    """Traces that are no whole tree, and counters that do not equal the rows. Looked at once, at the end."""
    repeats: list[str] = field(default_factory=list)
    """Messages that were sent once more under the same key: a receiver that looks at the key drops them."""
    runs: int = 0
    calls: int = 0
    """Runs that another one called."""
    reruns: int = 0
    """How often a run went again from a node."""
    messages: int = 0
    branches: int = 0
    parked: int = 0
    """Runs that ended FAILED by the limit of takeovers."""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled, unapproved, stuck or told wrongly."""
        return not (self.lost or self.doubled or self.unapproved or self.stuck or self.untold)

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Reruns:
    """How often a run was to go again from a node."""

    heard: int = 0
    """So often the platform said that it would."""
    asked: int = 0
    """So often it was asked, with an answer or without."""
    gated: int = 0
    """Of those that were heard: from the gate, or before it."""


async def quiet(world: World, *, seconds: float) -> list[str]:
    """Wait until all accepted events have runs that ended, and everything is told; else what is still open."""
    deadline = time.monotonic() + seconds
    open_ends = ["nothing was asked yet"]
    while time.monotonic() < deadline:
        try:
            open_ends = await _open_ends(world)
        except (RecordsError, SQLAlchemyError, httpx.HTTPError, OSError) as exc:
            open_ends = [f"the platform does not answer: {type(exc).__name__}: {exc}"]
        if not open_ends:
            return []
        await asyncio.sleep(0.3)
    return open_ends


async def _open_ends(world: World) -> list[str]:
    runs, called = await _runs(world), await _runs(world, CALLED)
    accepted = {line["number"] for line in world.ledger.read("event")}
    found = {run.context["number"] for run in runs}
    ends = [f"event {number} has no run" for number in sorted(accepted - found)]
    ends += [
        f"run of {run.workflow_name} {run.context['number']} is {run.status} on record"
        for run in (*runs, *called)
        if run.status not in ENDED
    ]
    if ends:
        return ends
    flow_runs = await _flow_runs(world, [*runs, *called])
    ends = [
        f"run of {run.workflow_name} {run.context['number']} is "
        f"{_state(flow_runs.get(run.flow_run_id or ''))} in Prefect"
        for run in (*runs, *called)
        if not _is_over(flow_runs.get(run.flow_run_id or ""))
    ]
    waiting = await world.connection.records.pending_events(10)
    return ends + [f"event {event.subject} is not published" for event in waiting]


async def compare(world: World, *, stuck: list[str]) -> Comparison:
    """The whole comparison, from the first event on."""
    found = Comparison(stuck=stuck)
    by_number: dict[int, list[Run]] = defaultdict(list)
    for run in await _runs(world):
        by_number[run.context["number"]].append(run)
    calls = Counter(run.context["number"] for run in await _runs(world, CALLED))
    found.doubled += [f"event {number} has {times} called runs" for number, times in calls.items() if times > 1]
    found.calls = sum(calls.values())
    keys: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for line in world.ledger.read("message"):
        keys[line["number"], line["node"]][line["key"]] += 1
    stamps = await asyncio.to_thread(_stamps, world.repository.remote)
    allowed = Counter(line["number"] for line in world.ledger.read("deciding") if line["decision"] == "APPROVED")
    told = await _completed(world)
    cancelled = {line["number"] for line in world.ledger.read("cancelled")}
    reruns = _reruns(world)
    for number in sorted({line["number"] for line in world.ledger.read("event")}):
        again = reruns.get(number, Reruns())
        _judge(found, world, number, by_number[number], keys, stamps, told, cancelled, again)
    found.unapproved += [f"branch of {number} without an approval" for number in stamps if number not in allowed]
    found.unapproved += [
        f"{number} was rerun from its gate, and ended well without another approval"
        for number, again in reruns.items()
        if allowed[number] < 1 + again.gated and any(run.status == "SUCCESS" for run in by_number[number])
    ]
    found.runs = sum(map(len, by_number.values()))
    found.messages = sum(sum(counter.values()) for counter in keys.values())
    found.branches = sum(map(len, stamps.values()))
    return found


def _judge(
    found: Comparison,
    world: World,
    number: int,
    runs: list[Run],
    keys: dict[tuple[int, str], Counter[str]],
    stamps: dict[int, list[str]],
    told: Counter[str],
    cancelled: set[int],
    reruns: Reruns,
) -> None:
    """What became of one event."""
    if len(runs) != 1:
        (found.lost if not runs else found.doubled).append(f"event {number} has {len(runs)} runs")
    for run in runs:
        ends = told[run.id]
        found.reruns += max(0, ends - 1)
        if run.status in ENDED and not 1 + reruns.heard <= ends <= 1 + reruns.asked:
            where = found.lost if ends <= reruns.heard else found.doubled
            where.append(f"the end of the run of {number} was told {ends} times, after {reruns.asked} reruns")
        if run.status == "FAILED" and decision_on(number) == "APPROVED" and number not in cancelled:
            found.parked += 1
            if not run.message:
                found.stuck.append(f"run of {number} FAILED without a reason")
            elif "takeovers" not in run.message:
                found.lost.append(f"run of {number} FAILED: {run.message}")
    whole = any(run.status == "SUCCESS" for run in runs)
    for node in ("announce", "tell"):
        counter = keys.get((number, node), Counter())
        if len(counter) > 1 + (reruns.asked if node == "tell" else 0):
            found.doubled.append(f"message {node!r} of {number} under {len(counter)} keys")
        if whole and not counter:
            found.lost.append(f"message {node!r} of {number} was never sent")
        found.repeats += [f"message {node!r} of {number}"] * (sum(counter.values()) - len(counter))
    if len(stamps.get(number, [])) > 1:
        found.doubled.append(f"{number} has {len(stamps[number])} proposals")
    if whole and number not in stamps:
        found.lost.append(f"branch of {number} was never published")


def _reruns(world: World) -> dict[int, Reruns]:
    heard, asked = world.ledger.read("rerun"), world.ledger.read("rerunning")
    counts = [Counter(line["number"] for line in lines) for lines in (heard, asked)]
    gated = Counter(line["number"] for line in heard if line["node"] == "stamp")
    return {number: Reruns(counts[0][number], counts[1][number], gated[number]) for number in counts[1]}


async def _runs(world: World, workflow: str = NAME) -> list[Run]:
    return await world.connection.records.runs(1, workflow=workflow, limit=100_000)


async def _flow_runs(world: World, runs: list[Run]) -> dict[str, FlowRun]:
    found: dict[str, FlowRun] = {}
    for start in range(0, len(runs), 200):
        ids = [UUID(run.flow_run_id or "") for run in runs[start : start + 200]]
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids))
        for flow_run in await world.connection.prefect.read_flow_runs(flow_run_filter=wanted, limit=200):
            found[str(flow_run.id)] = flow_run
    return found


def _is_over(flow_run: FlowRun | None) -> bool:
    return flow_run is not None and flow_run.state is not None and flow_run.state.is_final()


def _state(flow_run: FlowRun | None) -> str:
    return flow_run.state.name or "" if flow_run is not None and flow_run.state is not None else "unknown"


def _stamps(remote: Path) -> dict[int, list[str]]:
    """Number of the event -> the proposals in the remote that carry its stamp."""
    command = ["git", "-C", str(remote), "for-each-ref", "--format=%(contents:subject)%09%(refname)", "refs/pull"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found: dict[int, list[str]] = defaultdict(list)
    for line in lines:
        subject, _, name = line.partition("\t")
        found[int(subject.removeprefix("Stamp "))].append(name)
    return found


async def _completed(world: World) -> Counter[str]:
    """Run -> how often the results stream holds the event of its end."""
    import json

    client = await nats.connect(world.stage.addresses.nats_url)
    told: Counter[str] = Counter()
    try:
        events = await client.jetstream().subscribe("workflow.completed.faulty", ordered_consumer=True)
        while True:
            try:
                told[json.loads((await events.next_msg(timeout=1)).data)["workflowRunId"]] += 1
            except (TimeoutError, nats.errors.TimeoutError):
                return told
    finally:
        await client.close()


def refused(logs: Path) -> set[str]:
    """Runs in which a process wanted to write after another had taken the run over, and was told so."""
    texts = (log.read_text(encoding="utf-8", errors="replace") for log in sorted(logs.glob("*worker.log*")))
    return {run for text in texts for run in re.findall(r"run '(\w+)' was taken over: its fencing token", text)}
