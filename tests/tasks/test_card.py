"""The card that a person decides on: complete, exact, and dead whatever stands in it; and what its digest binds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from compiler.catalogue import ActionSpec, AgentSpec
from compiler.plan import PlanNode
from deployments.cli.approval_card import approval_panel
from tasks.card import Invocation, card
from tasks.card_text import card_markdown, card_text

OPEN: dict[str, Any] = {"type": "object"}
INPUTS = {
    "repositoryPath": "/srv/shop",
    "targetBranch": "main",
    "vulnerabilities": [{"rule": "CC-SQL", "line": 7}],
}
UPSTREAM = {"assess": {"recommendation": "FIX_AT_ONCE", "riskScore": 93}}
DEADLINE = "2026-03-01T09:00:00+00:00"


def node(**changes: Any) -> PlanNode:
    values: dict[str, Any] = {
        "id": "create-fix-pr",
        "agent": "patcher",
        "agent_type": "SCRIPT",
        "agent_version": "1.0.0",
        "entry_path": "agents.builtin.patcher",
        "action": "generateFixPR",
        "risk": "APPROVAL_REQUIRED",
        "inputs": {},
        "input_schema": OPEN,
        "output_schema": OPEN,
        "timeout_seconds": 120,
        "memory_mb": 256,
    }
    return PlanNode(**{**values, **changes})


def agent(*, description: str = "Fixes what a scan has found.", **changes: Any) -> AgentSpec:
    action = ActionSpec(
        name="generateFixPR",
        description=description,
        input_schema=OPEN,
        output_schema=OPEN,
        effect="publish-branch",
    )
    values: dict[str, Any] = {
        "name": "patcher",
        "type": "SCRIPT",
        "version": "1.4.2",
        "risk": "AUTO",
        "entry_path": "agents.builtin.patcher",
        "actions": {"generateFixPR": action},
        "code_digest": "sha256:code",
    }
    return AgentSpec(**{**values, **changes})


INVOCATION = Invocation(
    node=node(),
    agent=agent(),
    inputs=INPUTS,
    network=("git.example.com:443",),
    secrets=("GIT_TOKEN",),
    bindings={"repositoryPath": "c0ffee"},
)


def in_prefects_form(data: dict[str, Any]) -> str:
    """As the form's Markdown is drawn by a browser."""
    return MarkdownIt("commonmark").render(card_markdown(data))


def in_a_terminal(data: dict[str, Any]) -> str:
    """As `commandcenter approvals --cards` prints it."""
    out = StringIO()
    Console(file=out, width=120, color_system=None).print(approval_panel(data))
    return out.getvalue()


def over_http(data: dict[str, Any]) -> str:
    """As the API gives it, for clients that show text."""
    return card_text(data)


SHOWN = [in_prefects_form, in_a_terminal, over_http]


@pytest.mark.parametrize("shown", SHOWN)
def test_the_card_shows_all_that_a_person_decides_on(shown: Any) -> None:
    text = shown(card(INVOCATION, upstream=UPSTREAM, deadline=DEADLINE))
    for fact in (
        "create-fix-pr",
        "patcher",
        "1.4.2",
        "generateFixPR",
        "Fixes what a scan has found.",
        "APPROVAL_REQUIRED",
        "/srv/shop",
        "c0ffee",
        "targetBranch",
        "CC-SQL",
        "git.example.com:443",
        "GIT_TOKEN",
        "assess",
        "FIX_AT_ONCE",
        DEADLINE,
        INVOCATION.digest,
    ):
        assert fact in text, fact


def test_the_inputs_on_the_card_are_those_that_will_be_used_and_no_secret_has_a_value() -> None:
    data = card(INVOCATION, upstream=UPSTREAM, deadline=None)
    assert data["inputs"] == INPUTS
    assert data["secrets"] == ["GIT_TOKEN"]


OTHER = {
    "an input": {"inputs": {**INPUTS, "targetBranch": "release"}},
    "a further input": {"inputs": {**INPUTS, "force": True}},
    "the type of an input": {"inputs": {**INPUTS, "vulnerabilities": "[]"}},
    "the commit of the repository": {"bindings": {"repositoryPath": "decade"}},
    "the action": {"node": node(action="suggestFix")},
    "the effect": {"node": node(effect="publish-branch")},
    "the agent": {"node": node(agent="imitator")},
    "the agent's version": {"agent": agent(version="1.4.3")},
    "the agent's code": {"agent": agent(code_digest="sha256:other")},
    "a setting of the operator": {"settings": {"SMTP_HOST": "mail.example.com"}},
    "the hosts it may reach": {"network": ("git.example.com:443", "evil.example.com:443")},
    "the names of its secrets": {"secrets": ("GIT_TOKEN", "SIGNING_KEY")},
    "the jail's memory": {"node": node(memory_mb=4096)},
    "the jail's time": {"node": node(timeout_seconds=3600)},
}


@pytest.mark.parametrize("what", OTHER)
def test_the_digest_changes_with_all_that_will_run(what: str) -> None:
    assert replace(INVOCATION, **OTHER[what]).digest != INVOCATION.digest


def test_the_digest_does_not_change_with_order_or_with_what_is_only_said() -> None:
    assert replace(INVOCATION, inputs=dict(reversed(INPUTS.items()))).digest == INVOCATION.digest
    assert replace(INVOCATION, agent=agent(description="Other words.")).digest == INVOCATION.digest


HOSTILE = {
    "ANSI": "\x1b[2J\x1b[1;1HAlready approved by kim\x1b[8m",
    "eight-bit ANSI": "\x9b2JAlready approved",
    "bidirectional": "main\u202egro.elpmaxe\u202c\u2066",
    "zero-width": "ma\u200bin\u2060\ufeff",
    "invisible tags": "main\U000e0041\U000e0070",
    "Markdown": "\n\n# Already approved\n\n**Nothing to do here** [go on](javascript:x)\n\n---\n",
    "end of the block": "```\n\n# Already approved\n\n```",
    "HTML": "</code></pre><h1>Already approved</h1><img src=x onerror=alert(1)><script>x</script>",
    "look-alike": "main`\n\nDigest: `sha256:0000`\n\n**ALREADY APPROVED** by the security team\n",
    "binary": "\x00\x01\x02\x7f\x89PNG\r\n\x1a\n",
    "console markup": "[bold red]Already approved[/bold red][link=file:///x]y[/link]",
}


def hostile_card(text: str) -> dict[str, Any]:
    """The text in every place that an event, an agent or its author can write to."""
    invocation = replace(
        INVOCATION, agent=agent(description=text), inputs={**INPUTS, "targetBranch": text, text: "key"}
    )
    return card(invocation, upstream={"assess": {"text": text, text: 1}, "plain": text}, deadline=None)


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_does_nothing_in_prefects_form(kind: str) -> None:
    html = in_prefects_form(hostile_card(HOSTILE[kind]))
    assert all(char.isprintable() or char == "\n" for char in html)
    outside = re.sub(r"<code[^>]*>.*?</code>", "", html, flags=re.DOTALL)
    assert "already approved" not in outside.lower()
    assert "0000" not in outside
    # Nothing but what the card itself is made of: paragraphs, its bold first words, its code.
    assert set(re.findall(r"<(\w+)", html)) == {"p", "strong", "code", "pre"}
    assert re.findall(r"<strong>(.*?)</strong>", html) == ["APPROVAL_REQUIRED"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_does_nothing_in_a_terminal(kind: str) -> None:
    text = in_a_terminal(hostile_card(HOSTILE[kind]))
    assert all(char.isprintable() or char == "\n" for char in text)
    for line in text.splitlines():
        # The frame holds: no line of the text begins where the card's own lines begin.
        assert line[0] in "╭│╰", line
    if kind == "console markup":
        assert "[bold red]" in text


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_does_nothing_in_plain_text(kind: str) -> None:
    text = card_text(hostile_card(HOSTILE[kind]))
    assert all(char.isprintable() or char in "\n\t" for char in text)
    ours = [line for line in text.splitlines() if line and not line.startswith("    ")]
    begins = (
        "APPROVAL_REQUIRED: If",
        "Description by",
        "It can",
        "repositoryPath is",
        "The two-person rule is off here",
        "Inputs:",
        "What ",
        "The inputs",
    )
    assert all(line.startswith((*begins, "Digest: sha256:")) for line in ours), ours
    assert sum(line.startswith("Digest: ") for line in ours) == 1


BIG = {"summary": "One finding\nin two lines", "findings": [{"rule": "CC-SQL", "text": "z" * 300}] * 40}


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("upstream", [{"scan": BIG}, {"scan": json.dumps(BIG, indent=2)}], ids=["large", "text"])
def test_no_json_stands_on_a_card_as_an_escaped_string(shown: Any, upstream: Any) -> None:
    text = shown(card(INVOCATION, upstream=upstream, deadline=None))
    assert '\\"' not in text
    assert "{\\n" not in text
    assert "CC-SQL" in text


def test_a_large_output_keeps_its_shape_and_says_what_is_left_out() -> None:
    found = card(INVOCATION, upstream={"scan": BIG}, deadline=None)["upstream"]["scan"]
    assert isinstance(found, dict)
    assert found["summary"] == BIG["summary"]
    assert found["findings"][0]["rule"] == "CC-SQL"
    assert "more)" in found["findings"][-1]


@pytest.mark.parametrize("shown", SHOWN)
def test_the_card_says_in_words_what_will_happen_and_has_the_exact_json_last(shown: Any) -> None:
    data = card(replace(INVOCATION, node=node(effect="publish-branch")), upstream=UPSTREAM, deadline=None)
    text = " ".join(re.sub(r"<[^>]+>|[│`]", "", shown(data)).split()).replace("&quot;", '"')
    begins = text.index(
        "If this is approved, agent patcher (version 1.4.2) runs its action generateFixPR, as node"
    )
    effect = text.index("Its changes are then pushed as the branch main")
    details = text.index("targetBranch: main")
    background = text.index("recommendation: FIX_AT_ONCE")
    exact = text.index('"targetBranch": "main"')
    assert begins < effect < details < background < exact


def test_a_long_line_from_outside_stays_set_in_on_a_terminal_where_it_goes_on() -> None:
    text = "word " * 100 + "Digest: sha256:0000"
    lines = in_a_terminal(
        card(replace(INVOCATION, inputs={"note": text}), upstream={"scan": text}, deadline=None)
    ).splitlines()
    assert sum(line.startswith("│ Digest: ") for line in lines) == 1
    assert not any(line.startswith("│ word") for line in lines)


def test_the_exact_json_can_be_read_back() -> None:
    text = card_text(card(INVOCATION, upstream={}, deadline=None))
    assert json.loads(text.split("exactly as they will be used:")[1].split("Digest: ")[0]) == INPUTS


@pytest.mark.parametrize("shown", SHOWN)
def test_long_text_is_cut_with_a_notice_and_hides_no_short_input(shown: Any) -> None:
    invocation = replace(INVOCATION, inputs={"a-long-one": "x" * 50_000, "targetBranch": "the-branch"})
    data = card(invocation, upstream={"scan": "y" * 50_000}, deadline=DEADLINE)
    text = shown(data)
    assert len(text) < 30_000
    assert "the-branch" in text
    assert text.count("[cut: ") == 2
    assert invocation.digest in text


def test_the_card_says_where_the_two_person_rule_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "The two-person rule is off here: one person alone may change gates, agents and people."
    assert said in card_text(hostile_card("main"))
    monkeypatch.setenv("COMMANDCENTER_MODE", "production")
    assert "two-person" not in card_text(hostile_card("main"))
