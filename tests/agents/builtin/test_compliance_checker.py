"""The compliance checker on facts, and the report made of its findings."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from agents.builtin.compliance_checker import agent
from agents.builtin.compliance_checker.audit import Outcome, audit, controls
from agents.builtin.compliance_checker.checks import CHECKS, Place
from agents.builtin.compliance_checker.exports import clause_id, oscal, table
from agents.builtin.report_generator import agent as reporter
from agents.sdk.errors import AgentError

ALL = ["SOC2", "GDPR", "HIPAA"]
GOOD: dict[str, Any] = {
    "projectId": 1,
    "agents": [
        {
            "name": "notifier",
            "type": "API",
            "risk": "AUTO",
            "version": "1.0.0",
            "network": ["slack.com:443", "{SLACK_API_URL|https://slack.com}", "{SMTP_HOST}:{SMTP_PORT|587}"],
            "codeDigest": "sha256:1",
        }
    ],
    "workflows": [
        {
            "name": "fix",
            "status": "ACTIVE",
            "nodes": [
                {
                    "id": "pr",
                    "agent": "patcher",
                    "action": "generateFixPR",
                    "risk": "APPROVAL_REQUIRED",
                    "gated": True,
                }
            ],
        }
    ],
    "runs": {"total": 10, "success": 10},
    "approvals": {"total": 2, "approved": 1, "rejected": 1},
    "audit": {"decisions": 2, "appendOnly": True},
    "database": {"kind": "postgresql", "encryptedTransport": True, "backedUp": True},
    "sandbox": {"backend": "bubblewrap", "available": True},
    "secrets": {"byName": 3, "inPlain": 0},
    "retention": {"runsDays": 90, "artifactsDays": 90, "auditDays": 2190},
    "messaging": {"encrypted": True, "authenticated": True},
}


def changed(part: str, **values: Any) -> dict[str, Any]:
    return {**GOOD, part: {**GOOD[part], **values}}


def audited(context, facts: dict[str, Any] | None, standards: list[str] = ALL) -> dict[str, Any]:
    return agent.execute("auditProject", {"projectId": 1, "standards": standards, "facts": facts}, context)


def test_a_good_project_is_compliant(context):
    output = audited(context, GOOD)

    assert output["violations"] == []
    assert (output["compliant"], output["score"]) == (True, 100)
    assert output["controlsChecked"] == 17
    assert [one["score"] for one in output["standards"]] == [100, 100, 100]


AGENT, FLOW = GOOD["agents"][0], GOOD["workflows"][0]
BROKEN = {
    "change-approval": {**GOOD, "workflows": [{**FLOW, "nodes": [{**FLOW["nodes"][0], "gated": False}]}]},
    "trusted-bypass": {**GOOD, "workflows": [{**FLOW, "trustedTriggers": ["schedule"]}]},
    "separation-of-duties": changed("approvals", selfApproved=1),
    "verified-approvers": changed("approvals", unverified=1),
    "timely-approvals": changed("approvals", pending=1, oldestPendingHours=200),
    "audit-trail": changed("audit", decisions=1),
    "network-allow-list": {**GOOD, "agents": [{**AGENT, "network": ["*:443"]}]},
    "encrypted-network": {**GOOD, "agents": [{**AGENT, "network": ["example.org:25"]}]},
    "secrets-by-name": changed("secrets", inPlain=2),
    "sandbox": changed("sandbox", available=False),
    "pinned-agents": {**GOOD, "agents": [{**AGENT, "codeDigest": None}]},
    "reliable-runs": changed("runs", success=8, failed=2),
    "encrypted-database": changed("database", encryptedTransport=False),
    "recoverable-records": changed("database", kind="sqlite", backedUp=False),
    "storage-limitation": changed("retention", runsDays=None),
    "audit-retention": changed("retention", auditDays=365),
    "protected-events": changed("messaging", authenticated=False),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_control_is_named_with_place_and_fix(context, rule):
    output = audited(context, BROKEN[rule])

    [violation] = output["violations"]
    assert violation["rule"] == rule
    assert violation["location"]
    assert violation["remediation"]
    assert output["score"] < 100
    assert output["compliant"] is (violation["severity"] == "WARNING")


def test_every_control_and_every_check_is_tried_above():
    assert {control.rule for control in controls()} == set(BROKEN)
    assert {control.check for control in controls()} == set(CHECKS)


def test_each_standard_asks_for_its_own_controls(context):
    facts = BROKEN["storage-limitation"]

    assert audited(context, facts, ["SOC2"])["violations"] == []
    assert audited(context, facts, ["GDPR"])["violations"][0]["clauses"] == ["GDPR Art. 5(1)(e)"]


@pytest.mark.parametrize("facts", [None, {"projectId": 1}, {**GOOD, "projectId": 2}])
def test_without_facts_nothing_is_called_good(context, facts):
    output = audited(context, facts)

    assert (output["compliant"], output["score"]) == (False, 0)
    assert len(output["violations"]) == 17
    assert "there is no evidence" in output["violations"][0]["description"]


EMPTY: dict[str, Any] = {
    **GOOD,
    "workflows": [],
    "runs": {"total": 0},
    "approvals": {"total": 0},
    "audit": {"decisions": 0, "appendOnly": True},
    "secrets": {"byName": 0, "inPlain": 0},
}


def test_an_empty_project_is_not_assessed_and_says_what_evidence_is_missing(context):
    output = audited(context, EMPTY)

    assert output["status"] == "not-assessed"
    assert (output["compliant"], output["score"], output["assessed"], output["notAssessed"]) == (False, 0, 0, 17)
    assert {one["state"] for one in output["controls"]} == {"not-assessed"}
    assert output["summary"] == "Not assessed: there is no evidence for any of 17 control(s)."
    assert any("workflows with nodes" in one and "no run" in one for one in output["missingEvidence"])
    assert all(one["state"] == "not-assessed" for one in output["violations"])
    assert [(one["score"], one["assessed"]) for one in output["standards"]] == [(0, 0)] * 3


@pytest.mark.parametrize(
    ("facts", "unassessed"),
    [
        (
            {**GOOD, "approvals": {"total": 0}, "audit": {"decisions": 0, "appendOnly": True}},
            {"separation-of-duties", "verified-approvers", "timely-approvals", "audit-trail"},
        ),
        ({**GOOD, "runs": {"total": 1, "waiting": 1}}, {"reliable-runs"}),
        ({**GOOD, "agents": []}, {"network-allow-list", "encrypted-network", "pinned-agents"}),
        ({**GOOD, "workflows": [{"name": "w", "status": "ACTIVE"}]}, {"change-approval", "trusted-bypass"}),
        ({**GOOD, "messaging": None}, {"protected-events"}),
    ],
)
def test_the_score_counts_only_what_was_assessed_and_says_so(context, facts, unassessed):
    output = audited(context, facts)

    assert {one["rule"] for one in output["controls"] if one["state"] == "not-assessed"} == unassessed
    assert (output["status"], output["compliant"], output["score"]) == ("incomplete", False, 100)
    assert output["assessed"] + output["notAssessed"] == output["controlsChecked"] == 17
    assert output["summary"].endswith(f"{len(unassessed)} of 17 not assessed.")


def test_a_broken_control_outweighs_what_was_not_assessed(context):
    output = audited(context, {**BROKEN["encrypted-database"], "messaging": None})

    assert (output["status"], output["compliant"]) == ("not-compliant", False)
    [failed] = [one for one in output["controls"] if one["state"] == "fail"]
    assert (failed["rule"], failed["places"]) == ("encrypted-database", ["database"])


def test_an_inactive_workflow_is_not_held_against_the_project(context):
    facts = BROKEN["change-approval"]
    draft = {**facts, "workflows": [{**facts["workflows"][0], "status": "DRAFT"}]}

    assert audited(context, draft)["violations"] == []


def test_a_policy_of_the_projects_own(context):
    requirements = [
        {"fact": "approvals.selfApproved", "comparison": "==", "value": 0},
        {"fact": "agents.length", "comparison": "<=", "value": 0, "severity": "WARNING", "remediation": "Fewer."},
        {"fact": "database.kind", "comparison": "in", "value": ["postgresql"]},
        {"fact": "approvals.oldestPendingHours", "comparison": "<", "value": 5},
    ]

    output = agent.execute(
        "checkPolicy",
        {"projectId": 1, "policy": "house-rules", "requirements": requirements, "facts": GOOD},
        context,
    )

    assert [(one["location"], one["severity"]) for one in output["violations"]] == [
        ("agents.length", "WARNING"),
        ("approvals.oldestPendingHours", "ERROR"),
    ]
    assert output["violations"][0]["description"] == "agents.length is 1; the policy asks for <= 0"
    assert (output["compliant"], output["score"]) == (False, 50)


@pytest.mark.parametrize(
    ("fact", "value", "sentence"),
    [
        ("colour", 1, "fact 'colour' is not one the platform has"),
        ("approvals.colour", 1, "has no part 'colour'"),
        ("approvals.total.__class__", 1, "has no part '__class__'"),
        ("database.kind", 1, "cannot be compared"),
    ],
)
def test_a_policy_that_makes_no_sense_is_an_error(context, fact, value, sentence):
    requirements = [{"fact": fact, "comparison": "<", "value": value}]

    with pytest.raises(AgentError, match=sentence):
        agent.execute(
            "checkPolicy",
            {"projectId": 1, "policy": "p", "requirements": requirements, "facts": GOOD},
            context,
        )


def read(context, output: dict[str, Any]) -> PdfReader:
    [saved] = context.saved
    assert output["pdfPath"].endswith(f"/{saved.name}")
    return PdfReader(BytesIO((context.artifacts_folder / saved.file).read_bytes()))


def text(pdf: PdfReader) -> str:
    """All of it, without white space: words are broken where a column ends."""
    return "".join("".join(page.extract_text() for page in pdf.pages).split())


def test_the_report_lists_every_violation(context):
    audit = audited(context, BROKEN["separation-of-duties"])
    inputs = {"violations": audit["violations"], "score": audit["score"], "template": "compliance-report"}

    output = reporter.execute("createPDF", inputs, context)

    pdf = read(context, output)
    shown = text(pdf)
    assert f"Score:{audit['score']}/100" in shown
    assert "separation-of-duties" in shown
    assert (output["pages"], output["violationsListed"]) == (len(pdf.pages), 1)


def test_a_long_report_has_many_pages_and_a_summary_has_one(context):
    violations = audited(context, None)["violations"] * 4
    short = dataclasses.replace(context, saved=[])

    long = reporter.execute("createPDF", {"violations": violations, "score": 3}, context)
    summary = reporter.execute(
        "createPDF", {"violations": violations, "score": 3, "template": "compliance-summary"}, short
    )

    assert long["pages"] == len(read(context, long).pages) > 3
    assert (summary["pages"], summary["violationsListed"]) == (1, 0)
    shown = text(read(short, summary))
    assert "68control(s)werenotassessed" in shown
    assert "Noviolationswerefoundinwhatwasassessed" in shown


HOSTILE = "**bold** [x](https://evil.example) <b>hi</b> \u202ereversed \x1b[31m \x00 ☃ 漢字 é ß \u2013 \ud83d"


def test_text_of_others_is_shown_as_it_stands(context):
    hostile = HOSTILE.encode("utf-8", "ignore").decode()
    violation = {"rule": hostile, "severity": "ERROR", "location": hostile, "remediation": hostile * 100}

    output = reporter.execute(
        "createPDF", {"violations": [violation], "score": 0.5, "title": hostile, "project": hostile}, context
    )

    pdf = read(context, output)
    shown = text(pdf)
    assert "**bold**[x](https://evil.example)<b>hi</b>" in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    assert all("/Annots" not in page for page in pdf.pages)


def test_a_report_without_violations_says_so(context):
    output = reporter.execute("createPDF", {"violations": [], "score": 100}, context)

    assert "Noviolationswerefound." in text(read(context, output))


def test_an_audit_is_handed_on_as_oscal_and_csv_with_its_trend(context):
    past = [{"at": "2026-01-05T09:00:00+00:00", "score": 40}, {"at": "2026-01-12T09:00:00+00:00", "score": 100}]
    bad = changed("approvals", selfApproved=1)
    facts = {**bad, "audits": past, "retention": None, "collectedAt": "2026-01-19T09:00:00+00:00"}
    inputs = {"projectId": 1, "standards": ALL, "facts": facts, "oscal": True, "csv": True}
    output = agent.execute("auditProject", inputs, context)
    assert output["history"] == [{"label": "2026-01-05", "score": 40}, {"label": "2026-01-12", "score": 100}]
    assert output["trend"] == "down"
    files = {one.name: (context.artifacts_folder / one.file).read_bytes() for one in context.saved}
    results = json.loads(files["assessment-results.oscal.json"])["assessment-results"]["results"][0]
    assert results["start"] == "2026-01-19T09:00:00+00:00"
    states = {one["state"] for one in output["controls"]}
    assert states == {"pass", "fail", "not-assessed"}
    assert len(results["observations"]) == output["controlsChecked"]
    by_state = {"satisfied": 0, "not-satisfied": 0}
    for one in results["findings"]:
        by_state[one["target"]["status"]["state"]] += 1
    for state, word in (("pass", "satisfied"), ("fail", "not-satisfied")):
        assert by_state[word] == sum(len(one["clauses"]) for one in output["controls"] if one["state"] == state)
    observed = {one["uuid"] for one in results["observations"]}
    assert all(each["related-observations"][0]["observation-uuid"] in observed for each in results["findings"])
    named = {
        each["control-id"] for each in results["reviewed-controls"]["control-selections"][0]["include-controls"]
    }
    assert named == {each["target"]["target-id"] for each in results["findings"]}
    assert all(re.fullmatch(r"[a-z_][a-z0-9._-]*", each) for each in named)
    rows = list(csv.DictReader(io.StringIO(files["controls.csv"].decode("utf-8-sig"))))
    assert [(row["rule"], row["state"]) for row in rows] == [
        (one["rule"], one["state"]) for one in output["controls"]
    ]
    again = agent.execute("auditProject", inputs, context)
    assert again["oscal"] == output["oscal"], "the same audit gives the same file"


def test_a_cell_is_no_formula():
    outcome = Outcome(
        control=controls()[0].model_copy(update={"title": "=HYPERLINK(1)"}), clauses=[], places=(Place("@x", ""),)
    )
    row = next(csv.DictReader(io.StringIO(table([outcome]))))
    assert (row["title"], row["places"]) == ("'=HYPERLINK(1)", "'@x")


def test_scores_of_other_standards_and_of_repositories_are_no_history(context):
    def past(day: int, score: int, **more: Any) -> dict[str, Any]:
        return {"at": f"2026-01-{day:02}T09:00:00+00:00", "score": score, "assessed": 1, **more}

    alike = past(1, 100, standards=["GDPR", "SOC2"], repository=False)
    audits = [
        alike,
        past(2, 10, standards=["HIPAA"], repository=False),
        past(3, 20, standards=["SOC2", "GDPR"], repository=True),
    ]

    output = audited(context, {**GOOD, "audits": audits}, ["SOC2", "GDPR"])

    assert [one["score"] for one in output["history"]] == [100]
    assert (output["trend"], output["repository"]) == ("same", False)


def test_a_selection_of_controls_is_never_empty(context):
    """OSCAL asks each selection to name controls, also where not one was assessed."""
    nothing = audit(None, ["SOC2"])
    (selection,) = oscal(nothing.outcomes, "s", "", "k")["assessment-results"]["results"][0]["reviewed-controls"][
        "control-selections"
    ]

    every = {clause_id(clause) for one in nothing.outcomes for clause in one.clauses}
    assert selection["include-all"] == {}
    assert {one["control-id"] for one in selection["exclude-controls"]} == every


@pytest.mark.parametrize("name", ["=1", "\uff1d1", "\uff0b1", "x;=1", "x; \uff1d1", "x;-1", "\n=1"])
def test_no_name_begins_a_formula_in_any_cell(name):
    outcome = Outcome(control=controls()[0], clauses=[name], places=(Place(name), Place(name)), missing=name)

    for row in csv.reader(io.StringIO(table([outcome])), delimiter=","):
        for cell in (part for whole in row for part in whole.split(";")):
            assert cell.strip()[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def test_of_very_many_places_some_are_named_and_the_rest_is_counted(context):
    node = {**FLOW["nodes"][0], "gated": False}
    nodes = [{**node, "id": "n" * 200 + str(at)} for at in range(12_000)]

    output = audited(context, {**GOOD, "workflows": [{**FLOW, "nodes": nodes}]})

    broken = [one for one in output["violations"] if one["rule"] == "change-approval"]
    assert (len(broken), broken[-1]["location"]) == (201, "elsewhere")
    assert broken[-1]["description"].endswith("11,800 further place(s)")
    outcome = Outcome(control=controls()[0], clauses=[], places=tuple(Place("x" * 1000) for _ in range(200)))
    assert max(len(cell) for row in csv.reader(io.StringIO(table([outcome]))) for cell in row) < 32_767
