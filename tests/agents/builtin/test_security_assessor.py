"""How the assessor rates."""

from __future__ import annotations

from itertools import pairwise

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


@pytest.mark.parametrize(
    "wrong", [{"severity": "WORST"}, {"line": 0}, {"file": ""}, {"surprise": 1}, {"description": None}]
)
def test_what_is_no_weakness_is_refused(context, wrong):
    with pytest.raises(InvalidInputError, match=r"vulnerabilities\.0"):
        agent.execute("evaluateRisk", {"vulnerabilities": [weakness("LOW", **wrong)]}, context)
