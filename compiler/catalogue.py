"""What the compiler knows of the registered agents: names, actions and their JSON Schemas.

The SDK in `agents/` publishes these, `records/` stores them, and the compiler checks workflows against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from compiler.plan import Plan

JsonSchema = Mapping[str, Any]
"""A JSON Schema (draft 2020-12) as plain data."""

AgentType = Literal["LLM", "RULE", "API", "SCRIPT"]
RiskLevel = Literal["AUTO", "APPROVAL_REQUIRED"]
Effect = Literal["publish-branch", "open-pull-request", "send-mail", "send-chat", "call-webhook", "write-artifact"]
"""What the platform carries out, outside the jail, of what an agent has proposed; the list is closed."""


@dataclass(frozen=True, kw_only=True)
class ActionSpec:
    """One capability of an agent."""

    name: str
    """The name workflows use in `action:`."""
    description: str = ""
    input_schema: JsonSchema
    """What the action takes. Fields may carry `x-kind` (repository | artifact), `x-access` (read | write),
    `x-interprets` (shell | host | template | instructions) and `x-editable` (an approver may change it)."""
    output_schema: JsonSchema
    """What later nodes see as `nodes.<id>.output`."""
    result_schema: JsonSchema | None = None
    """What the agent itself returns from the jail, where an effect turns that into the output; else None."""
    risk: RiskLevel | None = None
    """The action's own risk; None: the agent's."""
    effect: Effect | None = None


@dataclass(frozen=True, kw_only=True)
class AgentSpec:
    """One registered agent."""

    name: str
    type: AgentType
    version: str
    """Semantic version; part of what an approval is bound to."""
    risk: RiskLevel
    entry_path: str
    """Dotted module (`agents.builtin.notifier`) or the folder the agent was registered from."""
    description: str = ""
    actions: Mapping[str, ActionSpec] = field(default_factory=dict[str, ActionSpec])
    network: tuple[str, ...] = ()
    """Hosts the agent may reach, `host:port`; empty: no network."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets the agent may be given."""
    settings: tuple[str, ...] = ()
    """Names of non-secret settings that reach the agent's environment."""
    memory_mb: int = 512
    timeout_seconds: int = 300
    code_digest: str = ""
    """SHA-256 over the agent's files: a changed agent is another agent, whatever its version says."""

    def action_risk(self, action: str) -> RiskLevel:
        """The risk of one action: its own where it states one, else the agent's."""
        return self.actions[action].risk or self.risk


@dataclass(frozen=True, kw_only=True)
class CallableWorkflow:
    """A workflow that a node of another one may name."""

    name: str
    plan: Plan | None
    """The version that would be called; None where there is none that could be."""
    input_schema: JsonSchema = field(default_factory=dict[str, Any])
    """What a call gives: the context it starts with."""
    output_schema: JsonSchema = field(default_factory=dict[str, Any])
    """What a call gets: its `outputs`."""
    calls: frozenset[str] = frozenset()
    """Names of all workflows that it calls, directly or not."""
    refusal: str = ""
    """Why it cannot be called, as the end of a sentence; empty: it can."""
    circle: tuple[str, ...] = ()
    """Workflows that call each other, this one first, where it is one of them."""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All agents and workflows that one project's workflows may use."""

    agents: Mapping[str, AgentSpec]
    workflows: Mapping[str, CallableWorkflow] = field(default_factory=dict[str, CallableWorkflow])

    def find(self, agent: str, action: str) -> ActionSpec | None:
        """The action, or None where the agent or the action is unknown."""
        spec = self.agents.get(agent)
        return spec.actions.get(action) if spec else None
