"""Open gates -> decisions: somebody who answers each of them after a moment, and whose answers are in the ledger."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
from sqlalchemy.exc import SQLAlchemyError

from deployments.stack.connection import StackConnection
from fault_harness.ledger import Ledger
from operations.errors import TransientTriggerError
from records import DecisionValue, RecordsError, Run
from triggers.reconcile.resume import resume

REJECT_EVERY = 5


def decision_on(number: int) -> DecisionValue:
    """What the person says about a number: fixed, so that the outcome can be known beforehand."""
    return "REJECTED" if number % REJECT_EVERY == 0 else "APPROVED"


@dataclass
class Person:
    """Decides by way of the records, whatever happens to the platform."""

    connection: StackConnection
    ledger: Ledger
    dice: random.Random
    willing: asyncio.Event = field(default_factory=asyncio.Event)
    """Clear it to keep gates open for a while."""
    refused: set[int] = field(default_factory=set[int])
    """Numbers of the events whose gate was answered with no."""
    answered: int = 0
    _waking: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def __post_init__(self) -> None:
        self.willing.set()

    async def decide_for_ever(self) -> None:
        """Answer every open gate, with a line in the ledger before and after."""
        while True:
            await asyncio.sleep(self.dice.uniform(0.1, 0.8))
            with suppress(RecordsError, SQLAlchemyError, OSError):
                for approval in await self.connection.records.approvals(1, status="PENDING", limit=200):
                    await self.willing.wait()
                    run = await self.connection.records.run(approval.run_id)
                    await self._decide(run, approval.node_id)

    async def _decide(self, run: Run, node: str) -> None:
        number = run.context["number"]
        choice = decision_on(number)
        self.ledger.append("deciding", number=number, node=node, decision=choice)
        decision = await self.connection.records.decide(
            (run.id, node), decision=choice, by="auditor", verified=True, channel="harness"
        )
        self.ledger.append("decided", number=number, node=node, decision=choice, applied=decision.applied)
        self.answered += 1
        if choice == "REJECTED":
            self.refused.add(number)
        if self.dice.random() < 0.3:
            return  # a decision whose maker did not come to wake the run
        # Beside the next decisions, which need not wait for a Prefect that is down.
        waking = asyncio.create_task(self._wake(run.flow_run_id or ""))
        self._waking.add(waking)
        waking.add_done_callback(self._waking.discard)

    async def _wake(self, flow_run_id: str) -> None:
        with suppress(TransientTriggerError, httpx.HTTPError):
            await resume(self.connection.prefect, flow_run_id)
