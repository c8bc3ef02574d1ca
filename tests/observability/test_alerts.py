"""Alert rules: promtool's tests pass; each rule has a test and a runbook page, and asks for metrics that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from observability.dashboards.panels import metric_names
from observability.metrics.definitions import DEAD_LETTER_REASONS, METRICS, Total
from observability.metrics.exposition import Gauge, render

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "observability" / "alerts"
RULES: list[dict[str, Any]] = yaml.safe_load((ALERTS / "rules.yaml").read_text())["groups"][0]["rules"]


@pytest.mark.server
@pytest.mark.parametrize(
    "command", [["check", "rules", "rules.yaml"], ["test", "rules", "tests.yaml"]], ids=" ".join
)
def test_promtool_agrees(command: list[str]) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here: install Debian's prometheus to run this")
    done = subprocess.run(["promtool", *command], cwd=ALERTS, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.server
def test_promtool_finds_nothing_on_the_page_but_the_units_that_the_design_names() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here: install Debian's prometheus to run this")
    totals = [
        Total(metric=each.name, labels=("x",) * len(each.labels), bucket=0, count=1, sum=1) for each in METRICS
    ]
    page = render(totals, [Gauge(name="commandcenter_slots", help="h", value=1, labels={"state": "free"})])
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=60, check=False
    )
    said = {line.partition(" ")[2] for line in (done.stdout + done.stderr).splitlines()}
    assert said == {"metric names should not contain abbreviated units"}, done.stdout + done.stderr


def test_each_rule_is_tested_to_fire_and_to_stay_quiet() -> None:
    tests = yaml.safe_load((ALERTS / "tests.yaml").read_text())["tests"]
    fires = {rule["alertname"] for test in tests for rule in test["alert_rule_test"] if rule["exp_alerts"]}
    quiet = {rule["alertname"] for test in tests for rule in test["alert_rule_test"] if not rule["exp_alerts"]}
    assert fires == quiet == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_rule_has_a_runbook_page_with_its_expression(rule: dict[str, Any]) -> None:
    page = (ROOT / rule["annotations"]["runbook"]).read_text()
    assert page.startswith(f"# {rule['alert']}\n")
    assert rule["expr"] in page
    assert "## Look" in page
    assert "## Do" in page


def test_rules_ask_only_for_metrics_that_there_are() -> None:
    asked = {
        name
        for rule in RULES
        for name in re.findall(r"\b(?:commandcenter|agent|workflow|approval)_\w+", rule["expr"])
    }
    labels = {"agent_name", "workflow_name"}
    assert asked - labels <= metric_names()


def test_dead_letters_are_counted_from_zero_so_that_the_first_one_is_an_increase() -> None:
    page = render([], [])
    for reason in DEAD_LETTER_REASONS:
        assert f'commandcenter_dead_letters_total{{reason="{reason}"}} 0' in page
