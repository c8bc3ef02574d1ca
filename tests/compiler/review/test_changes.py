"""A new plan beside the deployed one: what changed in meaning."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compiler import Plan, changes, format_changes

Planned = Callable[[str], Plan]

BEFORE = """
name: flow
trigger:
  event: graph.file.updated
  filters: {branch: [main, dev]}
nodes:
  - id: scan
    agent: security-scanner
    action: scanRepository
    inputs: {repositoryPath: "{{ context.repositoryPath }}", scanType: FULL}
  - id: notify
    agent: notifier
    action: sendSlackAlert
    inputs: {channel: "#a", message: "{{ nodes.scan.output.scanId }}"}
    network: ["hooks.slack.com:443"]
    secrets: []
    dependsOn: [scan]
    approvalRequired: true
    approval: {approvers: [ann, bob], quorum: 2}
"""


def kinds(old: Plan | None, new: Plan | None) -> set[str]:
    return {change.kind for change in changes(old, new)}


def test_comments_order_and_spaces_change_nothing(planned: Planned) -> None:
    shuffled = BEFORE.replace("name: flow\n", "").replace("[scan]", "[ scan ] # a comment") + "name: flow\n"

    assert planned(shuffled).digest == planned(BEFORE).digest
    assert changes(planned(BEFORE), planned(shuffled)) == ()


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("    approvalRequired: true\n    approval: {approvers: [ann, bob], quorum: 2}\n", "", "gate-removed"),
        ("quorum: 2", "quorum: 1", "gate-weakened"),
        ("[ann, bob]", "[ann, bob, eve]", "gate-weakened"),
        ("quorum: 2", "quorum: 2, deadline: 2h", "gate-changed"),
        ("secrets: []", "secrets: [SLACK_TOKEN]", "secret-added"),
        ('network: ["hooks.slack.com:443"]', 'network: ["hooks.slack.com:443", "a.example:443"]', "network-added"),
        ('network: ["hooks.slack.com:443"]', "network: []", "network-removed"),
        ('network: ["hooks.slack.com:443"]', 'network: ["a.example:443"]', "risk-up"),
        ("[main, dev]", "[main, dev, test]", "trigger-widened"),
        ("  filters: {branch: [main, dev]}\n", "", "trigger-widened"),
        ("[main, dev]", "[main]", "trigger-narrowed"),
        ("[main, dev]", "main", "trigger-narrowed"),
        ("FULL", "INCREMENTAL", "node-changed"),
        ("name: flow", "name: flow\nstatus: DRAFT", "workflow-changed"),
        ("graph.file.updated\n", "graph.symbol.changed\n", "trigger-added"),
    ],
)
def test_each_change_is_named(old: str, new: str, kind: str, planned: Planned) -> None:
    after = BEFORE.replace(old, new)
    if "symbol" in new:
        after = after.replace("{{ context.repositoryPath }}", "/r")

    assert kind in kinds(planned(BEFORE), planned(after))


def test_a_gate_that_goes_is_dangerous_and_marked(planned: Planned) -> None:
    after = planned(BEFORE.split("    approvalRequired")[0])

    found = changes(planned(BEFORE), after)

    assert [change.kind for change in found if change.dangerous] == ["gate-removed"]
    assert format_changes(found).startswith("! flow: notify: its gate is removed")


def test_workflows_come_and_go(planned: Planned) -> None:
    plan = planned(BEFORE)

    assert {"workflow-added", "trigger-added", "network-added", "gate-added"} <= kinds(None, plan)
    assert "notify: needs an approval" in format_changes(changes(None, plan))
    assert kinds(plan, None) == {"workflow-removed"}
    assert changes(None, None) == ()


def test_a_node_that_goes_takes_its_gate_with_it(planned: Planned) -> None:
    after = planned(BEFORE.split("  - id: notify")[0])

    assert {"node-removed", "gate-removed"} <= kinds(planned(BEFORE), after)


def test_an_agent_with_other_code_is_another_agent(planned: Planned) -> None:
    plan = planned(BEFORE)
    node = plan.nodes[0].model_copy(update={"agent_digest": "other"})
    after = plan.model_copy(update={"nodes": (node, *plan.nodes[1:])})

    assert kinds(plan, after) == {"agent-changed"}
