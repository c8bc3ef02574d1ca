"""What holds for the assessor whatever it is given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.builtin.security_assessor import Assessment, Vulnerability, evaluate_risk
from agents.sdk import Context

CONTEXT = cast("Context", SimpleNamespace(log=SimpleNamespace(info=lambda *_: None)))
ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just([]) | st.just({})
PLACES = ("production", "vendored", "generated", "example", "documentation", "test")
FINDINGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "severity": st.sampled_from(["LOW", "MEDIUM", "HIGH", "CRITICAL"]),
        "file": st.sampled_from(["app/views.py", "tests/test_a.py", "vendor/x.js", "docs/a.py", "a.go"]),
        "line": st.integers(1, 5),
        "description": st.just("d"),
        "recommendation": st.just("r"),
    },
    optional={
        "confidence": st.sampled_from(["high", "medium", "low", "HIGH"]) | st.floats(0, 1) | ODD,
        "place": st.sampled_from(PLACES) | ODD,
        "cvss": st.floats(0, 10) | ODD,
        "epss": st.floats(0, 1) | ODD,
        "kev": st.booleans() | ODD,
        "surprise": ODD,
    },
)
LISTS = st.lists(FINDINGS, max_size=8)
LEVELS = ("NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL")


def rated(*findings: dict[str, Any]) -> Any:
    return evaluate_risk(
        Assessment(vulnerabilities=[Vulnerability.model_validate(one) for one in findings]), CONTEXT
    )


def rank(*findings: dict[str, Any]) -> tuple[int, int]:
    output = rated(*findings)
    return LEVELS.index(output.risk_level), output.risk_score


@given(LISTS, FINDINGS)
@settings(max_examples=200, deadline=None)
def test_one_finding_more_never_makes_it_better(findings, more):
    assert rank(*findings, more) >= rank(*findings)
    assert rated(*findings, more).risk_score >= rated(*findings).risk_score


@given(LISTS.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_findings_changes_nothing(both):
    first, second = (rated(*found) for found in both)

    assert (first.risk_score, first.risk_level, first.summary) == (
        second.risk_score,
        second.risk_level,
        second.summary,
    )
    assert [one.points for one in first.top_findings] == [one.points for one in second.top_findings]


@given(LISTS, FINDINGS, st.data())
@settings(max_examples=200, deadline=None)
def test_each_factor_moves_the_risk_in_one_direction_whatever_stands_beside_it(beside, one, data):
    low, high = sorted([data.draw(st.floats(0.1, 10)), data.draw(st.floats(0.1, 10))])
    less, more = sorted([data.draw(st.floats(0, 1)), data.draw(st.floats(0, 1))])
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"place": "test"}, {"place": "production"}),
        ({"place": "vendored"}, {"place": "production"}),
        ({"kev": False}, {"kev": True}),
        ({"kev": None}, {"kev": True}),
        ({"confidence": "low"}, {"confidence": "medium"}),
        ({"confidence": "medium"}, {"confidence": "high"}),
        ({"confidence": "high"}, {"confidence": None}),
        ({"severity": "HIGH", "cvss": None}, {"severity": "CRITICAL", "cvss": None}),
        ({"cvss": low}, {"cvss": high}),
        ({"epss": less}, {"epss": more}),
        ({"epss": None}, {"epss": less}),
    ]
    for worse, better in [(high_one, low_one) for low_one, high_one in pairs]:
        assert rank(*beside, {**one, **worse}) >= rank(*beside, {**one, **better})


@given(FINDINGS, st.sampled_from(["confidence", "cvss", "epss", "kev", "surprise"]))
@settings(max_examples=100, deadline=None)
def test_null_is_as_good_as_nothing(one, name):
    without = {key: value for key, value in one.items() if key != name}

    assert rank({**without, name: None}) == rank(without)


@given(LISTS)
@settings(max_examples=100, deadline=None)
def test_the_worst_finding_decides_the_level_and_comes_first(findings):
    output = rated(*findings)

    alone = [LEVELS.index(rated(one).risk_level) for one in findings]
    assert LEVELS.index(output.risk_level) == max(alone, default=0)
    assert [one.points for one in output.top_findings] == sorted(
        (one.points for one in output.top_findings), reverse=True
    )
