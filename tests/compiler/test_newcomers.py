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


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize(
    "value",
    [
        "{{ context[Qsome-fieldQ] }}",
        "{{ context.x }} {{ context[QaQ] }}",
        "{{ context.x | default(QnoneQ) }} left",
    ],
)
@pytest.mark.parametrize("place", ["    inputs:\n      channel: V\n", "    inputs: {channel: V, message: hi}\n"])
def test_a_template_that_ends_its_own_quotes_is_told_to_use_the_others(
    quote: str, value: str, place: str, agents: Catalogue
) -> None:
    written = place.replace("V", f"{quote}{value.replace('Q', quote)}{quote}")
    text = f"{HEAD}nodes:\n  - id: a\n    agent: notifier\n    action: sendSlack\n{written}"
    ((message, hint),) = said(text, agents)
    assert message.startswith("this is not YAML")
    other = {'"': "'", "'": '"'}[quote]
    assert hint.endswith(f"write the template's texts with {other}")


def test_a_template_without_quotes_is_still_told_to_have_some(agents: Catalogue) -> None:
    found = said(f'{HEAD}nodes:\n  - {{id: a, inputs: {{x: {{{{ context["a"] }}}} }}}}\n', agents)
    assert any('put a template in quotes: "{{ … }}"' in hint for _, hint in found), found


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("context: {on: {type: string}}", 'write "on" in quotes'),
        ("context: {n: {type: integer}}", 'write "n" in quotes'),
        ("on: push", "`trigger`"),
        ("description: no", 'write false, or "no" in quotes'),
    ],
)
def test_a_key_that_looks_like_a_boolean_is_told_to_be_quoted(text: str, hint: str, agents: Catalogue) -> None:
    found = said(f"{HEAD}{text}\n{FIRST}", agents)
    assert any(hint in each for message, each in found if "YAML 1.1" in message), found
