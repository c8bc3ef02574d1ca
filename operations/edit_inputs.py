"""Inputs that an approver changes -> the work that runs with them instead, whose digest its own question is bound to.

The work is put together again from what was asked, and only counts if it has the very digest that was asked for. So
the edited work is the flow's own (`NodeWork.edited`), and its digest is the one that the flow will compare.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from compiler.catalogue import Catalogue
from compiler.plan import Plan, PlanDigest
from compiler.schemas.validation import validate_bounded
from records import Approval, PayloadRefused, Records
from records.database.payload import checked
from tasks.card import Invocation
from tasks.inputs import editable, kind_of
from tasks.proposal import editable_with_effect, proposal_of_card
from tasks.work import InvalidWork, NodeWork, as_strict_as_registered


class EditRefused(ValueError):
    """The inputs may not be changed like that. Nothing was decided, and nothing was changed."""


async def edited_work(approval: Approval, edits: Mapping[str, JsonValue], *, records: Records) -> NodeWork:
    """What was asked, with these inputs changed. Raises `EditRefused`."""
    run = await records.run(approval.run_id)
    plan = await records.plan(PlanDigest(run.plan_digest or ""))
    work = work_asked(approval, plan=plan, catalogue=await records.catalogue(approval.project_id, archived=True))
    return await _edited(work, edits)


def work_asked(approval: Approval, *, plan: Plan, catalogue: Catalogue) -> NodeWork:
    """The work whose card the approval shows. Raises `EditRefused` where something else would run by now."""
    stale = EditRefused(
        f"node {approval.node_id!r}: what would run is not what was asked any more; "
        "approve or reject it as it stands, and it is asked again"
    )
    try:
        node = plan.node(approval.node_id)
    except KeyError as exc:
        raise stale from exc
    agent = catalogue.agents.get(node.agent)
    if agent is None or node.action not in agent.actions:
        raise stale
    node = as_strict_as_registered(node, agent)
    card, each = approval.card, node.foreach is not None
    asked = card.get("inputs")
    invocations = tuple(
        Invocation(
            node=node,
            agent=agent,
            inputs=cast("Mapping[str, JsonValue]", inputs),
            network=tuple(card.get("network") or ()),
            secrets=tuple(card.get("secrets") or ()),
            bindings=card.get("bindings") or {},
            settings=card.get("settings") or {},
        )
        for inputs in (cast("list[Any]", asked) if each and isinstance(asked, list) else [asked])
        if isinstance(inputs, dict)
    )
    shown = card.get("proposals")
    proposals = (
        tuple(proposal_of_card(proposed) for proposed in cast("list[dict[str, Any]]", shown))
        if isinstance(shown, list)
        else None
    )
    work = NodeWork(node=node, invocations=invocations, each=each, proposals=proposals)
    if not invocations or work.digest != approval.digest:
        raise stale
    return work


async def _edited(work: NodeWork, edits: Mapping[str, JsonValue]) -> NodeWork:
    """Only editable fields, with values that fit."""
    node, allowed = work.node, editable_with_effect(work.node, editable(work.node))
    try:
        checked(f"what shall be changed in the inputs of node {node.id!r}", dict(edits))
    except PayloadRefused as exc:
        raise EditRefused(str(exc)) from exc
    for field in edits:
        if field not in allowed:
            known = ", ".join(repr(each) for each in allowed) or "none"
            raise EditRefused(
                f"input {field!r} of node {node.id!r} may not be changed by who approves it; those that may: {known}"
            )
        if kind_of(node, field) is not None:
            raise EditRefused(
                f"input {field!r} of node {node.id!r} names a {kind_of(node, field)}: start a new run"
            )
    try:
        edited = work.edited(edits)
    except InvalidWork as exc:
        raise EditRefused(str(exc)) from exc
    for invocation in edited.invocations:
        if problems := await asyncio.to_thread(validate_bounded, dict(invocation.inputs), node.input_schema):
            raise EditRefused(f"the edited inputs of node {node.id!r} do not fit {node.action!r}: {problems[0]}")
    return edited
