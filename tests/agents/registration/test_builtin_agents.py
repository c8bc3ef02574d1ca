"""The catalogue of built-in agents: names, risks, schemas, and that the mission's workflows fit them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agents.builtin import MODULES
from agents.registration.builtin_agents import builtin_catalogue
from agents.registration.manifest import from_json, to_json

CATALOGUE = builtin_catalogue()
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "built-in-agents.md"
_TABLE = re.compile(r"\| agent \| action .*\n(?:\|.*\n)+")
ACTIONS = {
    "security-scanner": ("SCRIPT", "AUTO", ["scanRepository", "scanFile"]),
    "security-assessor": ("RULE", "AUTO", ["evaluateRisk"]),
    "notifier": (
        "API",
        "AUTO",
        ["sendSlack", "sendSlackAlert", "sendTeams", "sendDiscord", "sendEmail", "sendWebhook"],
    ),
    "patcher": ("LLM", "APPROVAL_REQUIRED", ["generateFixPR", "suggestFix"]),
    "compliance-checker": ("RULE", "AUTO", ["auditProject", "checkPolicy"]),
    "report-generator": ("SCRIPT", "AUTO", ["createPDF"]),
    "code-reviewer": ("LLM", "AUTO", ["reviewPR", "scorePR", "suggestImprovements"]),
}


def test_what_each_agent_does_and_may_do():
    seen = {spec.name: (spec.type, spec.risk, list(spec.actions)) for spec in CATALOGUE.agents.values()}

    assert seen == ACTIONS
    assert set(MODULES) == set(ACTIONS)


def test_only_what_publishes_needs_approval():
    patcher = CATALOGUE.agents["patcher"]

    assert patcher.action_risk("generateFixPR") == "APPROVAL_REQUIRED"
    assert patcher.action_risk("suggestFix") == "AUTO"
    effects = {
        (spec.name, action.name): action.effect
        for spec in CATALOGUE.agents.values()
        for action in spec.actions.values()
        if action.effect
    }
    assert [each for each in effects if each[0] != "notifier"] == [("patcher", "generateFixPR")]
    assert set(effects.values()) == {"publish-branch", "send-chat", "send-mail", "call-webhook"}


@pytest.mark.parametrize("name", ACTIONS)
def test_manifests_are_valid_and_survive_json(name):
    spec = CATALOGUE.agents[name]

    assert from_json(to_json(spec)) == spec
    for action in spec.actions.values():
        assert action.input_schema["additionalProperties"] is False
        assert action.output_schema["additionalProperties"] is False


def field(agent: str, action: str, name: str, side: str = "input") -> dict[str, Any]:
    schema: Any = getattr(CATALOGUE.agents[agent].actions[action], f"{side}_schema")
    return {"$defs": schema.get("$defs", {}), **schema["properties"][name]}


def test_fields_say_what_they_mean_to_the_platform():
    assert field("security-scanner", "scanRepository", "repositoryPath")["x-kind"] == "repository"
    assert field("patcher", "generateFixPR", "repositoryPath")["x-access"] == "read"
    assert field("report-generator", "createPDF", "pdfPath", "output")["x-kind"] == "artifact"
    assert "x-kind" in str(field("notifier", "sendEmail", "attachment"))
    assert field("notifier", "sendWebhook", "url")["x-interprets"] == "host"
    assert field("compliance-checker", "auditProject", "facts")["x-kind"] == "facts"
    assert field("code-reviewer", "reviewPR", "guidelines")["x-interprets"] == "instructions"


FOUND = ("security-scanner", "scanRepository", "vulnerabilities")
EDGES = [
    (FOUND, ("security-assessor", "evaluateRisk", "vulnerabilities")),
    (FOUND, ("patcher", "generateFixPR", "vulnerabilities")),
    (FOUND, ("patcher", "suggestFix", "vulnerabilities")),
    (("compliance-checker", "auditProject", "violations"), ("report-generator", "createPDF", "violations")),
    (("compliance-checker", "checkPolicy", "violations"), ("report-generator", "createPDF", "violations")),
]


@pytest.mark.parametrize(("producer", "consumer"), EDGES)
def test_what_one_agent_gives_is_what_the_next_takes(producer, consumer):
    given, taken = field(*producer, side="output"), field(*consumer)
    name = given["items"]["$ref"].split("/")[-1]
    item, expected = given["$defs"][name], taken["$defs"][name]

    assert taken["items"]["$ref"] == given["items"]["$ref"]
    assert item["properties"].keys() == expected["properties"].keys()
    assert set(expected.get("required", [])) <= set(item["required"])


def test_inputs_that_templates_fill_promise_no_length():
    for spec in CATALOGUE.agents.values():
        for action in spec.actions.values():
            for name, schema in action.input_schema["properties"].items():
                found = {"minLength", "maxLength", "pattern", "minItems", "maxItems"} & schema.keys()
                assert not found, f"{spec.name}.{action.name}.{name}"


def test_hosts_come_from_the_settings():
    settings = {"SMTP_HOST": "mail.example.org", "LLM_BASE_URL": "https://models.example.org/v1"}

    catalogue = builtin_catalogue(settings)

    assert catalogue.agents["notifier"].network == ("slack.com:443", "mail.example.org:587")
    assert catalogue.agents["patcher"].network == ("models.example.org:443",)
    assert CATALOGUE.agents["patcher"].network == ("{LLM_BASE_URL}",)


def test_every_agent_has_a_digest_of_its_own_that_stays():
    digests = {name: spec.code_digest for name, spec in CATALOGUE.agents.items()}

    assert len(set(digests.values())) == len(MODULES)
    assert digests == {name: spec.code_digest for name, spec in builtin_catalogue().agents.items()}


def test_the_catalogue_imports_no_tools():
    seen = (
        "import sys; from agents.registration.builtin_agents import builtin_catalogue; "
        "builtin_catalogue(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)

    tools = {
        "bandit",
        "tree_sitter",
        "slack_sdk",
        "typst",
        "manimgx_fonts_cjk",
        "openai",
        "anthropic",
        "smtplib",
        "ssl",
    }
    assert not tools & set(done.stdout.split())


def test_schemas_are_json_schemas():
    for spec in CATALOGUE.agents.values():
        for action in spec.actions.values():
            for schema in (action.input_schema, action.output_schema, action.result_schema or {}):
                Draft202012Validator.check_schema(schema)


def test_the_reference_page_lists_every_action() -> None:
    lines = ["| agent | action | risk | what it does |", "|---|---|---|---|"]
    for agent in CATALOGUE.agents.values():
        for action in agent.actions.values():
            risk = agent.action_risk(action.name)
            lines.append(f"| `{agent.name}` | `{action.name}` | {risk} | {action.description} |")
    table = "\n".join(lines) + "\n"
    if os.environ.get("WRITE_GOLDEN"):
        PAGE.write_text(_TABLE.sub(lambda _: table, PAGE.read_text(), count=1))
    assert table in PAGE.read_text()
