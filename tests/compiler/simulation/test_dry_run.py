"""Workflows are tried out with mocks for agents and people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compiler import Case, CaseError, Plan, Source, dry_run, format_case_results, read_cases, run_cases

Planned = Callable[[str], Plan]
SUMMARY = {"total": 3, "critical": 2, "high": 1, "medium": 0, "low": 0}
ASSESSED = {"summary": SUMMARY, "riskLevel": "CRITICAL", "recommendation": "mend it", "score": 9.5}


def case(**fields: Any) -> Case:
    return Case.model_validate(fields)


BRANCHES = """
name: branches
trigger: {event: graph.file.updated}
nodes:
  - id: scan
    agent: security-scanner
    action: scanRepository
    inputs: {repositoryPath: "{{ context.repositoryPath }}", scanType: FULL}
    onFailure: alarm
  - id: assess
    agent: security-assessor
    action: evaluateRisk
    inputs: {vulnerabilities: "{{ nodes.scan.output.vulnerabilities }}"}
    dependsOn: [scan]
  - id: notify
    agent: notifier
    action: sendSlackAlert
    when: "{{ nodes.assess.output.summary.critical > 0 }}"
    foreach: "{{ nodes.scan.output.vulnerabilities }}"
    inputs: {channel: "#a", message: "{{ item.file }}: {{ item.severity }}"}
    dependsOn: [assess, scan]
    onFailure: continue
  - id: report
    agent: notifier
    action: sendEmail
    inputs:
      recipients: [a@b.c]
      subject: "sent {{ nodes.notify.output | default([]) | length }}"
    dependsOn: [notify]
  - id: alarm
    agent: notifier
    action: sendSlackAlert
    inputs: {channel: "#alarm", message: "scan failed: {{ nodes.scan.error | default('?') }}"}
outputs:
  sent: "{{ nodes.report.output.sent }}"
"""


def test_the_mission_runs_through_with_generated_answers(mission: dict[str, str], planned: Planned) -> None:
    for text in mission.values():
        played = dry_run(planned(text), case())

        assert played.started
        assert played.status == "SUCCESS", played.runs


def test_the_fix_is_asked_for_and_a_rejection_fails_the_run(mission: dict[str, str], planned: Planned) -> None:
    plan = planned(mission["security-audit-on-pr"])

    played = dry_run(plan, case(approvals={"create-fix-pr": "reject"}))

    assert played.gates == ["create-fix-pr"]
    assert played.status == "FAILED"
    assert played.runs["create-fix-pr"].output is None


def test_an_event_that_the_filters_refuse_starts_nothing(mission: dict[str, str], planned: Planned) -> None:
    context = {"projectId": 1, "filePath": "a.md", "repositoryPath": "/r", "branch": "main"}

    played = dry_run(planned(mission["security-audit-on-pr"]), case(context=context))

    assert not played.started
    assert played.runs == {}


@pytest.mark.parametrize(
    "filters",
    [
        "count: {gt: 3, lt: 5}",
        "count: {ne: 1, notIn: [0, 2], gte: 1.5, lte: 1.9}",
        "count: {lt: 0}",
        "at: {gt: '2026-01-31T09:00:00+01:00', lt: '2026-02-01'}",
        "at: {gt: '2026-01-31'}",
        "at: {gt: abc}",
        "inner.kind: [x, z]",
        "inner.kind: {exists: false}",
        "inner.kind: {ne: null}",
        "labels.app.kubernetes.io: 'w*'",
        "list.1.name: {glob: 'src/**/*.{py,ts}'}",
        "other: {exists: true}\n    gone: {exists: false}\n    flag: true",
    ],
)
def test_without_a_case_an_event_that_the_filters_accept_is_made(filters: str, planned: Planned) -> None:
    text = f"""
name: filtered
trigger:
  event: things.happened
  filters:
    {filters}
context:
  count: {{type: number, required: false}}
  at: {{type: string, required: false}}
  inner: {{type: object, properties: {{kind: {{type: string}}}}, required: false}}
  labels.app.kubernetes.io: {{type: string, required: false}}
  list: {{type: array, items: {{type: object, properties: {{name: {{type: string}}}}}}, required: false}}
  other: {{required: false}}
  gone: {{required: false}}
  flag: {{type: boolean, required: false}}
nodes:
  - id: tell
    agent: notifier
    action: sendSlackAlert
    inputs: {{channel: "#a", message: hi}}
"""
    assert dry_run(planned(text), case()).started


def test_an_event_that_starts_nothing_is_told_which_filter_refused_it(planned: Planned) -> None:
    text = """
name: filtered
trigger: {event: things.happened, filters: {kind: x}, expression: "{{ context.size == 77 }}"}
context: {kind: {type: string, required: false}, size: {type: integer}}
nodes:
  - {id: tell, agent: notifier, action: sendSlackAlert, inputs: {channel: "#a", message: hi}}
"""
    played = dry_run(planned(text), case())
    assert not played.started
    assert played.refused.startswith("`expression` is false; give a case")
    played = dry_run(planned(text), case(context={"kind": "y", "size": 77}))
    assert 'the filter on \'kind\' wants "x", but the event has "y"' in played.refused


def test_a_false_condition_skips_the_node_and_lets_the_rest_run(planned: Planned) -> None:
    calm = {**ASSESSED, "summary": {**SUMMARY, "critical": 0}}

    played = dry_run(planned(BRANCHES), case(mocks={"assess": {"output": calm}}))

    assert played.ended("SKIPPED") == ["notify", "alarm"]
    assert played.runs["report"].inputs == ({"recipients": ["a@b.c"], "subject": "sent 0"},)
    assert isinstance(played.outputs, dict)
    assert isinstance(played.outputs["sent"], bool)


def test_foreach_runs_once_for_each_item(planned: Planned) -> None:
    finding = {"severity": "HIGH", "file": "a.py", "line": 1, "description": "d", "recommendation": "r"}
    found = {
        "vulnerabilities": [finding, {**finding, "file": "b.py"}],
        "summary": SUMMARY,
        "scanDurationMs": 1,
        "scanId": "s",
    }

    played = dry_run(planned(BRANCHES), case(mocks={"scan": {"output": found}, "assess": {"output": ASSESSED}}))

    messages = [inputs["message"] for inputs in played.runs["notify"].inputs if isinstance(inputs, dict)]
    assert messages == ["a.py: HIGH", "b.py: HIGH"]
    output = played.runs["notify"].output
    assert isinstance(output, list)
    assert len(output) == 2


@pytest.mark.parametrize(
    "other", [{}, {"approvals": {"notify": "reject"}}, {"mocks": {"notify": {"fail": "no answer"}}}]
)
def test_foreach_over_an_empty_list_asks_nobody_and_fails_nothing_as_in_a_run(
    planned: Planned, other: dict[str, dict[str, object]]
) -> None:
    gated = BRANCHES.replace("    onFailure: continue\n", "    approvalRequired: true\n", 1)
    found = {"vulnerabilities": [], "summary": SUMMARY, "scanDurationMs": 1, "scanId": "s"}
    mocks = {"scan": {"output": found}, "assess": {"output": ASSESSED}, **other.get("mocks", {})}

    played = dry_run(planned(gated), case(**{**other, "mocks": mocks}))

    assert (played.status, played.gates) == ("SUCCESS", [])
    assert played.runs["notify"].output == []


def test_a_failure_skips_what_depends_on_it_and_wakes_its_handler(planned: Planned) -> None:
    played = dry_run(planned(BRANCHES), case(mocks={"scan": {"fail": "no disk"}}))

    assert played.ended("FAILED") == ["scan"]
    assert played.ended("SKIPPED") == ["assess", "notify", "report"]
    assert played.runs["alarm"].inputs == ({"channel": "#alarm", "message": "scan failed: no disk"},)
    assert played.status == "SUCCESS"


def test_a_failure_whose_handler_fails_too_fails_the_run(planned: Planned) -> None:
    played = dry_run(planned(BRANCHES), case(mocks={"scan": {"fail": "no disk"}, "alarm": {"fail": "no net"}}))

    assert played.status == "FAILED"


def test_a_failure_that_is_let_pass_fails_nothing_else(planned: Planned) -> None:
    mocks = {"assess": {"output": ASSESSED}, "notify": {"fail": "no net"}}

    played = dry_run(planned(BRANCHES), case(mocks=mocks))

    assert played.ended("FAILED") == ["notify"]
    assert played.runs["report"].status == "SUCCESS"
    assert played.status == "SUCCESS"


def test_expectations_are_compared_and_branches_counted(planned: Planned) -> None:
    plan = planned(BRANCHES)
    cases = [
        case(name="alarm", mocks={"scan": {"fail": "x"}}, expect={"failed": ["scan"], "status": "SUCCESS"}),
        case(name="wrong", expect={"skipped": ["scan"], "inputs": {"report": {"subject": "sent 9"}}}),
    ]

    examination = run_cases(plan, cases)

    assert [case.passed for case in examination.cases] == [True, False]
    assert "alarm: succeeds" in examination.covered
    assert "notify: fails" in examination.missed
    text = format_case_results(examination)
    assert "skipped: alarm" in text or "skipped: " in text
    assert 'expected "sent 9"' in text
    assert "branches covered:" in text


def test_a_mock_that_no_agent_could_give_is_refused(planned: Planned) -> None:
    with pytest.raises(CaseError, match="mock does not fit"):
        dry_run(planned(BRANCHES), case(mocks={"assess": {"output": {"summary": "none"}}}))


def test_a_mock_may_leave_fields_out_and_what_it_says_stands(planned: Planned) -> None:
    played = dry_run(planned(BRANCHES), case(mocks={"assess": {"output": {"summary": {"critical": 7}}}}))
    output: Any = played.runs["assess"].output
    assert output["summary"]["critical"] == 7
    assert {"total", "high"} < set(output["summary"])
    assert "riskLevel" in output


@pytest.mark.parametrize("wrong", [{"riskLevel": "SOME"}, {"risklevel": "LOW"}, {"summary": {"critical": "two"}}])
def test_a_mock_with_a_wrong_value_or_field_is_refused_though_others_are_filled_in(
    planned: Planned, wrong: dict[str, Any]
) -> None:
    with pytest.raises(CaseError, match="mock does not fit"):
        dry_run(planned(BRANCHES), case(mocks={"assess": {"output": wrong}}))


def test_a_case_for_a_node_that_is_not_there_is_refused(planned: Planned) -> None:
    with pytest.raises(CaseError, match="no node"):
        dry_run(planned(BRANCHES), case(mocks={"asses": {}}))


def test_test_files_are_read_strictly_and_say_where_they_are_wrong() -> None:
    good = read_cases(Source("cases:\n  - name: a\n    expect: {ran: [scan]}\n", "a.test.yaml"))
    assert good[0].expect.ran == ["scan"]

    with pytest.raises(CaseError, match=r"a\.test\.yaml:2:12: 'cases\.0\.expct'"):
        read_cases(Source("cases:\n  - expct: {}\n", "a.test.yaml"))
    with pytest.raises(CaseError, match="not YAML"):
        read_cases(Source("cases: [", "a.test.yaml"))
