"""An action's result -> the effect it proposes: what its gate shows, what the approval binds, what is carried out.

An action with an effect runs in two steps. In the jail it proposes, with no secret and no network but a model's; the
platform then carries out exactly what was approved, without running the agent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from agents.effects import EffectError, effect_of
from agents.effects.effect import EffectSpec, ReturnedProposal
from agents.repository.repository_copy import RepositoryRefusedError, head_commit
from compiler.plan import PlanNode, digest_of
from tasks.card import Invocation
from tasks.egress_policy import allowed_hosts
from tasks.inputs import kind_of
from tasks.services import RunRef, Services, Workplace

MODEL_SETTING = "LLM_BASE_URL"
MODEL_SECRETS = frozenset({"LLM_API_KEY"})
"""All of the world that an agent may have while it proposes: a model's endpoint, and the key to it."""


class BaseMoved(Exception):
    """The repository has moved since the proposal was made: another one has to be made, and asked about."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One effect, exactly as it will be carried out."""

    effect: str
    request: Mapping[str, Any] | None
    """None: there is nothing to do."""
    output: Mapping[str, Any]
    """The node's output but for what the effect adds; empty where it was read back from a card."""
    output_digest: str
    facts: Mapping[str, Any]
    """What the agent says about it, for people: how it was verified, what was fixed. Part of output and digest."""

    @property
    def digest(self) -> str:
        """SHA-256 over effect, request and output."""
        request = None if self.request is None else dict(self.request)
        return digest_of({"effect": self.effect, "request": request, "output": self.output_digest})

    def edited(self, edits: Mapping[str, JsonValue]) -> Proposal:
        """The same with inputs that an approver changed. Raises EffectError for what would need another proposal."""
        if self.request is None or not edits:
            return self
        spec = effect_of(self.effect)
        request = dict(self.request)
        for field, value in edits.items():
            if field not in spec.editable:
                raise EffectError(
                    f"input {field!r} cannot be changed any more: what is proposed was made from it; "
                    "reject it and start a new run"
                )
            request[spec.editable[field]] = value
        spec.check(request)
        return replace(self, request=request)

    def card(self) -> dict[str, Any]:
        """As the approval's card keeps it; `proposal_of_card` reads it back."""
        return {
            "effect": self.effect,
            "request": None if self.request is None else dict(self.request),
            "outputDigest": self.output_digest,
            "facts": dict(self.facts),
            "digest": self.digest,
        }


VERIFICATION = ("verified", "verification")
"""What the platform adds to a result; part of the output where its schema has a place for it."""
FACTS = ("verified", "verification", "fixed", "unfixed", "estimatedImpact", "engine")
"""Fields of a result that a gate shows beside the request."""
DOUBT = "doubt"
"""Beside them: what would keep the effect from being carried out, by the platform."""


def proposal_of(
    invocation: Invocation, result: Mapping[str, Any], *, run: RunRef, workplace: Workplace
) -> Proposal:
    """What the agent's result proposes. Raises EffectError for what cannot be carried out.

    It reads repositories and patches: called in a thread.
    """
    node = invocation.node
    spec = effect_of(node.effect or "")
    try:
        hosts = allowed_hosts(spec.hosts(node.network, workplace.settings), run.project_id)
    except ValueError as exc:
        raise EffectError(str(exc)) from exc
    proposed = ReturnedProposal(
        inputs=invocation.inputs,
        bindings=invocation.bindings,
        repository=_repository(invocation),
        result=result,
        settings=workplace.settings,
        roots=workplace.repository_roots,
        hosts=hosts,
    )
    request = spec.propose(proposed)
    left_out = spec.consumed | {name for name in VERIFICATION if name not in _fields(node.output_schema)}
    rest = {name: value for name, value in result.items() if name not in left_out}
    output = rest if request is not None else {**rest, **spec.nothing(proposed)}
    return Proposal(
        effect=spec.name if request is None or spec.named is None else spec.named(request),
        request=request,
        output=output,
        output_digest=digest_of(output),
        facts={name: result[name] for name in FACTS if name in result} | _doubt(spec, request),
    )


def _doubt(spec: EffectSpec, request: Mapping[str, Any] | None) -> dict[str, Any]:
    said = "" if request is None else spec.doubt(dict(request))
    return {DOUBT: said} if said else {}


def proposal_of_card(data: Mapping[str, Any]) -> Proposal:
    """What a card shows, without the output, which no card has."""
    return Proposal(
        effect=str(data.get("effect")),
        request=cast("dict[str, Any] | None", data.get("request")),
        output={},
        output_digest=str(data.get("outputDigest")),
        facts=cast("dict[str, Any]", data.get("facts") or {}),
    )


def editable_with_effect(node: PlanNode, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the fields that can still be changed once an effect is proposed; all of them where there is none."""
    if node.effect is None or node.gate is None:
        return fields
    return tuple(each for each in fields if each in effect_of(node.effect).editable)


async def refuse_moved_base(proposal: Proposal, *, services: Services) -> None:
    """Raises BaseMoved where the repository is at another commit than the one that the request was made for."""
    if proposal.request is None:
        return
    base = effect_of(proposal.effect).base(dict(proposal.request))
    if base is None:
        return
    repository, commit = base
    try:
        found = await asyncio.to_thread(head_commit, Path(repository), allowed_roots=services.repository_roots)
    except RepositoryRefusedError as exc:
        raise EffectError(str(exc)) from exc
    if found != commit:
        raise BaseMoved(
            f"repository {repository!r} moved from commit {commit} to {found or 'none'} after the proposal was made"
        )


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _repository(invocation: Invocation) -> str | None:
    for name, value in invocation.inputs.items():
        if kind_of(invocation.node, name) == "repository" and isinstance(value, str):
            return value
    return None
