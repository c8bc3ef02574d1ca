"""Nodes that depend on each other -> Prefect's task runs that do: what a run's page draws as a graph.

A task run carries its node as data, and the task runs that it came after. Nothing is asked for while a run goes on: a
later execution of it reads once what earlier ones have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRunResult, Parameter, RunInput, TaskRun, TaskRunResult
from prefect.client.schemas.sorting import TaskRunSort

from compiler.plan import Plan

PAGE = 200
NOT_STARTED = "Not started"
"""State of what stands for a node that its run never came to. It is nothing to come after: see `read`."""

_NODE, _AFTER = "label", "call"
"""Prefect keeps what a task run came from by the names of its parameters: these are those of our two tasks."""
_ITEM = "item "


def node_of(task_run: TaskRun) -> str | None:
    """The node that the task run is an attempt at; None: it is none of ours."""
    names = (each.name for each in task_run.task_inputs.get(_NODE, ()) if isinstance(each, Parameter))
    return next((name for name in names if not name.startswith(_ITEM)), None)


def _item_of(task_run: TaskRun) -> int | None:
    names = (each.name for each in task_run.task_inputs.get(_NODE, ()) if isinstance(each, Parameter))
    return next((int(name.removeprefix(_ITEM)) for name in names if name.startswith(_ITEM)), None)


@dataclass(frozen=True, kw_only=True)
class TaskGraph:
    """The newest task run of each node and item."""

    plan: Plan
    _newest: dict[str, dict[int | None, UUID]] = field(default_factory=dict[str, dict[int | None, UUID]])

    _unfinished: dict[tuple[str, int | None], TaskRun] = field(
        default_factory=dict[tuple[str, "int | None"], TaskRun]
    )
    _marks: dict[str, UUID] = field(default_factory=dict[str, UUID])
    """Node -> the task run that stands for it while it waits, and that nobody executes."""
    _said: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    """Node -> the state of what stands for its end, where nothing of it came after."""
    _known: set[UUID] = field(default_factory=set[UUID])
    _called: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])
    """Task run that stands for a call -> the flow run that Prefect draws in its place."""

    async def read(self, client: PrefectClient, flow_run_id: UUID) -> None:
        """Learn what earlier executions have left. Raises httpx.HTTPError."""
        mine = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
        read = 0
        while True:
            page = await client.read_task_runs(
                flow_run_filter=mine, limit=PAGE, offset=read, sort=TaskRunSort.EXPECTED_START_TIME_ASC
            )
            for each in page:
                if (node_id := node_of(each)) is None:
                    continue
                item = _item_of(each)
                self._known.add(each.id)
                if each.state is not None and each.state.name == NOT_STARTED:
                    continue  # the run goes on after all: its attempts come after those of the nodes before it
                if each.state is not None and (called := each.state.state_details.child_flow_run_id) is not None:
                    self._called[each.id] = called
                self._unfinished.pop((node_id, item), None)
                going = each.state is not None and not each.state.is_final()
                waits = going and each.dynamic_key == str(each.id)
                if going and not waits:
                    self._unfinished[node_id, item] = each
                self.note(node_id, item, each.id, waits=waits)
                if each.state is not None and not going and each.dynamic_key == str(each.id):
                    self._said[node_id] = each.state.name
            read += len(page)
            if len(page) < PAGE:
                return

    def note(self, node_id: str, item: int | None, task_run_id: UUID, *, waits: bool = False) -> None:
        """This is the newest attempt from now on. `waits`: nobody executes it, and it stands for the node's wait."""
        newest = self._newest.setdefault(node_id, {})
        self._said.pop(node_id, None)
        if item is None:
            newest.clear()  # it came after all items
        newest[item] = task_run_id
        if waits:
            self._marks[node_id] = task_run_id

    def calls(self, task_run_id: UUID, flow_run_id: UUID) -> None:
        """Prefect draws the flow run in place of the task run."""
        self._called[task_run_id] = flow_run_id

    def has(self, task_run_id: UUID) -> bool:
        """Whether an earlier execution has left it."""
        return task_run_id in self._known

    def is_shown(self, node_id: str) -> bool:
        """Whether there is any task run of the node."""
        return node_id in self._newest

    def says(self, node_id: str, state: str | None) -> bool:
        """Whether an earlier execution has left word that the node ended so, and nothing of it came after."""
        return node_id in self._said and self._said[node_id] == state

    def marked(self, node_id: str) -> UUID | None:
        """What stands for the node's wait."""
        return self._marks.get(node_id)

    def unmark(self, node_id: str) -> UUID | None:
        """It waits no more. What stood for its wait."""
        return self._marks.pop(node_id, None)

    def unfinished(self, node_id: str, item: int | None, label: str) -> UUID | None:
        """The task run of that name whose worker died at it: it goes on, so that the node stands there once."""
        known = self._unfinished.pop((node_id, item), None)
        return known.id if known is not None and known.name == label else None

    def inputs(self, node_id: str, item: int | None, begun: UUID | None) -> Mapping[str, set[RunInput]]:
        """What an attempt at it comes from, as Prefect keeps it. `begun`: the one that goes on.

        After an attempt before it (its proposal, one that failed) that alone, so that the attempts make a chain; the
        first comes after the nodes that its node depends on.
        """
        known = self._newest.get(node_id, {})
        # An item comes after its gate, which stands for the node as a whole, and that after what all items proposed.
        before = {known.get(item, known.get(None))} if item is not None else self._last(node_id)
        after = self._upstream(node_id) if before <= {None, begun} else before
        # Frozen, and so hashable, by a setting that a type checker does not see.
        about: set[RunInput] = {Parameter(name=node_id)}  # pyright: ignore[reportUnhashable]
        if item is not None:
            about.add(Parameter(name=f"{_ITEM}{item}"))
        earlier: set[RunInput] = {self._result(each) for each in after if each}  # pyright: ignore[reportUnhashable]
        return {_NODE: about, _AFTER: earlier}

    def _result(self, task_run_id: UUID) -> RunInput:
        called = self._called.get(task_run_id)
        return TaskRunResult(id=task_run_id) if called is None else FlowRunResult(id=called)

    def _upstream(self, node_id: str) -> set[UUID]:
        """Of a node without a task run those that it came after stand for it."""
        found: set[UUID] = set()
        for each in self.plan.node(node_id).depends_on:
            found |= self._last(each) or self._upstream(each)
        return found

    def _last(self, node_id: str) -> set[UUID]:
        """Where the node's chain ends: at each of its items, if it has any."""
        known = self._newest.get(node_id, {})
        return {id for item, id in known.items() if item is not None} or set(known.values())
