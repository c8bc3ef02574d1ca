"""One execution of a run: from its checkpoint through its plan, until it has ended or only waits for people.

A run may be executed several times: after a wait, a crash, a retry from the UI. Each time it starts from the records
and repeats nothing that has finished.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, cast

from pydantic import JsonValue

from compiler import Scope, TemplateError, condition, render
from compiler.catalogue import Catalogue
from compiler.outputs import outputs_of
from compiler.plan import Plan, PlanNode
from flows.calls import OpenCall, call_workflow, outcome_of
from flows.checkpoint import Checkpoint
from flows.form import OpenGate
from flows.ready_nodes import ready_nodes
from flows.trust import is_trusted
from operations.errors import TriggerError
from records import Approval, PayloadRefused
from reliability.fault_points import fault_point
from tasks.gate import allowed, ask
from tasks.inputs import InputRefused, changeable
from tasks.node import propose_node, run_node
from tasks.outcome import NodeOutcome, failed, rejected
from tasks.proposal import BaseMoved, editable_with_effect
from tasks.services import RunRef, Services
from tasks.shown_nodes import ShownNodes
from tasks.work import InvalidWork, NodeWork, work_of

GATE_LOOK_SECONDS = 0.2
"""How soon a decision is noticed while other branches are still at work."""


@dataclass(frozen=True, kw_only=True)
class WaitingNode:
    """A gated node that is ready but for the decision."""

    work: NodeWork
    approval: Approval


class Executor:
    """The state of one execution."""

    def __init__(
        self,
        *,
        plan: Plan,
        run: RunRef,
        services: Services,
        catalogue: Catalogue,
        progress: Checkpoint,
        shown: ShownNodes,
        logger: logging.Logger | logging.LoggerAdapter[Any],
    ) -> None:
        self.plan = plan
        self.run = run
        self.services = services
        self.catalogue = catalogue
        self.ended = dict(progress.ended)
        self._items = progress.items
        self.shown = shown
        self.logger = logger
        self._running: dict[asyncio.Task[NodeOutcome | NodeWork], PlanNode] = {}
        self._waiting: dict[str, WaitingNode] = {}
        self._called: dict[str, OpenCall] = {}

    @property
    def open_calls(self) -> tuple[OpenCall, ...]:
        """The runs of other workflows that are left to wait for."""
        return tuple(self._called.values())

    async def go(self) -> tuple[OpenGate, ...]:
        """Run all that can run. Returns the gates left to wait for; none, and no `open_calls`: the run has ended."""
        try:
            while True:
                if await self._start_what_can():
                    continue
                if not self._running:
                    # Both, so that the end of a call is not put off by a person.
                    if not await self._look_at_calls() and not await self._look_at_gates():
                        return self._open_gates()
                    continue
                await self._wait()
        finally:
            await self._stop()

    async def _start_what_can(self) -> bool:
        """Whether anything ended at once, so that there may be more to start."""
        started = {node.id for node in self._running.values()} | set(self._waiting) | set(self._called)
        step = ready_nodes(self.plan, ended=self.ended, started=started)
        before = len(self.ended)
        for node_id, outcome in step.skipped.items():
            await self._end(self.plan.node(node_id), outcome)
        for node in step.ready:
            await self._begin(node)
        return len(self.ended) > before

    async def _begin(self, node: PlanNode) -> None:
        scope = self._scope()
        try:
            if not condition(node.when, scope):
                reason = f"node {node.id!r} skipped: its condition is false"
                await self._end(node, NodeOutcome(status="SKIPPED", reason=reason))
                return
            if node.calls is not None:
                await self._call(node, scope)
                return
            work = await work_of(node, scope=scope, catalogue=self.catalogue, run=self.run, services=self.services)
        except (TemplateError, InvalidWork, InputRefused) as exc:
            await self._end(node, failed(node, str(exc)))
            return
        if work.node.gate is None or not work.invocations:
            # A `foreach` over an empty list does nothing, so there is nothing to ask about.
            self._start(work)
        elif node.effect is not None:
            coroutine = propose_node(work, run=self.run, services=self.services, shown=self.shown)
            self._running[asyncio.create_task(coroutine, name=f"{node.id} proposal")] = node
        else:
            await self._ask(work)

    async def _call(self, node: PlanNode, scope: Scope) -> None:
        """Start the run that the node calls, or find it. Raises TemplateError."""
        inputs = cast("dict[str, JsonValue]", render(cast("JsonValue", node.inputs), scope))
        try:
            call = await call_workflow(
                node, inputs, run=self.run, records=self.services.records, stand=self.shown.stands_for_call
            )
        except TriggerError as exc:
            await self._end(node, failed(node, str(exc)))
            return
        self._called[node.id] = call
        self.shown.calls(node, call.flow_run_id)

    async def _look_at_calls(self) -> bool:
        """Read the runs that were called again. Whether any has ended."""
        ended = False
        for call in list(self._called.values()):
            outcome = await outcome_of(call, self.services.records)
            if outcome is None:
                continue
            del self._called[call.node.id]
            try:
                await self._end(call.node, outcome)
            except PayloadRefused as exc:
                await self._end(call.node, failed(call.node, str(exc)))
            ended = True
        return ended

    async def _ask(self, work: NodeWork) -> None:
        """Open the node's gate, or find it open or decided."""
        node = work.node
        assert node.gate is not None
        if not work.does_something:
            self._start(work)
            return
        trusted = await is_trusted(node.gate, plan=self.plan, run=self.run, records=self.services.records)
        try:
            approval = await ask(
                work, upstream=self._upstream(node), run=self.run, services=self.services, trusted=trusted
            )
        except PayloadRefused as exc:
            # What no card can show, nobody can approve.
            await self._end(node, failed(node, str(exc)))
            return
        fault_point("gate-opened")
        await self._settle(WaitingNode(work=work, approval=approval))

    async def _settle(self, waiting: WaitingNode) -> bool:
        """Start, end or keep a gated node, as its approval says. Whether it is settled."""
        work, approval = waiting.work, waiting.approval
        self._waiting.pop(work.node.id, None)
        approved = self._allowed(approval, work)
        if approved is not None:
            self.logger.info("node %r approved by %s", work.node.id, approval.responded_by)
            self.shown.decided(approval)
            self._start(approved)
        elif approval.status == "REJECTED" and approval.closed_as != "superseded":
            by = approval.responded_by or f"nobody ({approval.closed_as})"
            await self._end(work.node, rejected(work.node, by=by, notes=approval.notes or ""), shown=True)
            self.shown.decided(approval)
        else:
            self._waiting[work.node.id] = waiting
            self.shown.waits(approval)
            return False
        return True

    def _allowed(self, approval: Approval, work: NodeWork) -> NodeWork | None:
        try:
            return allowed(approval, work)
        except InvalidWork as exc:
            # Edits of another proposal: they are checked when they are made.
            self.logger.warning("%s", exc)
            return None

    async def _look_at_gates(self) -> bool:
        """Read the open gates' rows again. Whether any was decided."""
        settled = False
        for waiting in list(self._waiting.values()):
            approval = await self.services.records.approval(self.run.run_id, waiting.work.node.id)
            if approval is not None and approval.status != "PENDING":
                settled |= await self._settle(WaitingNode(work=waiting.work, approval=approval))
        return settled

    def _start(self, work: NodeWork) -> None:
        done = self._items.get(work.node.id, {})
        coroutine = run_node(work, done=done, run=self.run, services=self.services, shown=self.shown)
        self._running[asyncio.create_task(coroutine, name=work.node.id)] = work.node

    async def _wait(self) -> None:
        timeout = GATE_LOOK_SECONDS if self._waiting or self._called else None
        done, _ = await asyncio.wait(self._running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for finished in done:
            node = self._running.pop(finished)
            try:
                result = finished.result()
            except BaseMoved as exc:
                self.logger.warning("%s: it is asked again", exc)
                await self._begin(node)
                continue
            if isinstance(result, NodeWork):
                await self._ask(result)
                continue
            # An agent run has recorded its node; a proposal that failed has no agent run.
            recorded = node.foreach is None and finished.get_name() == node.id
            # All but a `foreach` over nothing has made task runs.
            await self._end(node, result, recorded=recorded, shown=self.shown.graph.is_shown(node.id))
        if self._waiting:
            await self._look_at_gates()
        if self._called:
            await self._look_at_calls()

    async def _end(
        self, node: PlanNode, outcome: NodeOutcome, *, recorded: bool = False, shown: bool = False
    ) -> None:
        """On record first; only then may anything depend on it. An agent run has recorded its node already.

        `shown`: Prefect has a task run that says how the node ended.
        """
        if not recorded:
            fault_point("node-ending")
            state = "FAILED" if outcome.status == "REJECTED" else outcome.status
            await self.services.records.record_node(
                self.run.run_id,
                node.id,
                state=state,
                output=outcome.output,
                reason=outcome.reason,
                fencing_token=self.run.fencing_token,
            )
        if not shown:
            self.shown.ended(node, outcome)
        self.ended[node.id] = outcome
        if outcome.reason:
            self.logger.warning("%s", outcome.reason)

    async def _stop(self) -> None:
        for each in self._running:
            each.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _open_gates(self) -> tuple[OpenGate, ...]:
        return tuple(
            OpenGate(
                approval_id=each.approval.id,
                node_id=each.work.node.id,
                card=each.approval.card,
                editable=editable_with_effect(each.work.node, changeable(each.work.node)),
            )
            for each in self._waiting.values()
        )

    def outputs(self) -> dict[str, JsonValue] | None:
        """What the workflow's `outputs` give, now that all nodes have ended. Raises TemplateError."""
        return outputs_of(self.plan, self._scope())

    def _scope(self) -> Scope:
        return Scope(
            context=self.run.context,
            nodes={
                node_id: {
                    "output": outcome.output,
                    "status": outcome.status,
                    "error": outcome.reason if outcome.status == "FAILED" else None,
                }
                for node_id, outcome in self.ended.items()
            },
            run={
                "id": self.run.run_id,
                "trigger": self.run.trigger,
                "projectId": self.run.project_id,
                "attempt": self.run.attempt,
            },
        )

    def _upstream(self, node: PlanNode) -> dict[str, JsonValue]:
        return {each: self.ended[each].output for each in node.depends_on if self.ended[each].status == "SUCCESS"}
