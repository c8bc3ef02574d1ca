"""What a run's page in Prefect shows beside the attempts: gates, nodes that never ran, what went into an attempt and
came out of it, and the run's id on record.

It is for show. One writer sends it while the run goes on, in order; where Prefect does not take it, only the log says
so. Ids are made from what they stand for: an execution after a crash finds what the one before it has sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast
from uuid import UUID, uuid5

import httpx
from coolname.data import config as coolname_config  # pyright: ignore[reportMissingTypeStubs]
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, StateCreate, TaskRunCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun, RunInput, State
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Completed, Failed, Paused, Running

from agents.sandbox.port import AgentResult
from compiler.plan import Plan, PlanNode
from records import Approval
from records.database.ids import id_of_flow_run
from tasks.attempt_page import attempt_page
from tasks.card import Invocation
from tasks.card_text import form_markdown
from tasks.outcome import NodeOutcome
from tasks.safe_text import inline, safe_text
from tasks.services import RunRef
from tasks.task_graph import NOT_STARTED, TaskGraph

RUN_TAG = "run:"
"""Before the run's id on record, as a tag of Prefect's run."""
WAITS = "Waiting for approval"
CALLS = "Waiting for a workflow"

_SECONDS = 20.0
"""How long the end of an execution waits for what is still to be sent."""
_MESSAGE = 1_000
_TOGETHER_SECONDS = 1.0
"""Each page is a request: of attempts that end within this time there is one page, of the whole run."""
_MOST_TOGETHER = 20
_MOST_UNREACHED = 100
"""Nodes that are drawn of a run that ended before them."""
_SHORT_ID = 8
"""As tables on a terminal show an id."""


@dataclass(frozen=True, kw_only=True)
class RunLabel:
    """By what a run is found in Prefect's list."""

    name: str
    tags: list[str]


def label_of(flow_run: FlowRun, workflow: str) -> RunLabel:
    """The run's name and tags with its id on record, which Prefect's search knows then."""
    return RunLabel(name=name_of(flow_run, workflow), tags=_tags_of(flow_run))


def _tags_of(flow_run: FlowRun) -> list[str]:
    if any(each.startswith(RUN_TAG) for each in flow_run.tags):
        return list(flow_run.tags)
    return [*flow_run.tags, f"{RUN_TAG}{id_of_flow_run(str(flow_run.id))}"]


def name_of(flow_run: FlowRun, workflow: str) -> str:
    """The run's name: its workflow and the beginning of its id on record, in place of Prefect's two random words.

    A name that somebody gave stays.
    """
    if not _is_random(flow_run.name):
        return flow_run.name
    return f"{workflow} {id_of_flow_run(str(flow_run.id))[:_SHORT_ID]}"


def _is_random(name: str) -> bool:
    words = name.split("-")
    return len(words) == 2 and _random_words().issuperset(words)


@cache
def _random_words() -> frozenset[str]:
    """The words of which Prefect makes names."""
    lists: dict[str, dict[str, Any]] = coolname_config
    return frozenset(word for each in lists.values() if each["type"] == "words" for word in each["words"])


@dataclass(kw_only=True)
class ShownNodes:
    """Of one execution of one run."""

    graph: TaskGraph
    run: RunRef
    logger: logging.Logger | logging.LoggerAdapter[Any]
    _todo: deque[Callable[[PrefectClient], Awaitable[Any]]] = field(
        default_factory=deque[Callable[[PrefectClient], Awaitable[Any]]]
    )
    _writer: asyncio.Task[None] | None = None
    _pages: list[tuple[str, UUID, str]] = field(default_factory=list[tuple[str, UUID, str]])
    """Node, task run and page of attempts that ended a moment ago."""
    _soon: asyncio.TimerHandle | None = None
    _parents: set[UUID] = field(default_factory=set[UUID])
    """What stands for calls whose runs Prefect draws inside this one."""
    _lost: int = 0
    """Requests that Prefect did not take."""

    def run_id(self, flow_run: FlowRun) -> None:
        """The run's id on record, as a tag and in its name; our worker gives both with its first update."""
        tag = f"{RUN_TAG}{self.run.run_id}"
        if tag not in flow_run.tags:
            tags = [*(each for each in flow_run.tags if not each.startswith(RUN_TAG)), tag]
            name = name_of(flow_run, self.run.workflow)
            self._send(lambda client: client.update_flow_run(flow_run.id, tags=tags, name=name))

    def waits(self, approval: Approval) -> None:
        """The gate is open."""
        if self.graph.marked(approval.node_id) is not None:
            return  # asked again about something else: it is the same gate
        how = f"commandcenter approve {self.run.run_id} {approval.node_id}, or this run's form"
        card = form_markdown([approval.card])
        task_run = self._mark(
            _gate(approval), f"{approval.node_id} approval", _state(Paused, WAITS, how), approval
        )
        if task_run is not None:
            self._artifact("What is asked", card, task_run)

    def decided(self, approval: Approval) -> None:
        """The gate is closed."""
        by = safe_text(approval.responded_by or f"nobody ({approval.closed_as})", limit=200)
        notes = f": {safe_text(approval.notes, limit=_MESSAGE)}" if approval.notes else ""
        if approval.status == "APPROVED":
            state = _state(Completed, "Approved", f"approved by {by}{notes}")
        else:
            state = _state(Failed, "Rejected", f"rejected by {by}{notes}")
        self._close(_gate(approval), f"{approval.node_id} approval", state, approval)

    def calls(self, node: PlanNode, flow_run_id: str) -> None:
        """The node waits for the run that it has called."""
        workflow = node.calls.workflow if node.calls else ""
        what = f"flow run {flow_run_id} of workflow {workflow}"
        mark = self.graph.marked(node.id)
        if mark is None:
            self._mark(self._key("end", node), node.id, _state(Running, CALLS, what), node)
        elif mark in self._parents:
            self.graph.calls(mark, UUID(flow_run_id))

    async def stands_for_call(self, node: PlanNode) -> UUID | None:
        """The task run that will be the parent of the called run, in Prefect before that run is made.

        None: Prefect did not take it, and the run is made without.
        """
        mark = self.graph.marked(node.id)
        if mark is None:
            workflow = node.calls.workflow if node.calls else ""
            mark = self._mark(
                self._key("end", node), node.id, _state(Running, CALLS, f"workflow {workflow}"), node
            )
            if mark is None or not await self._sent():
                return None
        self._parents.add(mark)
        return mark

    def ended(self, node: PlanNode, outcome: NodeOutcome) -> None:
        """A node that has ended without an attempt at it, or whose call has."""
        reason = outcome.reason or "there was nothing to do"
        if outcome.status == "SKIPPED":
            # Grey, where Completed would say that it has run.
            state = _state(Cancelled, "Skipped", reason)
        elif outcome.status == "SUCCESS":
            state = _state(Completed, "Completed", "the workflow ended well" if node.calls else reason)
        else:
            state = _state(Failed, "Failed", reason)
        self._close(self._key("end", node), node.id, state, node)

    def attempt(self, task_run_id: UUID, invocation: Invocation, result: AgentResult) -> None:
        """What went into it, what came out, its files; attempts in quick succession share a page."""
        page = attempt_page(invocation, result, run_id=self.run.run_id)
        self._pages.append((invocation.node.id, task_run_id, page))
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_TOGETHER_SECONDS, self._send_pages)

    async def close(self) -> None:
        """Wait until all of it is sent."""
        self._send_pages()
        if self._writer is None:
            return
        done, _ = await asyncio.wait([self._writer], timeout=_SECONDS)
        if not done:
            self.stop()
            self.logger.warning(
                "Prefect's page of the run lacks some nodes or artifacts: it does not answer in time"
            )

    def stop(self) -> None:
        """Send no more."""
        if self._soon is not None:
            self._soon.cancel()
        if self._writer is not None:
            self._writer.cancel()

    def _close(self, key: str, label: str, state: State[Any], about: Approval | PlanNode) -> None:
        node_id = about.node_id if isinstance(about, Approval) else about.id
        known = self.graph.unmark(node_id)
        if known is None:
            self._mark(key, label, state, about)
        else:
            self._send(lambda client: client.set_task_run_state(known, state, force=True))

    def _mark(self, key: str, label: str, state: State[Any], about: Approval | PlanNode) -> UUID | None:
        """A task run that no process executes; None: it is there from an execution before this one."""
        node_id = about.node_id if isinstance(about, Approval) else about.id
        flow_run_id = UUID(self.run.flow_run_id)
        if self.graph.says(node_id, state.name):
            return None
        id = uuid5(flow_run_id, key)
        inputs = self.graph.inputs(node_id, None, None)
        self.graph.note(node_id, None, id, waits=not state.is_final())
        if self.graph.has(id):
            return None
        # Prefect counts the time of a task run from when it is running.
        first = state if state.is_final() else _state(Running, state.name or "", state.message or "")
        made = _task_run(key.partition(" ")[0], id, flow_run_id, label, first, inputs)
        body = made.model_dump(mode="json")
        self._send(lambda client: client.request("POST", "/task_runs/", json=body))
        if state.type != first.type:
            self._send(lambda client: client.set_task_run_state(id, state, force=True))
        return id

    def _send_pages(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        pages, self._pages = self._pages, []
        if len(pages) == 1:
            [(node, task_run_id, page)] = pages
            self._artifact(f"Inputs and output of node {node}", page, task_run_id)
            return
        for first in range(0, len(pages), _MOST_TOGETHER):
            some = pages[first : first + _MOST_TOGETHER]
            nodes = ", ".join(dict.fromkeys(node for node, _, _ in some))
            text = "\n\n".join(f"## Node {inline(node)}\n\n{page}" for node, _, page in some)
            self._artifact(f"Inputs and output of nodes {nodes}", text, None)

    def _artifact(self, title: str, markdown: str, task_run_id: UUID | None) -> None:
        made = ArtifactCreate(
            type="markdown",
            description=safe_text(title, limit=200),
            data=markdown,
            flow_run_id=UUID(self.run.flow_run_id),
            task_run_id=task_run_id,
        )
        self._send(lambda client: client.create_artifact(made))

    def _key(self, kind: str, node: PlanNode) -> str:
        return f"{kind} {node.id} {self.run.attempt}"

    def _send(self, request: Callable[[PrefectClient], Awaitable[Any]]) -> None:
        self._todo.append(request)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="Prefect's page of the run")

    async def _sent(self) -> bool:
        """Wait until what there is to send is sent. Whether Prefect took all of it."""
        lost = self._lost
        if self._writer is not None:
            done, _ = await asyncio.wait([self._writer], timeout=_SECONDS)
            return bool(done) and self._lost == lost
        return True

    async def _write(self) -> None:
        async with get_client() as client:
            while self._todo:
                try:
                    await self._todo.popleft()(client)
                except (httpx.HTTPError, ObjectNotFound, ValueError) as exc:
                    self._lost += 1
                    self.logger.warning("Prefect's page of the run lacks a node or an artifact (%s)", exc)


@dataclass(frozen=True, kw_only=True)
class UnreachedNodes:
    """What a run that ended from outside never came to."""

    plan: Plan
    nodes: Collection[str]
    token: int
    """The run's fencing token: an end after a retry is another one."""


async def show_end(client: PrefectClient, flow_run_id: UUID, reason: str, *, unreached: UnreachedNodes) -> None:
    """A run that ended from outside: it waits for nobody, and what it never came to is there in grey.

    A request for each such node, of a run that was cancelled or deleted and no other. Raises httpx.HTTPError.
    """
    await withdraw_marks(client, flow_run_id, reason)
    graph = TaskGraph(plan=unreached.plan)
    await graph.read(client, flow_run_id)
    state = _state(Cancelled, NOT_STARTED, reason)
    left = [node for node in unreached.plan.nodes if node.id in unreached.nodes and not graph.is_shown(node.id)]
    for node in left[:_MOST_UNREACHED]:
        id = uuid5(flow_run_id, f"unreached {node.id} {unreached.token}")
        made = _task_run("unreached", id, flow_run_id, node.id, state, graph.inputs(node.id, None, None))
        await client.request("POST", "/task_runs/", json=made.model_dump(mode="json"))
        graph.note(node.id, None, id)


async def withdraw_marks(client: PrefectClient, flow_run_id: UUID, reason: str) -> None:
    """A run that ended from outside waits for nobody any more. Raises httpx.HTTPError."""
    waiting = TaskRunFilter(state=TaskRunFilterState(name=TaskRunFilterStateName(any_=[WAITS, CALLS])))
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    for each in await client.read_task_runs(flow_run_filter=mine, task_run_filter=waiting, limit=200):
        await client.set_task_run_state(each.id, _state(Cancelled, "Withdrawn", reason), force=True)


def _task_run(
    kind: str,
    id: UUID,
    flow_run_id: UUID,
    label: str,
    state: State[Any],
    inputs: Mapping[str, Collection[RunInput]],
) -> TaskRunCreate:
    """A task run that no process executes."""
    return TaskRunCreate(
        id=id,
        name=safe_text(label, limit=200),
        flow_run_id=flow_run_id,
        task_key=kind,
        dynamic_key=str(id),
        state=StateCreate(type=state.type, name=state.name, message=state.message),
        task_inputs={name: cast("list[Any]", list(each)) for name, each in inputs.items()},
    )


def _gate(approval: Approval) -> str:
    return f"gate {approval.id}"


def _state(make: Callable[..., State[Any]], name: str, message: str) -> State[Any]:
    return make(name=name, message=safe_text(message, limit=_MESSAGE))
