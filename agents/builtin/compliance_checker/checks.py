"""Facts about a project -> where a control is broken. One function for each `check` in controls.yaml.

A check gives the places where it fails (none: it holds), or None where the facts do not say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agents import network
from agents.facts import ProjectFacts

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


def risky_actions_are_gated(facts: ProjectFacts) -> Found:
    """Nodes of active workflows that need approval and do not ask for it."""
    if facts.workflows is None:
        return None
    return [
        Place(f"workflow {flow.name}, node {node.id}", f"{node.agent}.{node.action} runs without approval")
        for flow in facts.workflows
        if flow.status == "ACTIVE"
        for node in flow.nodes
        if node.risk == "APPROVAL_REQUIRED" and not node.gated
    ]


def no_trusted_bypass(facts: ProjectFacts) -> Found:
    """Workflows whose policy lets triggers through."""
    if facts.workflows is None:
        return None
    return [
        Place(f"workflow {flow.name}", f"trusted: {', '.join(flow.trusted_triggers)}")
        for flow in facts.workflows
        if flow.trusted_triggers
    ]


def nobody_approves_own_run(facts: ProjectFacts) -> Found:
    """Approvals by who had triggered the run."""
    if facts.approvals is None:
        return None
    count = facts.approvals.self_approved
    return [Place("approvals", f"{count} decided by who had started the run")] if count else []


def approvers_are_verified(facts: ProjectFacts) -> Found:
    """Decisions under an unverified name."""
    if facts.approvals is None:
        return None
    count = facts.approvals.unverified
    return [Place("approvals", f"{count} decided under an unverified name")] if count else []


def approvals_do_not_age(facts: ProjectFacts) -> Found:
    """The oldest open approval."""
    if facts.approvals is None:
        return None
    if not facts.approvals.pending:
        return []
    hours = facts.approvals.oldest_pending_hours
    if hours is None:
        return None
    return [Place("approvals", f"the oldest has waited {hours:.0f} hours")] if hours > _WEEK_HOURS else []


def every_decision_is_recorded(facts: ProjectFacts) -> Found:
    """Decisions without an audit entry, or entries that can be changed."""
    if facts.audit is None or facts.approvals is None or facts.audit.append_only is None:
        return None
    places: list[Place] = []
    missing = facts.approvals.approved + facts.approvals.rejected - facts.audit.decisions
    if missing > 0:
        places.append(Place("audit trail", f"{missing} decision(s) have no entry"))
    if not facts.audit.append_only:
        places.append(Place("audit trail", "entries can be changed or removed"))
    return places


def hosts_are_named(facts: ProjectFacts) -> Found:
    """Network entries that are not one host and port."""
    if facts.agents is None:
        return None
    return [
        Place(f"agent {agent.name}", f"may reach {entry!r}")
        for agent in facts.agents
        for entry in agent.network
        if not network.declared(entry)
    ]


def no_clear_text_ports(facts: ProjectFacts) -> Found:
    """Network entries of protocols without encryption, this machine's own apart."""
    if facts.agents is None:
        return None
    return [
        Place(f"agent {agent.name}", f"may reach {entry}")
        for agent in facts.agents
        for entry in agent.network
        if _is_clear_text(entry)
    ]


def _is_clear_text(entry: str) -> bool:
    try:
        hosts = network.resolve([entry], {})  # the default, where a setting decides
    except ValueError:
        return False
    return any(host.rpartition(":")[2] in _CLEAR_TEXT and not host.startswith(_LOOPBACK) for host in hosts)


def no_secrets_in_plain(facts: ProjectFacts) -> Found:
    """Secret values in plans or records."""
    if facts.secrets is None or facts.secrets.in_plain is None:
        return None
    count = facts.secrets.in_plain
    return [Place("plans and records", f"{count} secret value(s) in plain")] if count else []


def agents_are_contained(facts: ProjectFacts) -> Found:
    """A sandbox that does not work."""
    if facts.sandbox is None:
        return None
    return [] if facts.sandbox.available else [Place(f"sandbox {facts.sandbox.backend}", "it does not work here")]


def agents_are_pinned(facts: ProjectFacts) -> Found:
    """Agents without a digest."""
    if facts.agents is None:
        return None
    return [
        Place(f"agent {agent.name}", f"version {agent.version}") for agent in facts.agents if not agent.code_digest
    ]


def runs_succeed(facts: ProjectFacts) -> Found:
    """Too many failed runs."""
    if facts.runs is None:
        return None
    ended = facts.runs.success + facts.runs.failed
    if not ended or facts.runs.failed / ended <= _FAILED_SHARE:
        return []
    return [Place("runs", f"{facts.runs.failed} of {ended} failed")]


def database_transport_is_encrypted(facts: ProjectFacts) -> Found:
    """A database over an open network connection. SQLite is a file of this machine."""
    if facts.database is None:
        return None
    if facts.database.kind == "sqlite":
        return []
    if facts.database.encrypted_transport is None:
        return None
    return [] if facts.database.encrypted_transport else [Place("database", "the connection is not encrypted")]


def records_can_be_recovered(facts: ProjectFacts) -> Found:
    """Records on one machine only."""
    if facts.database is None:
        return None
    if facts.database.backed_up:
        return []
    if facts.database.kind == "sqlite":
        return [Place("database", "SQLite keeps all records in one file of this machine")]
    return None if facts.database.backed_up is None else [Place("database", "there is no backup")]


def runs_are_not_kept_for_ever(facts: ProjectFacts) -> Found:
    """Data without an end."""
    if facts.retention is None:
        return None
    kept = {"runs": facts.retention.runs_days, "artifacts": facts.retention.artifacts_days}
    return [Place(what, "kept for ever") for what, days in kept.items() if days is None]


def audit_is_kept_six_years(facts: ProjectFacts) -> Found:
    """Audit entries that go too early."""
    if facts.retention is None:
        return None
    days = facts.retention.audit_days
    return [] if days is None or days >= _SIX_YEARS else [Place("audit trail", f"kept for {days} days")]


def events_are_protected(facts: ProjectFacts) -> Found:
    """An open event bus."""
    if facts.messaging is None or facts.messaging.encrypted is None or facts.messaging.authenticated is None:
        return None
    places: list[Place] = []
    if not facts.messaging.authenticated:
        places.append(Place("event bus", "anybody who reaches it can publish"))
    if not facts.messaging.encrypted:
        places.append(Place("event bus", "messages are not encrypted on their way"))
    return places


CHECKS: dict[str, Callable[[ProjectFacts], Found]] = {
    check.__name__: check
    for check in (
        risky_actions_are_gated,
        no_trusted_bypass,
        nobody_approves_own_run,
        approvers_are_verified,
        approvals_do_not_age,
        every_decision_is_recorded,
        hosts_are_named,
        no_clear_text_ports,
        no_secrets_in_plain,
        agents_are_contained,
        agents_are_pinned,
        runs_succeed,
        database_transport_is_encrypted,
        records_can_be_recovered,
        runs_are_not_kept_for_ever,
        audit_is_kept_six_years,
        events_are_protected,
    )
}
