"""Facts about a project -> where a control is broken. One function for each `check` in controls.yaml.

A check gives the places where it fails (none: it holds), or None where the facts do not say. What it is about stands
above it: where the facts have nothing of that, it is not asked. Nothing is no evidence: a project without a single
workflow, approval or run does not pass the checks about them, it is not assessed by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from agents.registration import network
from agents.sdk.project_facts import (
    AgentFacts,
    ApprovalFacts,
    AuditFacts,
    DatabaseFacts,
    MessagingFacts,
    ProjectFacts,
    RetentionFacts,
    RunFacts,
    SandboxFacts,
    SecretFacts,
    WorkflowFacts,
)

_CLEAR_TEXT = frozenset({"21", "23", "25", "80", "110", "143", "389"})
_LOOPBACK = ("127.", "localhost:", "[::1]:")
_SIX_YEARS = 2190
_WEEK_HOURS = 168
_FAILED_SHARE = 0.1


@dataclass(frozen=True)
class Place:
    """One place where a control is broken."""

    location: str
    detail: str = ""


Found = list[Place] | None
F = TypeVar("F")

CHECKS: dict[str, Callable[[ProjectFacts], Found]] = {}
"""By the name that controls.yaml has for them."""


def _about(facts_of: Callable[[ProjectFacts], F | None]) -> Callable[[Callable[[F], Found]], Callable[[F], Found]]:
    """Make a check of those facts one of `CHECKS`."""

    def register(check: Callable[[F], Found]) -> Callable[[F], Found]:
        def answer(facts: ProjectFacts) -> Found:
            known = facts_of(facts)
            return None if known is None else check(known)

        CHECKS[check.__name__] = answer
        return check

    return register


def is_empty(facts: ProjectFacts) -> bool:
    """Whether the project has done nothing yet: there is nothing of its own that could be assessed."""
    runs, approvals = facts.runs, facts.approvals
    return not (_workflows(facts) or (runs and runs.total) or (approvals and approvals.total))


def _workflows(facts: ProjectFacts) -> list[WorkflowFacts] | None:
    """The workflows, None where not one has a node."""
    flows = facts.workflows or []
    return flows if any(flow.nodes for flow in flows) else None


def _agents(facts: ProjectFacts) -> list[AgentFacts] | None:
    return facts.agents or None


def _approvals(facts: ProjectFacts) -> ApprovalFacts | None:
    return facts.approvals if facts.approvals and facts.approvals.total else None


def _decisions(facts: ProjectFacts) -> tuple[AuditFacts, ApprovalFacts] | None:
    """The audit trail and the approvals, None where nothing was decided."""
    audit, approvals = facts.audit, facts.approvals
    if audit is None or approvals is None:
        return None
    return (audit, approvals) if audit.decisions or approvals.approved or approvals.rejected else None


def _ended(facts: ProjectFacts) -> RunFacts | None:
    return facts.runs if facts.runs and facts.runs.success + facts.runs.failed else None


def _broken(is_broken: object, location: str, detail: str) -> list[Place]:
    return [Place(location, detail)] if is_broken else []


@_about(_workflows)
def risky_actions_are_gated(workflows: list[WorkflowFacts]) -> Found:
    """Nodes of active workflows that need approval and do not ask for it."""
    return [
        Place(f"workflow {flow.name}, node {node.id}", f"{node.agent}.{node.action} runs without approval")
        for flow in workflows
        if flow.status == "ACTIVE"
        for node in flow.nodes
        if node.risk == "APPROVAL_REQUIRED" and not node.gated
    ]


@_about(_workflows)
def no_trusted_bypass(workflows: list[WorkflowFacts]) -> Found:
    """Workflows whose policy lets triggers through."""
    return [
        Place(f"workflow {flow.name}", f"trusted: {', '.join(flow.trusted_triggers)}")
        for flow in workflows
        if flow.trusted_triggers
    ]


@_about(_approvals)
def nobody_approves_own_run(approvals: ApprovalFacts) -> Found:
    """Approvals by who had triggered the run."""
    count = approvals.self_approved
    return _broken(count, "approvals", f"{count} decided by who had started the run")


@_about(_approvals)
def approvers_are_verified(approvals: ApprovalFacts) -> Found:
    """Decisions under an unverified name."""
    count = approvals.unverified
    return _broken(count, "approvals", f"{count} decided under an unverified name")


@_about(_approvals)
def approvals_do_not_age(approvals: ApprovalFacts) -> Found:
    """The oldest open approval."""
    if not approvals.pending:
        return []
    hours = approvals.oldest_pending_hours
    if hours is None:
        return None
    return _broken(hours > _WEEK_HOURS, "approvals", f"the oldest has waited {hours:.0f} hours")


@_about(_decisions)
def every_decision_is_recorded(both: tuple[AuditFacts, ApprovalFacts]) -> Found:
    """Decisions without an audit entry, or entries that can be changed."""
    audit, approvals = both
    if audit.append_only is None:
        return None
    missing = approvals.approved + approvals.rejected - audit.decisions
    return [
        *_broken(missing > 0, "audit trail", f"{missing} decision(s) have no entry"),
        *_broken(not audit.append_only, "audit trail", "entries can be changed or removed"),
    ]


@_about(_agents)
def hosts_are_named(agents: list[AgentFacts]) -> Found:
    """Network entries that are not one host and port."""
    return [
        Place(f"agent {agent.name}", f"may reach {entry!r}")
        for agent in agents
        for entry in agent.network
        if not network.declared(entry)
    ]


@_about(_agents)
def no_clear_text_ports(agents: list[AgentFacts]) -> Found:
    """Network entries of protocols without encryption, this machine's own apart."""
    return [
        Place(f"agent {agent.name}", f"may reach {entry}")
        for agent in agents
        for entry in agent.network
        if _is_clear_text(entry)
    ]


def _is_clear_text(entry: str) -> bool:
    try:
        hosts = network.resolve([entry], {})  # the default, where a setting decides
    except ValueError:
        return False
    return any(host.rpartition(":")[2] in _CLEAR_TEXT and not host.startswith(_LOOPBACK) for host in hosts)


@_about(lambda facts: facts.secrets)
def no_secrets_in_plain(secrets: SecretFacts) -> Found:
    """Secret values in plans or records."""
    count = secrets.in_plain
    return None if count is None else _broken(count, "plans and records", f"{count} secret value(s) in plain")


@_about(lambda facts: facts.sandbox)
def agents_are_contained(sandbox: SandboxFacts) -> Found:
    """A sandbox that does not work."""
    return _broken(not sandbox.available, f"sandbox {sandbox.backend}", "it does not work here")


@_about(_agents)
def agents_are_pinned(agents: list[AgentFacts]) -> Found:
    """Agents without a digest."""
    return [Place(f"agent {agent.name}", f"version {agent.version}") for agent in agents if not agent.code_digest]


@_about(_ended)
def runs_succeed(runs: RunFacts) -> Found:
    """Too many failed runs."""
    ended = runs.success + runs.failed
    return _broken(runs.failed > ended * _FAILED_SHARE, "runs", f"{runs.failed} of {ended} failed")


@_about(lambda facts: facts.database)
def database_transport_is_encrypted(database: DatabaseFacts) -> Found:
    """A database over an open network connection. SQLite is a file of this machine."""
    if database.kind == "sqlite":
        return []
    encrypted = database.encrypted_transport
    return None if encrypted is None else _broken(not encrypted, "database", "the connection is not encrypted")


@_about(lambda facts: facts.database)
def records_can_be_recovered(database: DatabaseFacts) -> Found:
    """Records on one machine only."""
    if database.backed_up:
        return []
    if database.kind == "sqlite":
        return [Place("database", "SQLite keeps all records in one file of this machine")]
    return None if database.backed_up is None else [Place("database", "there is no backup")]


@_about(lambda facts: facts.retention)
def runs_are_not_kept_for_ever(retention: RetentionFacts) -> Found:
    """Data without an end."""
    kept = {"runs": retention.runs_days, "artifacts": retention.artifacts_days}
    return [Place(what, "kept for ever") for what, days in kept.items() if days is None]


@_about(lambda facts: facts.retention)
def audit_is_kept_six_years(retention: RetentionFacts) -> Found:
    """Audit entries that go too early."""
    days = retention.audit_days
    return _broken(days is not None and days < _SIX_YEARS, "audit trail", f"kept for {days} days")


@_about(lambda facts: facts.messaging)
def events_are_protected(messaging: MessagingFacts) -> Found:
    """An open event bus."""
    if messaging.encrypted is None or messaging.authenticated is None:
        return None
    return [
        *_broken(not messaging.authenticated, "event bus", "anybody who reaches it can publish"),
        *_broken(not messaging.encrypted, "event bus", "messages are not encrypted on their way"),
    ]
