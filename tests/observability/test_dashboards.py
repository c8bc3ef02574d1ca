"""The committed dashboards are those that the panels make, and every expression asks for metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from observability.dashboards.build import FOLDER, build
from observability.dashboards.panels import BOARDS, Board, metric_names

METRICS_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
_NAME = re.compile(r"\b(?:commandcenter|agent|workflow|approval)_\w+")
_LABELS = {"agent_name", "workflow_name"}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_the_json_is_what_the_panels_make(board: Board) -> None:
    text = (FOLDER / f"{board.uid}.json").read_text()
    assert text == build(board), "run `python -m observability.dashboards.build`"
    assert len(json.loads(text)["panels"]) == len(board.panels)


def test_panels_ask_only_for_metrics_that_there_are() -> None:
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                assert set(_NAME.findall(query.expr)) - _LABELS <= metric_names(), query.expr


def test_the_reference_page_lists_every_metric() -> None:
    page = METRICS_PAGE.read_text()
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in metric_names()}
    assert {name for name in bare if f"`{name}`" not in page} == set()
