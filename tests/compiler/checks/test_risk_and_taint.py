"""Gates cannot be lost, and outsiders' text does not reach what interprets it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compiler import Catalogue, Plan, Source, compile

Planned = Callable[[str], Plan]

FIX = """
name: fix
trigger: {event: graph.file.updated}
nodes:
  - id: scan
    agent: security-scanner
    action: scanRepository
    inputs: {repositoryPath: "{{ context.repositoryPath }}", scanType: FULL}
  - id: fix
    agent: patcher
    action: generateFixPR
    inputs:
      vulnerabilities: "{{ nodes.scan.output.vulnerabilities }}"
      repositoryPath: "{{ context.repositoryPath }}"
      targetBranch: fixes
    dependsOn: [scan]
"""
REVIEW = """
name: review
trigger: {event: graph.file.updated}
nodes:
  - id: scan
    agent: security-scanner
    action: scanRepository
    inputs: {repositoryPath: "{{ context.repositoryPath }}", scanType: FULL}
  - id: assess
    agent: security-assessor
    action: evaluateRisk
    inputs: {vulnerabilities: "{{ nodes.scan.output.vulnerabilities }}"}
    dependsOn: [scan]
  - id: review
    agent: code-reviewer
    action: reviewPR
    inputs: {instructions: "INSTRUCTIONS", diff: "{{ context.filePath }}"}
    dependsOn: [assess]
outputs: {score: "{{ nodes.review.output.score }}"}
"""


def codes(text: str, catalogue: Catalogue) -> list[str]:
    return [found.code for found in compile(Source(text), catalogue).diagnostics]


def test_a_risky_action_has_a_gate_though_nobody_asked_for_one(planned: Planned) -> None:
    gate = planned(FIX).node("fix").gate

    assert gate is not None
    assert gate.trusted_triggers == ()
    assert not gate.allow_self_approval
    assert gate.on_expiry == "reject"


def test_silence_approves_only_where_the_policy_names_the_node(planned: Planned, catalogue: Catalogue) -> None:
    silent = FIX + "    approval: {deadline: 1h, onExpiry: approve}\n"

    assert "CC802" in codes(silent, catalogue)
    gate = planned("approvalPolicy: {approveOnExpiry: [fix]}\n" + silent).node("fix").gate
    assert gate is not None
    assert gate.on_expiry == "approve"


def test_an_approval_rule_is_kept_whole(planned: Planned) -> None:
    rule = "{approvers: [bob, ann], quorum: 2, deadline: 48h, onExpiry: escalate, allowUnverified: false}"

    gate = planned(FIX + f"    approval: {rule}\n").node("fix").gate

    assert gate is not None
    assert gate.approvers == ("ann", "bob")
    assert (gate.quorum, gate.deadline_seconds, gate.on_expiry) == (2, 172_800, "escalate")
    assert (gate.allow_self_approval, gate.allow_unverified) == (False, False)


def test_a_gate_asked_for_is_never_passed_unasked(planned: Planned) -> None:
    trusting = "approvalPolicy: {trustedTriggers: [graph.file.updated]}\n" + FIX

    for asked in ("", "    approvalRequired: true\n"):
        gate = planned(trusting + asked).node("fix").gate
        assert gate is not None
        assert gate.trusted_triggers == ()
    gate = planned(trusting + "    approvalRequired: false\n").node("fix").gate
    assert gate is not None
    assert gate.trusted_triggers == ("graph.file.updated",)


def test_every_trigger_must_be_trusted_by_name(catalogue: Catalogue) -> None:
    two = FIX.replace(
        "{event: graph.file.updated}", "[{event: graph.file.updated}, {event: graph.symbol.changed}]"
    )
    two = two.replace("context.repositoryPath", "context.filePath") + "    approvalRequired: false\n"

    one_trusted = codes("approvalPolicy: {trustedTriggers: [graph.file.updated]}\n" + two, catalogue)
    wildcard = codes("approvalPolicy: {trustedTriggers: ['graph.>']}\n" + two, catalogue)
    both = codes(
        "approvalPolicy: {trustedTriggers: [graph.file.updated, graph.symbol.changed]}\n" + two, catalogue
    )

    assert one_trusted == ["CC801"]
    assert "CC801" in wildcard
    assert "CC801" not in both


def test_without_any_trigger_a_person_is_the_trigger(catalogue: Catalogue) -> None:
    manual = FIX.replace("trigger: {event: graph.file.updated}\n", "").replace(
        "{{ context.repositoryPath }}", "/r"
    )

    assert "CC801" in codes(manual + "    approvalRequired: false\n", catalogue)


@pytest.mark.parametrize("reach", ['network: ["evil.example:443"]', "secrets: [OTHER]"])
def test_more_reach_than_the_agent_asks_for_needs_an_approval(reach: str, planned: Planned) -> None:
    plan = planned(FIX.replace("    inputs: {repo", f"    {reach}\n    inputs: {{repo"))

    assert plan.node("scan").risk == "APPROVAL_REQUIRED"
    assert plan.node("scan").gate is not None


@pytest.mark.parametrize(
    "instructions",
    [
        "Read {{ context.filePath }}",
        "{{ nodes.scan.output.scanId }}",
        "{{ nodes.scan.output.vulnerabilities | pluck('file') | join(',') }}",
        "{{ nodes.scan.output | tojson }}",
        "{{ 'a' if nodes.scan.output.summary.total > 0 else context.filePath }}",
        "{{ context.branch | default('main') }}",
        "{{ 'x' ~ context.filePath }}",
        "{{ [context.filePath] | first | default('') }}",
        "{{ {'a': context.filePath} | tojson }}",
        "{{ context['filePath'] | upper | trim }}",
    ],
)
def test_outsiders_text_in_a_models_instructions_is_an_error(instructions: str, catalogue: Catalogue) -> None:
    found = codes(REVIEW.replace("INSTRUCTIONS", instructions), catalogue)

    assert set(found) == {"CC803"}


@pytest.mark.parametrize(
    "instructions",
    [
        "Look well",
        "There are {{ nodes.scan.output.summary.total }} findings",
        "{{ nodes.assess.output.recommendation }}",
        "{{ nodes.assess.output.riskLevel }}",
        "{{ nodes.scan.output.vulnerabilities | pluck('severity') | join(',') }}",
        "{{ context.filePath | length }} characters",
        "{{ 'main' if context.branch == 'main' else 'other' }}",
        "{{ nodes.scan.status }} {{ run.id }}",
    ],
)
def test_numbers_fixed_words_and_what_a_rule_says_are_clean(instructions: str, catalogue: Catalogue) -> None:
    assert codes(REVIEW.replace("INSTRUCTIONS", instructions), catalogue) == []


def test_an_approval_of_the_node_itself_makes_it_clean(catalogue: Catalogue) -> None:
    tainted = REVIEW.replace("INSTRUCTIONS", "{{ context.filePath }}")
    asked = tainted.replace("    dependsOn: [assess]\n", "    dependsOn: [assess]\n    approvalRequired: true\n")

    assert codes(asked, catalogue) == []


def test_taint_goes_through_the_items_of_a_foreach(catalogue: Catalogue) -> None:
    each = REVIEW.replace("INSTRUCTIONS", "{{ item.file }}").replace(
        "    dependsOn: [assess]\n",
        "    dependsOn: [assess]\n    foreach: '{{ nodes.scan.output.vulnerabilities }}'\n",
    )
    fixed = each.replace("item.file", "item.severity")

    assert "CC803" in codes(each, catalogue)
    assert "CC803" not in codes(fixed, catalogue)
