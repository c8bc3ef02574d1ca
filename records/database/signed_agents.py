"""A registered agent as its rows say -> the same, or one whose every action needs an approval.

What decides whether an action needs one is signed when the agent is registered. Whoever can write to the database could
else make an agent harmless, or have another name stand for code that is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from compiler.catalogue import ActionSpec, AgentSpec
from records.database.signing import Signer, signer_of


def sign_agent(connection: AsyncConnection, project_id: int, spec: AgentSpec) -> str:
    """The signature of an agent of the project."""
    return signer_of(connection).sign("agent", *_content(project_id, spec))


def agent_subject(project_id: int, name: str) -> str:
    """What names the agent in the audit."""
    return f"agent:{project_id}:{name}"


def agent_state(project_id: int, spec: AgentSpec) -> str:
    """A digest of what is signed."""
    return Signer.state("agent", *_content(project_id, spec))


def is_registered(connection: AsyncConnection, project_id: int, spec: AgentSpec, signature: str | None) -> bool:
    """Whether the platform registered exactly this."""
    row, fields = _content(project_id, spec)
    return signer_of(connection).signed("agent", {**row, "signature": signature}, fields)


def unregistered(spec: AgentSpec) -> AgentSpec:
    """The agent as far as it can be trusted: each action needs an approval, and it is given nothing."""
    actions = {name: replace(action, risk="APPROVAL_REQUIRED") for name, action in spec.actions.items()}
    return replace(spec, risk="APPROVAL_REQUIRED", actions=actions, network=(), secrets=())


def _content(project_id: int, spec: AgentSpec) -> tuple[dict[str, Any], tuple[str, ...]]:
    # Not the schemas: PostgreSQL writes their numbers anew, and what an input holds is checked by what takes it.
    row = {
        "projectId": project_id,
        "name": spec.name,
        "entryPath": spec.entry_path,
        "version": spec.version,
        "codeDigest": spec.code_digest,
        "risk": spec.risk,
        "network": list(spec.network),
        "secrets": list(spec.secrets),
        "settings": list(spec.settings),
        "actions": {name: [action.risk, action.effect] for name, action in spec.actions.items()},
    }
    return row, tuple(row)


def agent_of(row: RowMapping, capabilities: list[RowMapping]) -> AgentSpec:
    """The agent as its rows say."""
    return AgentSpec(
        name=row["name"],
        type=row["type"],
        version=row["version"],
        risk=row["riskLevel"],
        entry_path=row["entryPath"],
        description=row["description"] or "",
        actions={capability["name"]: _action(capability) for capability in capabilities},
        network=tuple(row["network"]),
        secrets=tuple(row["secrets"]),
        settings=tuple(row["settings"]),
        memory_mb=row["memoryMb"],
        timeout_seconds=row["timeoutSeconds"],
        code_digest=row["codeDigest"],
    )


def _action(row: RowMapping) -> ActionSpec:
    return ActionSpec(
        name=row["name"],
        description=row["description"] or "",
        input_schema=row["inputSchema"],
        output_schema=row["outputSchema"],
        result_schema=row["resultSchema"],
        risk=row["riskLevel"],
        effect=row["effect"],
    )
