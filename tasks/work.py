"""A node that is ready -> the work it stands for: one invocation, or one for each item of its `foreach`.

Everything is resolved here, before anybody is asked: templates, the registered agent, hosts, what inputs point at. An
approval is then bound to the result, and nothing is resolved again after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, cast

from pydantic import JsonValue

from agents.effects import EffectError, effect_of
from agents.registration.network import resolve as allowed_hosts
from agents.registration.network import settings_in
from compiler import Scope, TemplateError, render
from compiler.catalogue import AgentSpec, Catalogue
from compiler.plan import ApprovalRule, PlanNode, digest_of
from tasks.agent_code import CodeRefused, CodeUnavailable
from tasks.card import Invocation, card
from tasks.egress_policy import PROJECT_PREFIX, refused_hosts
from tasks.inputs import bindings, complete, fact_fields
from tasks.proposal import MODEL_SECRETS, MODEL_SETTING, Proposal
from tasks.services import RunRef, Services

MAX_ITEMS = 1_000


class InvalidWork(ValueError):
    """The node cannot be run as it stands: unknown agent, a template without a value, too many items."""


@dataclass(frozen=True, kw_only=True)
class NodeWork:
    """All that one node will do in one run."""

    node: PlanNode
    invocations: tuple[Invocation, ...]
    """One, or one per item."""
    each: bool
    """True for a `foreach` node: the output is the list of the items' outputs."""
    proposals: tuple[Proposal, ...] | None = None
    """For an action with an effect: what it has proposed, one for each invocation. None: nothing is proposed yet."""

    @property
    def digest(self) -> str:
        """What an approval of this work is bound to: all that was asked of the agent, and the effects it proposed."""
        asked = [invocation.digest for invocation in self.invocations] if self.each else self.invocations[0].digest
        if self.proposals is not None:
            return digest_of({"asked": asked, "proposed": [each.digest for each in self.proposals]})
        return digest_of(asked) if self.each else self.invocations[0].digest

    @property
    def does_something(self) -> bool:
        """False where an effect was to be proposed, and there is nothing to do: nothing to ask anybody about."""
        return self.proposals is None or any(each.request is not None for each in self.proposals)

    def edited(self, edits: Mapping[str, JsonValue]) -> NodeWork:
        """The same work with the inputs an approver changed: other work, with another digest. Raises `InvalidWork`."""
        invocations = tuple(replace(each, inputs={**each.inputs, **edits}) for each in self.invocations)
        for each in invocations:
            _check_digest(each)
        if self.proposals is None:
            return replace(self, invocations=invocations)
        try:
            proposals = tuple(each.edited(edits) for each in self.proposals)
        except EffectError as exc:
            raise InvalidWork(f"node {self.node.id!r}: {exc}") from exc
        return replace(self, invocations=invocations, proposals=proposals)

    def card(self, *, upstream: Mapping[str, JsonValue], deadline: str | None) -> dict[str, Any]:
        """The card of this work; for `foreach` it lists the inputs of every item."""
        data = card(self.invocations[0], upstream=upstream, deadline=deadline)
        return self.amended_card(data)

    def amended_card(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """A card of this node, with the inputs of this work, what it proposes, and the digest of it."""
        inputs = [dict(invocation.inputs) for invocation in self.invocations]
        amended = {**data, "inputs": inputs if self.each else inputs[0], "digest": self.digest}
        if self.proposals is not None:
            amended["proposals"] = [each.card() for each in self.proposals]
        return amended


async def work_of(
    node: PlanNode, *, scope: Scope, catalogue: Catalogue, run: RunRef, services: Services
) -> NodeWork:
    """Resolve all of a node's inputs. Raises `InvalidWork` or `tasks.inputs.InputRefused`.

    The node of the work may have a gate that the plan's has not: see `as_strict_as_registered`.
    """
    agent = catalogue.agents.get(node.agent)
    if agent is None or node.action not in agent.actions:
        raise InvalidWork(
            f"node {node.id!r}: agent {node.agent!r} with action {node.action!r} is not registered any more; "
            "register it again or deploy a workflow without it"
        )
    node = as_strict_as_registered(node, agent)
    try:
        # Before anybody is asked: what cannot run needs no approval.
        await services.code_of(agent, run)
    except CodeUnavailable:
        # The node's own attempts come back to it.
        pass
    except CodeRefused as exc:
        raise InvalidWork(str(exc)) from exc
    shown = await _shown_inputs(node, run=run, services=services)
    try:
        scopes = [scope] if node.foreach is None else [replace(scope, item=item) for item in _items(node, scope)]
        invocations = tuple(
            [
                await _invocation(node, agent, scope=each, shown=known, run=run, services=services)
                for each, known in zip_longest(scopes, shown[: len(scopes)])
            ]
        )
    except TemplateError as exc:
        raise InvalidWork(f"node {node.id!r}: {exc}") from exc
    return NodeWork(node=node, invocations=invocations, each=node.foreach is not None)


def as_strict_as_registered(node: PlanNode, agent: AgentSpec) -> PlanNode:
    """The node, with a gate where the plan gives it none and the agent, as it is registered by now, needs one.

    An agent may have been registered anew since the deploy: with more risk, or with other code, which nobody looked at
    with the hosts, secrets and effect in mind that the plan grants.
    """
    action = agent.actions[node.action]
    granted = {*node.network, *node.secrets} - {*agent.network, *agent.secrets}
    risky = agent.action_risk(node.action) == "APPROVAL_REQUIRED" or node.effect != action.effect
    if node.gate is None and (risky or granted):
        return node.model_copy(update={"gate": ApprovalRule(), "risk": "APPROVAL_REQUIRED"})
    return node


async def _shown_inputs(node: PlanNode, *, run: RunRef, services: Services) -> list[dict[str, JsonValue]]:
    """The inputs on the card of the node's gate, by item; nothing where nobody was asked, or none is needed here."""
    if node.gate is None or not fact_fields(node):
        return []
    approval = await services.records.approval(run.run_id, node.id)
    inputs = None if approval is None else approval.card.get("inputs")
    found = cast("list[Any]", inputs if isinstance(inputs, list) else [inputs])
    return [cast("dict[str, JsonValue]", each) for each in found if isinstance(each, dict)]


async def _invocation(
    node: PlanNode,
    agent: AgentSpec,
    *,
    scope: Scope,
    shown: Mapping[str, JsonValue] | None,
    run: RunRef,
    services: Services,
) -> Invocation:
    rendered = cast("dict[str, JsonValue]", render(cast("JsonValue", node.inputs), scope))
    inputs = await complete(node, rendered, shown=shown, run=run, services=services)
    try:
        network, secrets = reach(node, services.settings)
    except ValueError as exc:
        raise InvalidWork(f"node {node.id!r}: {exc}") from exc
    if refused := refused_hosts(network, run.project_id):
        raise InvalidWork(
            f"node {node.id!r}: the operator does not let project {run.project_id} reach {', '.join(refused)}; "
            f"add it to {PROJECT_PREFIX}{run.project_id} in the worker's environment, or do without"
        )
    invocation = Invocation(
        node=node,
        agent=agent,
        inputs=inputs,
        network=network,
        secrets=secrets,
        bindings=await bindings(node, inputs, services=services),
        settings=settings_used(node, agent, services.settings),
    )
    _check_digest(invocation)
    return invocation


def reach(node: PlanNode, settings: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Hosts and names of secrets that the agent gets in the jail. Raises ValueError for what is no host.

    An agent that proposes an effect could bring it about by itself with what the effect needs: it gets a model alone.
    """
    network = allowed_hosts(node.network, settings)
    if node.effect is None:
        return network, node.secrets
    model = allowed_hosts([f"{{{MODEL_SETTING}}}"], settings)
    hosts = tuple(each for each in network if each in model)
    return hosts, tuple(each for each in node.secrets if each in MODEL_SECRETS)


def settings_used(node: PlanNode, agent: AgentSpec, settings: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that decide what will happen: the agent's, those in its hosts, and those of its effect."""
    names = {*agent.settings, *settings_in(node.network)}
    if node.effect is not None:
        spec = effect_of(node.effect)
        names |= spec.settings | settings_in(spec.own_network)
    return {name: settings[name] for name in sorted(names) if name in settings}


def _check_digest(invocation: Invocation) -> None:
    """What has no digest can neither be approved nor be told from other work. Raises `InvalidWork`."""
    try:
        _ = invocation.digest
    except ValueError as exc:
        raise InvalidWork(
            f"node {invocation.node.id!r}: its inputs have no digest: {exc}; give large numbers as text"
        ) from exc


def _items(node: PlanNode, scope: Scope) -> list[JsonValue]:
    assert node.foreach is not None
    items = render(node.foreach.items, scope)
    if not isinstance(items, list):
        raise InvalidWork(f"node {node.id!r}: foreach must give a list, got {type(items).__name__}")
    if len(items) > MAX_ITEMS:
        raise InvalidWork(f"node {node.id!r}: foreach gives {len(items):,} items, the limit is {MAX_ITEMS:,}")
    return items
