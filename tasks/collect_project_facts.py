"""The records of a project -> the facts its compliance checks reason about.

What the platform does not know stays None: an audit counts that as missing evidence, not as good.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from agents.sdk.project_facts import (
    AgentFacts,
    ApprovalFacts,
    AuditFacts,
    DatabaseFacts,
    NodeFacts,
    PastAudit,
    ProjectFacts,
    RunFacts,
    SandboxFacts,
    SecretFacts,
    WorkflowFacts,
)
from compiler.plan import Plan
from records import AgentRun, Approval, Run
from tasks.services import Services

PERIOD_RUNS = 1_000
"""How many of the newest runs and approvals are looked at."""
PAST_AUDITS = 23
"""Of how many days earlier audits are told: a report draws 24 scores."""
_AT_A_TIME = PAST_AUDITS * 4
_DECISIONS = {"approved", "rejected"}


async def collect_project_facts(services: Services, project_id: int) -> dict[str, Any]:
    """What is on record, as the `facts` input of an agent."""
    records = services.records
    plans = await records.active_plans(project_id)
    runs = await records.runs(project_id, limit=PERIOD_RUNS)
    trail = await records.audit_trail(project_id=project_id)
    facts = ProjectFacts(
        project_id=project_id,
        collected_at=datetime.now(UTC).isoformat(timespec="seconds"),
        agents=[
            AgentFacts(
                name=spec.name,
                type=spec.type,
                risk=spec.risk,
                version=spec.version,
                network=list(spec.network),
                secrets=list(spec.secrets),
                code_digest=spec.code_digest or None,
            )
            for spec in await records.agents(project_id)
        ],
        workflows=[_workflow(plan) for plan in plans],
        runs=_runs(runs),
        approvals=_approvals(await records.approvals(project_id, limit=PERIOD_RUNS), runs),
        # The database itself refuses to change or remove audit entries.
        audit=AuditFacts(decisions=sum(entry.event in _DECISIONS for entry in trail), append_only=True),
        database=DatabaseFacts(kind=records.database_kind),
        sandbox=await _sandbox(services),
        secrets=SecretFacts(by_name=sum(len(node.secrets) for plan in plans for node in plan.nodes)),
        audits=await _audits(services, project_id),
    )
    return facts.model_dump(mode="json", by_alias=True)


def _workflow(plan: Plan) -> WorkflowFacts:
    trusted = {name for node in plan.nodes if node.gate for name in node.gate.trusted_triggers}
    return WorkflowFacts(
        name=plan.name,
        status=plan.status,
        nodes=[
            NodeFacts(
                id=node.id, agent=node.agent, action=node.action, risk=node.risk, gated=node.gate is not None
            )
            for node in plan.nodes
        ],
        trusted_triggers=sorted(trusted),
    )


def _runs(runs: list[Run]) -> RunFacts:
    states = Counter(run.status for run in runs)
    return RunFacts(
        total=states.total(),
        success=states["SUCCESS"],
        failed=states["FAILED"],
        waiting=states["WAITING_APPROVAL"],
    )


def _approvals(found: list[Approval], runs: list[Run]) -> ApprovalFacts:
    states = Counter(each.status for each in found)
    starters = {run.id: run.triggered_by for run in runs if run.triggered_by}
    pending = [each.requested_at for each in found if each.status == "PENDING"]
    return ApprovalFacts(
        total=len(found),
        pending=states["PENDING"],
        approved=states["APPROVED"],
        rejected=states["REJECTED"],
        unverified=sum(each.responded_by is not None and not each.verified for each in found),
        self_approved=sum(
            each.status == "APPROVED" and each.responded_by == starters.get(each.run_id, "") for each in found
        ),
        oldest_pending_hours=(datetime.now(UTC) - min(pending)).total_seconds() / 3_600 if pending else None,
    )


async def _audits(services: Services, project_id: int) -> list[PastAudit]:
    """Earlier audits, oldest first; of each day the last one of each kind."""
    kept: dict[tuple[str, str], PastAudit] = {}
    before: datetime | None = None
    for _ in range(PAST_AUDITS):
        found = await services.records.good_agent_runs(
            project_id, agent="compliance-checker", action="auditProject", limit=_AT_A_TIME, before=before
        )
        for each in found:
            if (told := _past_audit(each)) is not None:
                kept.setdefault((told.at[:10], f"{sorted(told.standards)} {told.repository}"), told)
        if len(found) < _AT_A_TIME or len({day for day, _ in kept}) >= PAST_AUDITS:
            break
        # A project may be audited many times a day: go on with the day before the earliest that was read.
        before = found[-1].started_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return sorted(kept.values(), key=lambda one: one.at)


def _past_audit(run: AgentRun) -> PastAudit | None:
    """None for one that assessed nothing."""
    output: dict[str, Any] = run.output or {}
    score, assessed, repository = (output.get(name) for name in ("score", "assessed", "repository"))
    if not (isinstance(score, int) and isinstance(assessed, int) and 0 <= score <= 100 and assessed > 0):
        return None
    return PastAudit(
        at=run.started_at.isoformat(timespec="seconds"),
        score=score,
        assessed=assessed,
        standards=[str(each["standard"]) for each in output.get("standards", ())],
        repository=repository if isinstance(repository, bool) else None,
    )


async def _sandbox(services: Services) -> SandboxFacts:
    report = await services.sandbox.check()
    return SandboxFacts(backend=report.backend, available=report.available, limits=dict(report.limits))
