"""A flow run <-> a row of WorkflowRun, started once and ended once, with its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from observability.metrics.definitions import RUNS_STARTED, Sample
from records.approvals.audit import Actor, append_run_audit
from records.approvals.gate_rows import ask_again, close_gates
from records.database.ids import id_of_flow_run, subject_token
from records.database.payload import checked, checked_outputs, line
from records.database.read_row import read_row
from records.database.signed_runs import require_as_begun, sign_run
from records.database.store import Store, first, insert_new, rows
from records.errors import NotFound
from records.events.changes import note_change
from records.events.outbox import emit
from records.events.payloads import RunStarted
from records.measures.ended import RUN_ENDED, count_resumed, count_run
from records.measures.event_types import event_type
from records.measures.spans import context_of, trace_run, trace_start
from records.measures.totals import count
from records.runs.attempts import end_unfinished
from records.runs.called import parent_of
from records.runs.completion import emit_completed
from records.runs.fencing import lock_run, read_run, select_run
from records.runs.run import EndStatus, OpenStatus, Run, RunStatus
from records.runs.run_pages import older_than
from records.runs.slots import release_place
from records.tables import AGENT_RUN, NODE_STATE, PLAN, WORKFLOW, WORKFLOW_RUN
from records.tables.columns import now, stored
from reliability.shielded import shielded

CLOCKS_DIFFER = timedelta(minutes=1)
"""By as much the times of Prefect's server and of the records may differ; a deploy also takes its time."""


class RunStore(Store):
    """Runs of workflows."""

    @shielded
    async def start_run(
        self,
        *,
        flow_run_id: str,
        plan_digest: str,
        trigger: str,
        context: Mapping[str, Any],
        triggered_by: str | None = None,
        triggered_by_verified: bool = False,
    ) -> str:
        """Record the flow run, with `workflow.started.<workflowId>`; returns the run's id, the same at each call.

        Raises NotFound where the plan was never saved, PayloadRefused for a context that cannot be stored.
        """
        checked("the context of the run", dict(context))
        values: dict[str, Any] = {
            "id": id_of_flow_run(flow_run_id),
            "trigger": line(trigger, 1_000),
            "contextJson": dict(context),
            "status": "PENDING",
            "startedAt": now(),
            "flowRunId": flow_run_id,
            "planDigest": plan_digest,
            "triggeredBy": line(triggered_by, 200),
            "triggeredByVerified": triggered_by_verified,
        }
        async with self._db.write() as connection:
            workflow = await _workflow_of_plan(connection, plan_digest)
            values["workflowId"] = workflow["id"]
            values["signature"] = sign_run(connection, values)
            values |= await parent_of(connection, flow_run_id)
            fresh = await insert_new(connection, WORKFLOW_RUN, values)
            if fresh:
                started = (workflow["name"], event_type(trigger, workflow["trigger"]))
                await count(connection, Sample(metric=RUNS_STARTED, labels=started))
                await trace_start(connection, workflow, values)
                await _emit_started(connection, workflow, values)
                return values["id"]
            row = await first(connection, select(WORKFLOW_RUN.c.id).where(WORKFLOW_RUN.c.flowRunId == flow_run_id))
            assert row is not None
            return row["id"]

    @shielded
    async def claim_run(self, run_id: str, *, executed_by: Mapping[str, str] | None = None) -> int:
        """Take the run over; returns a new fencing token, so that writes with older ones are refused.

        `executed_by`: sandbox backend and versions of who takes it over.
        """
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id)
            fencing_token = run["fencingToken"] + 1
            taken: dict[str, Any] = {"fencingToken": fencing_token}
            if executed_by is not None:
                taken["executedBy"] = dict(executed_by)
            await connection.execute(update(WORKFLOW_RUN).where(WORKFLOW_RUN.c.id == run_id).values(**taken))
        return fencing_token

    @shielded
    async def is_first_of_its_time(self, run_id: str, due: datetime) -> bool:
        """Whether no other run of its workflow and trigger began before it for the same `scheduledAt`.

        False for one that began before that time. Raises NotFound.
        """
        async with self._db.read() as connection:
            run = await read_run(connection, run_id)
            same = select(WORKFLOW_RUN.c.id).where(
                WORKFLOW_RUN.c.workflowId == run["workflowId"],
                WORKFLOW_RUN.c.trigger == run["trigger"],
                WORKFLOW_RUN.c.startedAt >= stored(due - CLOCKS_DIFFER),
                WORKFLOW_RUN.c.contextJson["scheduledAt"].as_string() == due.isoformat(),
            )
            row = await first(connection, same.order_by(WORKFLOW_RUN.c.startedAt, WORKFLOW_RUN.c.id).limit(1))
        return row is not None and row["id"] == run_id

    @shielded
    async def set_run_status(self, run_id: str, status: OpenStatus, *, fencing_token: int | None = None) -> bool:
        """Record that the run waits or continues; False, and nothing changed, if it has ended."""
        async with self._db.write() as connection:
            going = (WORKFLOW_RUN.c.id == run_id) & WORKFLOW_RUN.c.finishedAt.is_(None)
            mine = going if fencing_token is None else going & (WORKFLOW_RUN.c.fencingToken == fencing_token)
            change = update(WORKFLOW_RUN).where(mine).values(status=status)
            waited = status == "RUNNING" and await _waits_for_people(connection, run_id)
            if (await connection.execute(change)).rowcount == 1:
                if waited:
                    await count_resumed(connection, run_id, now())
                row = await read_run(connection, run_id)
                await note_change(connection, row["projectId"], "run", run_id, run_id=run_id)
                return True
            await lock_run(connection, run_id, fencing_token=fencing_token)  # says why not, unless it is the end
            return False

    @shielded
    async def note_end(self, run_id: str, reason: str) -> None:
        """Say why the run is about to be ended from outside; `finish_run` may still say something else."""
        going = (WORKFLOW_RUN.c.id == run_id) & WORKFLOW_RUN.c.finishedAt.is_(None)
        async with self._db.write() as connection:
            await connection.execute(update(WORKFLOW_RUN).where(going).values(message=line(reason)))

    @shielded
    async def finish_run(
        self,
        run_id: str,
        status: EndStatus,
        message: str = "",
        *,
        outputs: Any = None,
        fencing_token: int | None = None,
    ) -> bool:
        """Record the end and what the workflow's `outputs` gave, with `workflow.completed.<workflowName>`.

        False, and nothing changed, if it has ended. Pending approvals are closed, and unfinished agent runs are
        FAILED. Raises PayloadRefused, and nothing changed, for outputs that cannot be stored.
        """
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id, fencing_token=fencing_token)
            if run["finishedAt"] is not None:
                return False
            checked_outputs(outputs)
            at = now()
            ended = {"status": status, "finishedAt": at, "message": line(message), "outputJson": outputs}
            await connection.execute(update(WORKFLOW_RUN).where(WORKFLOW_RUN.c.id == run_id).values(**ended))
            await _end_agent_runs(connection, run)
            await close_gates(connection, run)
            await release_place(connection, run)
            await count_run(connection, run, status=status, at=at)
            await trace_run(connection, run, status=status, message=line(message) or "", at=at)
            await emit_completed(connection, run, status, line(message) or "", outputs=outputs)
        return True

    @shielded
    async def reopen_run(self, run_id: str) -> bool:
        """Reopen a FAILED run that a person retries; its next end emits another event. False if it is not FAILED."""
        failed = (WORKFLOW_RUN.c.id == run_id) & (WORKFLOW_RUN.c.status == "FAILED")
        empty = {"finishedAt": None, "message": None, "outputJson": None}
        again = {"status": "RUNNING", **empty, "reopened": WORKFLOW_RUN.c.reopened + 1}
        async with self._db.write() as connection:
            return (await connection.execute(update(WORKFLOW_RUN).where(failed).values(**again))).rowcount == 1

    @shielded
    async def request_rerun(self, run_id: str, nodes: Sequence[str], *, by: Actor, notes: str) -> bool:
        """Note that these nodes of an ended run are to run again; `reopen_for_rerun` lets them. False if it goes on.

        Nothing else changes yet: it is Prefect that starts the run again.
        """
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id)
            if run["finishedAt"] is None:
                return False
            wanted = update(WORKFLOW_RUN).where(WORKFLOW_RUN.c.id == run_id).values(rerunNodes=list(nodes))
            await connection.execute(wanted)
            await append_run_audit(connection, run, "rerun", by, notes=notes)
        return True

    @shielded
    async def reopen_for_rerun(self, run_id: str) -> bool:
        """Reopen an ended run of which a rerun was requested: what these nodes gave no longer counts.

        Their numbers of attempts go on. Of those that ended well the approvals are used up, and what they do once more
        has another idempotency key; of the others both stand for exactly what was asked for. What was rejected is asked
        again.
        """
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id)
            if run["finishedAt"] is None or run["rerunNodes"] is None:
                return False
            chosen = (NODE_STATE.c.workflowRunId == run_id) & NODE_STATE.c.nodeKey.in_(run["rerunNodes"])
            done = await rows(
                connection, select(NODE_STATE.c.nodeKey).where(chosen, NODE_STATE.c.state == "SUCCESS")
            )
            await ask_again(connection, run_id, run["rerunNodes"], done=[row["nodeKey"] for row in done])
            again = {"timesDone": NODE_STATE.c.timesDone + 1}
            await connection.execute(
                update(NODE_STATE).where(chosen, NODE_STATE.c.state == "SUCCESS").values(**again)
            )
            undone = {
                "state": "PENDING",
                "reason": None,
                "outputJson": None,
                "agentRunId": None,
                "updatedAt": now(),
            }
            await connection.execute(update(NODE_STATE).where(chosen).values(**undone))
            empty = {"finishedAt": None, "message": None, "outputJson": None, "rerunNodes": None}
            again = {"status": "RUNNING", **empty, "reopened": WORKFLOW_RUN.c.reopened + 1}
            await connection.execute(update(WORKFLOW_RUN).where(WORKFLOW_RUN.c.id == run_id).values(**again))
            await note_change(connection, run["projectId"], "run", run_id, run_id=run_id)
        return True

    @shielded
    async def audit_run(self, run_id: str, event: str, *, by: Actor, notes: str = "") -> None:
        """Append what a person did to a run as a whole to the audit. Raises NotFound."""
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id)
            await append_run_audit(connection, run, event, by, notes=notes)

    @shielded
    async def run(self, run_id: str, *, project_id: int | None = None) -> Run:
        """One run; with a project, only one of it. Raises NotFound."""
        async with self._db.read() as connection:
            row = await read_run(connection, run_id)
        if project_id is not None and row["projectId"] != project_id:
            raise NotFound("the run", run_id, f"project {project_id} has none of that id")
        return run_of(row)

    @shielded
    async def run_of_flow_run(self, flow_run_id: str) -> Run | None:
        """The run that mirrors Prefect's flow run, if there is one."""
        async with self._db.read() as connection:
            row = await first(connection, select_run().where(WORKFLOW_RUN.c.flowRunId == flow_run_id))
        return None if row is None else run_of(row)

    @shielded
    async def run_to_execute(self, flow_run_id: str) -> Run | None:
        """The run that mirrors Prefect's flow run, if there is one. Raises RowForged where it is not as it began."""
        async with self._db.read() as connection:
            row = await first(connection, select_run().where(WORKFLOW_RUN.c.flowRunId == flow_run_id))
            if row is not None:
                require_as_begun(connection, row)
        return None if row is None else run_of(row)

    @shielded
    async def runs_beginning(self, beginning: str, *, project_id: int) -> list[Run]:
        """Runs of the project whose id, or whose id in Prefect, begins so: two at most, without their outputs."""
        ids = (WORKFLOW_RUN.c.id, WORKFLOW_RUN.c.flowRunId)
        begins = or_(*(each.startswith(beginning.lower(), autoescape=True) for each in ids))
        chosen = select_run(outputs=False).where(begins, WORKFLOW.c.projectId == project_id).limit(2)
        async with self._db.read() as connection:
            return [run_of(row) for row in await rows(connection, chosen)]

    @shielded
    async def runs(
        self,
        project_id: int | None = None,
        *,
        status: RunStatus | None = None,
        workflow: str | None = None,
        trigger: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        unfinished: bool = False,
        limit: int = 50,
    ) -> list[Run]:
        """The newest runs first, without their outputs; of one project or (None) of all.

        `trigger`: as a run has it, or `schedule` or `workflow` for all of that kind. Started at `since` or later and
        before `until`; `after` is the cursor of the last run of the page before
        (`run_cursor`). Raises PayloadRefused for a cursor that is none.
        """
        chosen = (
            select_run(outputs=False).order_by(WORKFLOW_RUN.c.startedAt.desc(), WORKFLOW_RUN.c.id).limit(limit)
        )
        wanted: list[ColumnElement[bool] | None] = [
            None if project_id is None else WORKFLOW.c.projectId == project_id,
            None if status is None else WORKFLOW_RUN.c.status == status,
            None if workflow is None else WORKFLOW.c.name == workflow,
            None if trigger is None else _started_by(trigger),
            None if since is None else WORKFLOW_RUN.c.startedAt >= since,
            None if until is None else WORKFLOW_RUN.c.startedAt < until,
            None if after is None else older_than(after),
            WORKFLOW_RUN.c.finishedAt.is_(None) if unfinished else None,
        ]
        chosen = chosen.where(*(each for each in wanted if each is not None))
        async with self._db.read() as connection:
            return [run_of(row) for row in await rows(connection, chosen)]


def _started_by(trigger: str) -> ColumnElement[bool]:
    column = WORKFLOW_RUN.c.trigger
    # What stands before a colon is a kind: a policy and a test case name a schedule so. No subject of NATS has one.
    return or_(column == trigger, column.startswith(f"{trigger}:", autoescape=True))


async def _workflow_of_plan(connection: AsyncConnection, digest: str) -> RowMapping:
    owned = (WORKFLOW.c.projectId == PLAN.c.projectId) & (WORKFLOW.c.name == PLAN.c.name)
    row = await first(connection, select(WORKFLOW).join(PLAN, owned).where(PLAN.c.digest == digest))
    if row is None:
        raise NotFound("the plan", digest, "deploy its workflow first (`commandcenter deploy`)")
    return row


async def _emit_started(connection: AsyncConnection, workflow: RowMapping, values: Mapping[str, Any]) -> None:
    payload: RunStarted = {
        "workflowRunId": values["id"],
        "workflowId": workflow["id"],
        "workflowName": workflow["name"],
        "projectId": workflow["projectId"],
        "trigger": values["trigger"],
        "flowRunId": values["flowRunId"],
    }
    await emit(
        connection,
        message_id=f"workflow.started:{values['id']}",
        project_id=workflow["projectId"],
        subject=f"workflow.started.{subject_token('workflow id', workflow['id'])}",
        payload=payload,
        traceparent=context_of(connection, values["flowRunId"]),
    )


async def _waits_for_people(connection: AsyncConnection, run_id: str) -> bool:
    """Whether it does now. Locks the run, so that two executions cannot both see it wait and then go on."""
    row = await first(
        connection, select(WORKFLOW_RUN.c.status).where(WORKFLOW_RUN.c.id == run_id).with_for_update()
    )
    return row is not None and row["status"] == "WAITING_APPROVAL"


async def _end_agent_runs(connection: AsyncConnection, run: RowMapping) -> None:
    mine = AGENT_RUN.c.workflowRunId == run["id"]
    error = "the run ended before this agent did"
    await end_unfinished(connection, run, mine, error=error, kind=RUN_ENDED)
    begun = (NODE_STATE.c.workflowRunId == run["id"]) & (NODE_STATE.c.state == "RUNNING")
    await connection.execute(update(NODE_STATE).where(begun).values(state="FAILED", updatedAt=now()))


def run_of(row: RowMapping) -> Run:
    """The row as a value."""
    # Lists leave the outputs out.
    return read_row(Run, row, outputs=row.get("outputJson"))
