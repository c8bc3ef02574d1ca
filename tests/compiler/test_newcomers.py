"""What people write who come from GitHub Actions, Argo, Airflow, n8n, Kestra or Tekton: how it is said here."""

from __future__ import annotations

import pytest

from agents.registration.builtin_agents import builtin_catalogue
from compiler import Catalogue, Source, compile, compile_all
from compiler.language.spec import TRIGGER_SPECS

HEAD = "name: w\ntrigger: manual\n"
SEND = '    agent: notifier\n    action: sendSlack\n    inputs: {channel: "#x", message: hi}\n'
FIRST = f"nodes:\n  - id: a\n{SEND}"


@pytest.fixture(scope="module")
def agents() -> Catalogue:
    return builtin_catalogue()


def said(text: str, agents: Catalogue) -> list[tuple[str, str]]:
    """Message and hint of each error."""
    found = compile(Source(text, "w.yaml"), agents).diagnostics
    return [(each.message, each.hint) for each in found if each.severity == "error"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("foreach: {items: [1, 2]}", "or a template"),
        ("foreach: 3", "or a template"),
        ("approvalRequired: {quorum: 2}", "under `approval`"),
        ("approvalRequired: 'yes'", "`true` or `false`"),
        ("approval: true", "`approvalRequired: true`"),
        ("approvers: [bob]", "under `approval`"),
        ("needs: b", "`dependsOn`"),
        ("runAfter: [b]", "`dependsOn`"),
        ("dependencies: [b]", "`dependsOn`"),
        ("upstream: [b]", "`dependsOn`"),
        ("withItems: [1, 2]", "`foreach: [...]`"),
        ("strategy: {matrix: {x: [1]}}", "`foreach: [...]`"),
        ("if: success()", "`when`"),
        ("when: success()", "leave it out"),
        ("retries: 3", "`retries: {max: 3}`"),
        ("retries: {limit: 3, max: 3}", "`max`"),
        ("retryStrategy: {limit: 3}", "`retries: {max: 3"),
        ("retry_delay: 60", "`retries: {max: 3"),
        ("timeout: 5m", "`timeoutSeconds`"),
        ("allowFailure: true", "`onFailure: continue`"),
        ("trigger_rule: all_done", "`onFailure: continue`"),
        ("disabled: true", "`when: false`"),
        ("type: io.kestra.plugin.core.log.Log", "`agent`"),
        ("taskRef: {name: t}", "`agent`"),
        ("image: alpine", "runs no shell"),
        ("arguments: {x: 1}", "`inputs`"),
        ("approval: {by: [bob]}\n    approvalRequired: true", "`approvers`"),
    ],
)
def test_a_nodes_key_of_another_tool_is_one_error_with_the_words_of_this_language(
    key: str, hint: str, agents: Catalogue
) -> None:
    [(_, told)] = said(f"{HEAD}{FIRST}    {key}\n", agents)
    assert hint in told


@pytest.mark.parametrize(
    ("top", "hint"),
    [
        ("name: w\ntrigger: {event: [a.b, c.d]}\n", "make `trigger` a list"),
        ("name: w\ntriggers: [{event: a.b}]\n", "`trigger`"),
        ("name: w\nschedule_interval: '@daily'\n", "`trigger: {schedule: …}`"),
        ("name: w\ntrigger: {schedule: '@daily'}\n", '"0 0 * * *"'),
        (HEAD + "namespace: x\n", "project"),
        (HEAD + "kind: Workflow\n", "Kubernetes"),
        (HEAD + "connections: {}\n", "`dependsOn`"),
        (HEAD + "finally: []\n", "`onFailure`"),
        (HEAD + "concurrency: {limit: 1, cancel-in-progress: true}\n", "`onConflict: cancel-older`"),
    ],
)
def test_a_key_of_another_tools_workflow_is_one_error(top: str, hint: str, agents: Catalogue) -> None:
    [(_, told)] = said(top + FIRST, agents)
    assert hint in told


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("${{ github.sha }}", "`context.NAME`"),
        ("{{ inputs.name }}", "`context.NAME`"),
        ("{{ tasks.a.outputs.result }}", "`nodes.ID.output.NAME`"),
        ("{{ outputs.a.value }}", "`nodes.ID.output.NAME`"),
        ("{{ ti.xcom_pull('b') }}", "`nodes.ID.output.NAME`"),
        ("{{ $json.text }}", "`context.NAME`"),
        ("{{ secrets.TOKEN }}", "under `secrets`"),
        ("{{ ds }}", "`context.scheduledAt`"),
        ("{{ matrix.x }}", "`item`"),
        ("{{ context.x ?? 'none' }}", "`value | default(…)`"),
    ],
)
def test_an_expression_of_another_tool_is_one_error(expression: str, hint: str, agents: Catalogue) -> None:
    text = f"{HEAD}{FIRST}".replace("message: hi", f'message: "{expression}"')
    [(_, told)] = said(text, agents)
    assert hint in told


@pytest.mark.parametrize("trigger", ["{cron: '0 5 * * *'}", "{webhook: /x}", "{type: schedule}"])
def test_a_trigger_of_another_tool_is_told_which_there_are(trigger: str, agents: Catalogue) -> None:
    found = said(f"name: w\ntrigger: {trigger}\n{FIRST}", agents)
    assert len(found) == 2  # the key that is none, and that one is missing
    words = [f"`{each.word}`" for each in TRIGGER_SPECS]
    assert f"{', '.join(words[:-1])} and {words[-1]}" in " ".join(hint for _, hint in found)


def test_an_entry_of_a_list_is_said_to_be_what_may_be_missing(agents: Catalogue) -> None:
    context = (
        "context: {type: object, properties: {names: {type: array, items: {type: string}}}, required: [names]}\n"
    )
    text = f"{HEAD}{context}{FIRST}".replace("message: hi", 'message: "{{ context.names[0] }}"')
    [(message, told)] = said(text, agents)
    assert message.endswith("the list may have no entry 0")
    assert "default" in told


def test_a_call_for_each_entry_of_a_list_is_told_where_it_goes(agents: Catalogue) -> None:
    text = f"{HEAD}nodes:\n  - id: a\n    workflow: other\n    foreach: [1, 2]\n"
    inner = Source(f"name: other\ntrigger: manual\n{FIRST}", "other.yaml")
    found = compile_all([inner, Source(text, "w.yaml")], agents)[-1].diagnostics
    [(code, hint)] = [(each.code, each.hint) for each in found if each.severity == "error"]
    assert code == "CC311"
    assert "write `foreach` at its nodes" in hint
