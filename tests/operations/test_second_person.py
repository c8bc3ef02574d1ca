"""The two-person rule: what one person alone cannot do in production mode, by no way in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from compiler.catalogue import ActionSpec, AgentSpec
from compiler.plan import ApprovalRule, Plan, PlanNode
from deployments.stack.machine_admin import NoMachineAdmin, ensure_machine_admin
from operations.deploy import RecordsOnly, archive_workflow, deploy
from operations.people import (
    grant_roles,
    grant_token,
    issue_link,
    issue_token,
    map_slack_user,
    revoke_token,
    take_roles,
)
from operations.register_agent import RiskLowered, register_manifest
from operations.remove_agent import remove_agent
from operations.run_agent import RefusedByHand, require_by_hand
from operations.second_person import NOBODY, Acting, SecondPersonNeeded, confirm_change
from records import NotFound, Records
from records.people.change_store import SamePerson
from records.tables import CHANGE_REQUEST
from reliability.mode import is_production, mode_problem

ANN, BOB = Acting(name="Ann", verified=True), Acting(name="Bob", verified=True)
SCHEMA: dict[str, Any] = {"type": "object"}


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMANDCENTER_MODE", "production")


def agent(**changes: Any) -> AgentSpec:
    action = ActionSpec(name="work", input_schema=SCHEMA, output_schema=SCHEMA)
    fields: dict[str, Any] = {
        "name": "a",
        "type": "RULE",
        "version": "1.0.0",
        "risk": "AUTO",
        "entry_path": "agents.a",
    } | changes
    return AgentSpec(actions={"work": action}, **fields)


@pytest.fixture
async def records(migrated_url: str) -> AsyncIterator[Records]:
    async with await Records.open(migrated_url) as opened:
        await opened.register_agent(1, agent())
        yield opened


def plan(gate: ApprovalRule | None, *, name: str = "talk") -> Plan:
    node = PlanNode(
        id="act",
        agent="a",
        agent_type="RULE",
        agent_version="1.0.0",
        entry_path="agents.a",
        action="work",
        risk="AUTO",
        inputs={},
        input_schema=SCHEMA,
        output_schema=SCHEMA,
        gate=gate,
    )
    return Plan(name=name, project_id=1, nodes=(node,), trigger_source={"event": "graph.file.updated"})


async def send(records: Records, made: Plan, by: Acting) -> None:
    await deploy([made], records=records, publisher=RecordsOnly(), project_id=1, agreed_by="somebody", by=by)


async def deployed(records: Records) -> dict[str, str]:
    return {each.name: each.digest for each in await records.active_plans(1)}


async def test_a_gate_is_removed_by_two_people_and_not_by_one(records: Records, production: None) -> None:
    gated, open_plan = plan(ApprovalRule()), plan(None)
    await send(records, gated, ANN)
    with pytest.raises(SecondPersonNeeded, match="another person must agree") as caught:
        await send(records, open_plan, ANN)
    request = caught.value.request_id or ""
    with pytest.raises(SamePerson):
        await confirm_change(request, by=replace(ANN, name=" ANN "), project_id=1, records=records)
    with pytest.raises(SecondPersonNeeded):
        await send(records, open_plan, ANN)
    assert await deployed(records) == {"talk": gated.digest}
    await confirm_change(request, by=BOB, project_id=1, records=records)
    await send(records, open_plan, ANN)
    assert await deployed(records) == {"talk": open_plan.digest}


async def test_a_confirmation_is_for_one_change_and_one_use(records: Records, production: None) -> None:
    gated, open_plan = plan(ApprovalRule()), plan(None)
    await send(records, gated, ANN)
    with pytest.raises(SecondPersonNeeded) as caught:
        await send(records, open_plan, ANN)
    await confirm_change(caught.value.request_id or "", by=BOB, project_id=1, records=records)
    # Another change under it, or another person: no.
    with pytest.raises(SecondPersonNeeded):
        await send(records, plan(ApprovalRule(trusted_triggers=("graph.file.updated",))), ANN)
    with pytest.raises(SecondPersonNeeded):
        await send(records, open_plan, Acting(name="Eve", verified=True))
    await send(records, open_plan, ANN)
    await send(records, gated, ANN)
    with pytest.raises(SecondPersonNeeded):
        await send(records, open_plan, ANN)


async def test_a_name_that_was_typed_is_nobody(records: Records, production: None) -> None:
    await send(records, plan(ApprovalRule()), NOBODY)
    for by in (NOBODY, Acting(name="Ann", verified=False)):
        with pytest.raises(SecondPersonNeeded, match="COMMANDCENTER_TOKEN"):
            await send(records, plan(None), by)
        with pytest.raises(SecondPersonNeeded):
            await confirm_change("x", by=by, project_id=1, records=records)
    assert await records.change_requests(1) == []


async def test_a_new_workflow_whose_gate_opens_by_itself_needs_two(records: Records, production: None) -> None:
    for rule in (ApprovalRule(trusted_triggers=("graph.file.updated",)), ApprovalRule(on_expiry="approve")):
        with pytest.raises(SecondPersonNeeded, match="opens without a person"):
            await send(records, plan(rule, name="new"), ANN)
    with pytest.raises(SecondPersonNeeded, match="alone"):
        await send(records, plan(ApprovalRule(allow_self_approval=True), name="new"), ANN)
    assert await deployed(records) == {}


@pytest.mark.parametrize("rest", ["archived", "switched off"])
async def test_a_gate_is_not_lost_by_a_rest_of_its_workflow(records: Records, production: None, rest: str) -> None:
    gated = plan(ApprovalRule(quorum=2))
    await send(records, gated, ANN)
    if rest == "archived":
        await archive_workflow("talk", records=records, publisher=RecordsOnly(), project_id=1)
    else:
        await send(records, gated.model_copy(update={"status": "DRAFT"}), ANN)
    for weaker in (plan(None), plan(ApprovalRule())):
        with pytest.raises(SecondPersonNeeded, match="another person must agree"):
            await send(records, weaker, ANN)
    assert await deployed(records) == {}
    await send(records, gated, ANN)
    assert await deployed(records) == {"talk": gated.digest}


async def test_risk_is_not_lost_by_removing_the_agent_first(records: Records) -> None:
    """Neither under its name, with other code, nor by its code, under another name."""
    await register_manifest(agent(name="careful", risk="APPROVAL_REQUIRED"), records=records, project_id=1)
    await remove_agent("careful", records=records, project_id=1)
    with pytest.raises(RiskLowered):
        await register_manifest(agent(name="careful", entry_path="agents.b"), records=records, project_id=1)
    again = await register_manifest(agent(name="other"), records=records, project_id=1)
    assert again.action_risk("work") == "APPROVAL_REQUIRED"


async def test_an_agent_that_reaches_anything_needs_two(records: Records, production: None) -> None:
    await register_manifest(agent(name="quiet"), records=records, project_id=1, by=ANN)
    for reach in ({"network": ("x.example:443",)}, {"secrets": ("TOKEN",)}):
        spec = agent(name="loud", entry_path="agents.loud", **reach)
        with pytest.raises(SecondPersonNeeded) as caught:
            await register_manifest(spec, records=records, project_id=1, by=ANN)
        await confirm_change(caught.value.request_id or "", by=BOB, project_id=1, records=records)
        await register_manifest(spec, records=records, project_id=1, by=ANN)
    # Other code under the confirmed name is another change.
    with pytest.raises(SecondPersonNeeded):
        await register_manifest(
            agent(name="loud", entry_path="agents.loud2", risk="APPROVAL_REQUIRED", secrets=("TOKEN",)),
            records=records,
            project_id=1,
            by=ANN,
        )


async def test_a_row_that_a_client_of_the_database_confirmed_counts_for_nothing(
    records: Records, production: None
) -> None:
    await send(records, plan(ApprovalRule()), ANN)
    with pytest.raises(SecondPersonNeeded):
        await send(records, plan(None), ANN)
    async with records._db.write() as connection:
        await connection.execute(update(CHANGE_REQUEST).values(confirmedBy="Bob"))
    with pytest.raises(SecondPersonNeeded):
        await send(records, plan(None), ANN)


async def test_a_change_of_another_project_is_not_there(records: Records, production: None) -> None:
    await send(records, plan(ApprovalRule()), ANN)
    with pytest.raises(SecondPersonNeeded) as caught:
        await send(records, plan(None), ANN)
    with pytest.raises(NotFound):
        await confirm_change(caught.value.request_id or "", by=BOB, project_id=2, records=records)


async def test_one_operator_is_asked_by_nobody_in_the_embedded_default(records: Records) -> None:
    await send(records, plan(ApprovalRule()), NOBODY)
    await send(records, plan(None), NOBODY)
    await register_manifest(agent(name="loud", secrets=("TOKEN",)), records=records, project_id=1)


@pytest.mark.parametrize(
    ("value", "production"),
    [
        ("embedded", False),
        ("Embedded ", False),
        ("production", True),
        ("PRODUCTION", True),
        ("prod", True),
        ("", True),
    ],
)
def test_a_mode_that_is_none_is_the_stricter_one(value: str, production: bool) -> None:
    assert is_production({"COMMANDCENTER_MODE": value}) is production
    assert (mode_problem({"COMMANDCENTER_MODE": value}) is None) == (
        value.strip().lower() in ("embedded", "production")
    )


def test_without_the_variable_it_is_embedded() -> None:
    assert not is_production({})
    assert mode_problem({}) is None


async def test_people_and_their_tokens_need_two_once_there_are_two_admins(
    production: None, records: Records
) -> None:
    operator, day = Acting(name="root", verified=False), timedelta(days=1)

    async def token_of(name: str, by: Acting) -> Any:
        return await grant_token(
            name, records=records, by=by, asked_in=1, project_id=1, roles=None, lifetime=day, label=None
        )

    # Somebody must be the first, and the second.
    for name in ("Ann", "Bob"):
        await grant_roles(name, records=records, project_id=1, roles=["admin"], by=operator)
        await token_of(name, operator)
    for by in (operator, ANN):
        with pytest.raises(SecondPersonNeeded):
            await grant_roles("Mallory", records=records, project_id=1, roles=["admin"], by=by)
        # With it she would be two people.
        with pytest.raises(SecondPersonNeeded):
            await token_of("Bob", by)
    assert (await token_of("Ann", ANN)).record.person == "Ann"
    assert {each.name for each in await records.people()} == {"Ann", "Bob"}
    waiting = {each.summary: each for each in await records.change_requests(1)}
    (asked,) = [each for text, each in waiting.items() if "becomes" in text]
    with pytest.raises(SamePerson):
        await confirm_change(asked.id, by=ANN, project_id=1, records=records)
    await confirm_change(asked.id, by=BOB, project_id=1, records=records)
    with pytest.raises(SecondPersonNeeded):  # another role than the one that was agreed on
        await grant_roles("Mallory", records=records, project_id=1, roles=["viewer"], by=ANN)
    await grant_roles("Mallory", records=records, project_id=1, roles=["admin"], by=ANN)
    with pytest.raises(SecondPersonNeeded):  # for one use
        await grant_roles("Mallory", records=records, project_id=1, roles=["admin"], by=ANN)


async def test_no_one_person_becomes_two_by_removing_the_other_or_by_sitting_at_the_machine(
    production: None, records: Records, tmp_path: Path
) -> None:
    operator, day = Acting(name="root", verified=False), timedelta(days=1)
    for name in ("Ann", "Bob"):
        await grant_roles(name, records=records, project_id=1, roles=["admin"], by=operator)
        await grant_token(
            name, records=records, by=operator, asked_in=1, project_id=1, roles=None, lifetime=day, label=None
        )
    for project, roles in ((1, None), (1, ["admin"]), (None, None)):
        with pytest.raises(SecondPersonNeeded):
            await take_roles("Bob", records=records, by=ANN, asked_in=1, project_id=project, roles=roles)
    # Without his tokens he is still somebody whose agreement is needed.
    for token in await records.tokens("Bob"):
        await revoke_token(token.id, records=records, by="Ann")
    with pytest.raises(SecondPersonNeeded):
        await grant_roles("Mallory", records=records, project_id=1, roles=["admin"], by=ANN)
    with pytest.raises(NoMachineAdmin, match="production"):
        await ensure_machine_admin(records, state=tmp_path, project_id=1)
    assert {each.name for each in await records.people()} == {"Ann", "Bob"}


async def test_an_admin_by_a_group_counts_while_the_role_rests(production: None, records: Records) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    for name in ("Ann", "Bob"):
        await records.sign_in_person(issuer="https://i", subject=name, name=name, roles={1: ["admin"]}, until=past)
        await issue_link(name, records=records, by="https://i")
    assert [each.roles for each in await records.people()] == [{}, {}]
    with pytest.raises(SecondPersonNeeded):
        await grant_roles("Mallory", records=records, project_id=1, roles=["admin"], by=ANN)


async def test_a_user_of_slack_decides_as_somebody_else_by_two_people(production: None, records: Records) -> None:
    for name in ("Ann", "Bob"):
        await records.add_person(name, project_id=1, roles=("admin",), by="root")
        await issue_token(name, records=records, by="root")
    given = {"team": "T1", "user": "U1", "records": records, "project_id": 1}
    with pytest.raises(SecondPersonNeeded, match="decides as 'Bob'"):
        await map_slack_user("Bob", by=ANN, **given)
    assert await records.slack_users() == []
    await map_slack_user("Ann", by=ANN, **given)
    assert [each.person for each in await records.slack_users()] == ["Ann"]


def test_by_hand_nothing_runs_that_a_gate_or_a_second_person_would_hold_up(production: None) -> None:
    require_by_hand(agent(), "work", registered=True)
    require_by_hand(agent(), "work", registered=False)
    require_by_hand(agent(network=("a.example:443",)), "work", registered=True)
    for spec, given in [
        (agent(risk="APPROVAL_REQUIRED"), {"registered": True}),
        (agent(), {"registered": True, "network": ("a.example:443",)}),
        (agent(), {"registered": True, "secrets": ("TOKEN",)}),
        (agent(network=("a.example:443",)), {"registered": False}),
        (agent(secrets=("TOKEN",)), {"registered": False}),
    ]:
        with pytest.raises(RefusedByHand, match="run it in a workflow"):
            require_by_hand(spec, "work", **given)


def test_one_operator_runs_by_hand_what_they_like() -> None:
    require_by_hand(agent(risk="APPROVAL_REQUIRED"), "work", registered=False, secrets=("TOKEN",))
