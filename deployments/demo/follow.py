"""A started run -> its nodes on the terminal, updated as they change, and the decision where it waits for one."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.live import Live

from compiler.plan import Plan
from deployments.cli.approval_card import print_card
from deployments.cli.options import person
from deployments.cli.output import console
from deployments.cli.prompt import ask_line
from deployments.cli.run_progress import node_views, run_panel
from deployments.cli.terminal_decision import decide_and_wake, tell, typed
from deployments.demo.start import Started
from deployments.errors import DeploymentError
from deployments.stack.connection import StackConnection
from operations.prefect_page import prefect_page
from operations.run_detail import RunDetail, run_detail
from records import Approval, DecisionValue
from reliability.public_address import approval_link
from tasks.safe_text import safe_text

Answer = Literal["approve", "reject"]
_DECISIONS: dict[str, DecisionValue] = {"approve": "APPROVED", "reject": "REJECTED"}
LOOK_SECONDS = 0.2
START_SECONDS = 120
_ENDED = ("SUCCESS", "FAILED")


class NoRun(DeploymentError):
    """The event was published and no run started."""


@dataclass(kw_only=True)
class Follower:
    """Watches one run until it has ended."""

    connection: StackConnection
    started: Started
    answer: Answer | None
    notes: str
    state: Path | None = None
    """The state folder that commands in another terminal name; None: their environment names the platform."""

    async def to_the_end(self) -> RunDetail:
        """Show the run, ask where a person is asked, and return its records."""
        run_id = await self._find()
        detail = await self._detail(run_id)
        plan = await self.connection.records.plan(detail.run.plan_digest or "")
        while True:
            detail = await self._show_until(plan, run_id)
            waiting = [each for each in detail.approvals if each.status == "PENDING"]
            if not waiting:
                return detail
            await self._decided(waiting[0], detail)

    async def _find(self) -> str:
        """The run whose context carries this demo's key."""
        for _ in range(int(START_SECONDS / LOOK_SECONDS)):
            for run in await self.connection.records.runs(1, workflow=self.started.workflow, limit=20):
                if self.started.key.items() <= dict(run.context).items():
                    return run.id
            await asyncio.sleep(LOOK_SECONDS)
        raise NoRun(
            f"no run of {self.started.workflow!r} started within {START_SECONDS} s; "
            f"look at the logs in {self.connection.addresses.state}/logs"
        )

    async def _show_until(self, plan: Plan, run_id: str) -> RunDetail:
        """Show the nodes, updated as they change, until the run has ended or waits for a person."""
        with Live(console=console, refresh_per_second=8, transient=False) as live:
            while True:
                detail = await self._detail(run_id)
                link = prefect_page(self.connection.addresses.ui_url, detail.flow_run_id)
                title = f"{plan.name}  {detail.run.status}"
                live.update(run_panel(title, link=link, views=node_views(plan, detail)))
                waiting = any(each.status == "PENDING" for each in detail.approvals)
                if detail.run.status in _ENDED or (waiting and detail.run.status == "WAITING_APPROVAL"):
                    return detail
                await asyncio.sleep(LOOK_SECONDS)

    async def _decided(self, approval: Approval, detail: RunDetail) -> None:
        """Return once the approval is decided: here, in Prefect's form, or from another terminal."""
        print_card(approval.card)
        if self.answer is not None:
            await self._decide(self.answer, approval, notes=self.notes)
            return
        ui = prefect_page(self.connection.addresses.ui_url, detail.flow_run_id)
        console.print(f"In Prefect's UI:      {ui}  (button Resume)", highlight=False, soft_wrap=True)
        if link := approval_link(approval.id):
            console.print(f"In the console:       {link}", highlight=False, soft_wrap=True)
        where = f" --state {self.state}" if self.state else ""
        for word in ("approve", "reject"):
            command = f"commandcenter {word} {detail.run.id} {approval.node_id}{where} --notes …"
            console.print(f"In another terminal:  {command}", highlight=False, soft_wrap=True)
        elsewhere = asyncio.create_task(self._decided_elsewhere(approval))
        here = asyncio.create_task(self._ask_here(approval))
        await asyncio.wait({elsewhere, here}, return_when=asyncio.FIRST_COMPLETED)
        for task in (elsewhere, here):
            task.cancel()
        await asyncio.gather(elsewhere, here, return_exceptions=True)

    async def _ask_here(self, approval: Approval) -> None:
        while True:
            line = await ask_line("Here:                 approve or reject, then notes if you like > ")
            if line is None:  # no terminal: wait for the other ways
                await asyncio.Event().wait()
            word, _, notes = (line or "").strip().partition(" ")
            word = word.lower().rstrip(",:;.")
            choice = {
                "a": "approve",
                "y": "approve",
                "yes": "approve",
                "r": "reject",
                "n": "reject",
                "no": "reject",
            }.get(word, word)
            if choice in ("approve", "reject"):
                await self._decide("approve" if choice == "approve" else "reject", approval, notes=notes.strip())
                return
            typed_word = safe_text(word, limit=40)
            console.print(
                f"{typed_word!r} decides nothing: type approve (or a, y) or reject (or r, n)"
                if word
                else "nothing is decided yet: type approve (or a, y) or reject (or r, n)",
                markup=False,
                highlight=False,
            )

    async def _decided_elsewhere(self, approval: Approval) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = await self.connection.records.approval(approval.run_id, approval.node_id)
            if now is not None and now.status != "PENDING":
                sys.stdout.write("\n")
                by = safe_text(now.responded_by or "nobody")
                console.print(f"{now.status} by {by} ({now.channel})", markup=False, highlight=False)
                return

    async def _decide(self, decision: Answer, approval: Approval, *, notes: str) -> None:
        word = typed(_DECISIONS[decision], by=person(), notes=notes, digest=approval.digest)
        detail = await self._detail(approval.run_id)
        gate = (approval.run_id, approval.node_id)
        tell(
            await decide_and_wake(
                word,
                gate,
                flow_run_id=detail.flow_run_id,
                project_id=approval.project_id,
                connection=self.connection,
            )
        )

    async def _detail(self, run_id: str) -> RunDetail:
        return await run_detail(self.connection.records, run_id, project_id=1)
