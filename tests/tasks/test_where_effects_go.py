"""Where an effect goes: the operator's settings are part of what is approved, and the operator's list holds for it."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from agents.sandbox.port import AgentResult
from compiler.catalogue import AgentSpec
from compiler.plan import PlanNode
from tasks.card import Invocation, card
from tasks.card_text import card_text
from tasks.execution import carry_out
from tasks.proposal import proposal_of
from tasks.work import settings_used

OPEN: dict[str, Any] = {"type": "object"}
SETTINGS = {"SMTP_HOST": "mail.example.org", "MAIL_FROM": "a@example.org", "FORGE_URL": "https://git.example.org"}


def node(effect: str | None, **changes: Any) -> PlanNode:
    values = {
        "id": "tell",
        "agent": "ours",
        "agent_type": "SCRIPT",
        "agent_version": "1.0.0",
        "entry_path": "x",
        "action": "send",
        "effect": effect,
        "risk": "APPROVAL_REQUIRED",
        "inputs": {},
        "input_schema": OPEN,
        "output_schema": OPEN,
    }
    return PlanNode(**{**values, **changes})


def agent(*settings: str) -> AgentSpec:
    return AgentSpec(name="ours", type="SCRIPT", version="1.0.0", risk="AUTO", entry_path="x", settings=settings)


def test_settings_of_agent_hosts_and_effect_are_used_and_no_others() -> None:
    """Whatever agent proposes a mail: the platform sends it, by the server in the settings."""
    assert set(settings_used(node("send-mail"), agent(), SETTINGS)) == {"SMTP_HOST", "MAIL_FROM"}
    assert set(settings_used(node("publish-branch"), agent(), SETTINGS)) == {"FORGE_URL"}
    assert settings_used(node(None), agent(), SETTINGS) == {}
    assert set(settings_used(node(None), agent("MAIL_FROM"), SETTINGS)) == {"MAIL_FROM"}
    assert set(settings_used(node(None, network=("{SMTP_HOST}:{SMTP_PORT|587}",)), agent(), SETTINGS)) == {
        "SMTP_HOST"
    }


def invocation(made: PlanNode, settings: dict[str, str]) -> Invocation:
    used = settings_used(made, agent(), settings)
    return Invocation(node=made, agent=agent(), inputs={}, network=(), secrets=(), bindings={}, settings=used)


def test_an_approval_is_for_the_server_that_it_showed() -> None:
    shown, moved = (invocation(node("send-mail"), {**SETTINGS, "SMTP_HOST": host}) for host in ("one", "other"))
    assert shown.digest != moved.digest
    assert "SMTP_HOST = one" in card_text(card(shown, upstream={}, deadline=None))


async def send(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AgentResult:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    url = "http://127.0.0.1:9/hook"
    made = invocation(node("call-webhook", network=("127.0.0.1:9",)), {})
    place: Any = SimpleNamespace(
        settings={}, secrets=(), repository_roots=(), records=SimpleNamespace(artifact=None)
    )
    run: Any = SimpleNamespace(run_id="run-1", project_id=2)
    proposal = proposal_of(made, {"proposal": {"url": url, "payload": {}}}, run=run, workplace=place)

    async def save(name: str, content: bytes, media_type: str) -> str:
        return name

    return await carry_out(made, proposal, key="k", run=run, workplace=place, save=save, log=logging.getLogger())


async def test_an_effect_reaches_no_host_that_the_operator_keeps_from_the_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = await send({"COMMANDCENTER_EGRESS_PROJECT_2": "example.org:443"}, monkeypatch)
    assert done.failure is not None
    assert done.failure.kind == "bad-request"
    assert "the operator does not let the project reach it" in done.failure.message


async def test_one_that_it_may_reach_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    done = await send({"COMMANDCENTER_EGRESS_PROJECT_2": "127.0.0.1:9"}, monkeypatch)
    assert done.failure is not None
    assert done.failure.kind == "transient"  # nobody listens there
