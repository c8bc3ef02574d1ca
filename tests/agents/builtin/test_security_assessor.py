"""How the assessor rates."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from agents.builtin.security_assessor import agent
from agents.sdk.errors import InvalidInputError


def weakness(level: str, **more) -> dict:
    return {
        "severity": level,
        "file": "a.py",
        "line": 1,
        "cwe": "CWE-1",
        "description": "d",
        "recommendation": "r",
        **more,
    }


def rated(context, *severities: str) -> dict:
    return agent.execute("evaluateRisk", {"vulnerabilities": [weakness(one) for one in severities]}, context)


def test_nothing_found_is_no_risk(context):
    output = rated(context)

    assert (output["riskLevel"], output["riskScore"], output["summary"]["total"]) == ("NONE", 0, 0)
    assert output["recommendation"].startswith("Nothing was found")


@pytest.mark.parametrize("level", ["LOW", "MEDIUM", "HIGH", "CRITICAL"])
def test_the_worst_weakness_decides_the_level(context, level):
    assert rated(context, "LOW", level)["riskLevel"] == level


def test_the_score_grows_with_every_weakness_and_never_reaches_the_next_level(context):
    steps = [["LOW"], ["LOW"] * 50, ["MEDIUM"], ["MEDIUM"] * 100, ["HIGH"], ["HIGH"] * 100, ["CRITICAL"]]
    scores = [rated(context, *step)["riskScore"] for step in [*steps, ["CRITICAL"] * 100]]

    assert all(lower < higher for lower, higher in pairwise(scores))
    assert scores[-1] <= 100


def test_the_worst_come_first_and_are_counted_by_class(context):
    found = [weakness("LOW", cwe="CWE-2"), weakness("CRITICAL", file="z.py"), weakness("HIGH", cwe=None)]

    output = agent.execute("evaluateRisk", {"vulnerabilities": found * 5}, context)

    assert [one["severity"] for one in output["topFindings"]] == ["CRITICAL"] * 5 + ["HIGH"] * 5
    assert output["affectedFiles"] == ["a.py", "z.py"]
    assert output["areas"][0]["count"] == 5
    assert output["summary"] == {"total": 15, "critical": 5, "high": 5, "medium": 0, "low": 5}


@pytest.mark.parametrize("wrong", [{"severity": "WORST"}, {"line": 0}, {"file": ""}, {"description": None}])
def test_what_is_no_weakness_is_refused(context, wrong):
    with pytest.raises(InvalidInputError, match=r"vulnerabilities\.0"):
        agent.execute("evaluateRisk", {"vulnerabilities": [weakness("LOW", **wrong)]}, context)


def risk(context, *findings: dict) -> dict:
    return agent.execute("evaluateRisk", {"vulnerabilities": list(findings)}, context)


def test_fields_that_are_not_known_are_taken_and_change_nothing(context):
    plain = risk(context, weakness("HIGH"))
    more = {"surprise": {"a": 1}, "confidence": "who knows", "cvss": "high", "epss": 7, "kev": "?", "place": 3}

    assert risk(context, weakness("HIGH", **more)) == plain


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ({"confidence": "LOW"}, {"confidence": "MEDIUM"}),
        ({"confidence": "MEDIUM"}, {"confidence": "HIGH"}),
        ({"confidence": 0.2}, {"confidence": 0.9}),
        ({"file": "tests/test_a.py"}, {"file": "a.py"}),
        ({"file": "src/a.test.ts"}, {"file": "src/a.ts"}),
        ({"place": "test"}, {"place": "production", "file": "tests/a.py"}),
        ({"file": "examples/a.py"}, {"file": "vendor/a.py"}),
        ({"file": "vendor/a.py"}, {"file": "a.py"}),
        ({"cvss": 5.0}, {"cvss": 7.5}),
        ({"epss": 0.01}, {"epss": 0.9}),
        ({"epss": 0.5}, {"kev": True}),
    ],
)
def test_each_factor_moves_the_points(context, lower, higher):
    low = risk(context, weakness("HIGH", **lower))["topFindings"][0]
    high = risk(context, weakness("HIGH", **higher))["topFindings"][0]

    assert low["points"] < high["points"]
    assert low["reasons"]


@pytest.mark.parametrize(
    ("cvss", "level"),
    [
        (9.0, "CRITICAL"),
        (8.9, "HIGH"),
        (7.0, "HIGH"),
        (6.9, "MEDIUM"),
        (4.0, "MEDIUM"),
        (3.9, "LOW"),
        (0.1, "LOW"),
    ],
)
def test_a_cvss_score_has_the_level_of_its_own_scale(context, cvss, level):
    assert risk(context, weakness("LOW", cvss=cvss))["riskLevel"] == level


def test_a_vulnerable_application_ranks_above_a_clean_one_with_more_findings(context):
    vulnerable = risk(context, weakness("HIGH", file="app/views.py", confidence="HIGH"))
    clean = risk(
        context,
        *[weakness("CRITICAL", file=f"tests/test_{at}.py", line=at + 1) for at in range(300)],
        *[weakness("HIGH", file="examples/demo.py", confidence="LOW", line=at + 1) for at in range(300)],
        *[weakness("LOW", line=at + 1) for at in range(50)],
    )

    assert vulnerable["riskScore"] > clean["riskScore"]
    assert (vulnerable["riskLevel"], clean["riskLevel"]) == ("HIGH", "MEDIUM")
    assert clean["inProduction"] == 50
    assert clean["summary"]["critical"] == 300  # what was found is not hidden


def test_what_is_exploited_now_comes_first(context):
    found = risk(
        context,
        weakness("CRITICAL", confidence="LOW", file="a.py"),
        weakness("HIGH", cve="CVE-2026-1", cvss=8.1, kev=True, file="requirements.txt"),
    )

    assert found["topFindings"][0]["file"] == "requirements.txt"
    assert found["topFindings"][0]["level"] == "CRITICAL"
    assert "known to be exploited" in " ".join(found["topFindings"][0]["reasons"])


def test_points_that_look_equal_are_ordered_by_what_they_are(context):
    # HIGH is from 13.5 points, which is a CVSS score of 6.96238: both show as 13.5.
    below = weakness("LOW", cvss=6.9623, file="a.py")
    above = weakness("LOW", cvss=6.9625, file="b.py")

    assert risk(context, below, above)["riskLevel"] == risk(context, above)["riskLevel"] == "HIGH"
    assert risk(context, below)["riskLevel"] == "MEDIUM"


@pytest.mark.parametrize(
    ("field", "score"),
    [
        ({"cvss": "9.8"}, 80),
        ({"cvss": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}, 80),
        ({"cvss": {"baseScore": 9.8}}, 80),
        ({"cvss": "nan"}, 50),
        ({"cvss": "9" * 10_000}, 50),
        ({"cvss": "CVSS:3.1/AV:Q"}, 50),
        ({"cvss": {"baseScore": {"baseScore": 9.8}}}, 50),
        ({"cvss": float("nan")}, 50),
        ({"kev": "yes"}, 80),
        ({"kev": {"cveID": "CVE-2026-1", "dateAdded": "2026-01-01"}}, 80),
        ({"kev": "no"}, 50),
        ({"kev": {}}, 50),
        ({"epss": "0.97", "severity": "MEDIUM"}, 20),
        ({"epss": 97}, 50),
    ],
)
def test_figures_in_the_forms_that_other_tools_give(context, field, score):
    assert risk(context, {**weakness("HIGH"), **field})["riskScore"] == score


def test_the_documented_formula_is_the_one_of_the_code():
    from agents.builtin.security_assessor import formula

    page = (Path(__file__).parents[3] / "docs/reference/built-in-agents.md").read_text()
    for name, value in formula._SEVERITY.items():
        assert f"{name} {value:g}" in page
    for name, value in formula._PLACE.items():
        fields = {"severity": "CRITICAL", "place": name}
        assert formula.points_of(fields).exact == pytest.approx(40 * value)
        assert f" {value:g}" in page
    for least, name in formula._LEVELS:
        assert f"{name} from {least:g}" in (formula.__doc__ or "")
