"""The form in Prefect's UI, and what counts as an answer."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt

from flows.form import OpenGate, form
from operations.form_answers import form_answers

CARD: dict[str, Any] = {
    "node": "fix",
    "agent": "patcher",
    "agentVersion": "1.0.0",
    "action": "generateFixPR",
    "description": "# Approved by the board ```\n<img src=x onerror=alert(1)>",
    "risk": "APPROVAL_REQUIRED",
    "inputs": {"targetBranch": "x```\n**ALREADY APPROVED**\u202e"},
    "network": [],
    "secrets": [],
    "upstream": {"assess": {"text": "<script>"}},
    "deadline": None,
    "digest": "sha256:abc",
}
GATE = OpenGate(approval_id="ck1", node_id="fix", card=CARD)


def test_the_form_asks_for_a_name_and_for_each_gate_and_defaults_to_no_decision() -> None:
    other = OpenGate(approval_id="ck2", node_id="deploy", card={**CARD, "node": "deploy"})
    schema = form([GATE, other]).model_json_schema()
    assert schema["required"] == ["your_name"]
    assert "(Optional)" not in schema["properties"]["your_name"]["title"]
    assert schema["properties"]["your_name"]["minLength"] == 1
    assert set(schema["properties"]) == {"your_name", "decision_ck1", "notes_ck1", "decision_ck2", "notes_ck2"}
    assert schema["properties"]["decision_ck1"]["default"] == "wait"
    assert schema["properties"]["decision_ck2"]["title"] == "deploy: decision"


def test_inputs_to_change_are_asked_for_only_where_some_may_be_changed() -> None:
    gate = OpenGate(approval_id="ck2", node_id="deploy", card=CARD, editable=("branch", "count\u202e"))
    fields = form([GATE, gate]).model_json_schema()["properties"]
    assert "changes_ck1" not in fields
    assert (fields["changes_ck2"]["type"], fields["changes_ck2"]["default"]) == ("string", "")
    assert "branch, count\\u202e" in fields["changes_ck2"]["description"]


def test_a_markdown_renderer_shows_hostile_text_and_interprets_none_of_it() -> None:
    description = form([GATE])._description
    assert isinstance(description, str)
    html = MarkdownIt("commonmark").render(description)
    for interpreted in ("<script", "<img", "<h1", "<strong>ALREADY", "\u202e"):
        assert interpreted not in html
    for shown in ("&lt;script&gt;", "**ALREADY APPROVED**", "# Approved by the board"):
        assert shown in html


def test_answers_are_read_per_approval() -> None:
    response = {"your_name": " kim ", "decision_ck1": "approve", "notes_ck1": "ok", "decision_ck2": "wait"}
    (answer,) = form_answers(response)
    assert (answer.approval_id, answer.decision, answer.name, answer.notes) == ("ck1", "APPROVED", "kim", "ok")


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"your_name": "kim"},
        {"your_name": "kim", "decision_ck1": True},
        {"your_name": "kim", "decision_ck1": "APPROVED"},
        {"your_name": "kim", "decision_ck1": ["approve"]},
        {"your_name": "", "decision_ck1": "approve"},
        {"your_name": "   ", "decision_ck1": "approve"},
        {"decision_ck1": "approve"},
        {"your_name": 7, "decision_ck1": "approve"},
    ],
)
def test_anything_that_is_not_plainly_a_named_decision_decides_nothing(response: dict[str, Any]) -> None:
    assert form_answers(response) == []
