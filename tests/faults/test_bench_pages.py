"""The pages in `docs/` say what was measured, and nothing else."""

import json
from pathlib import Path

import pytest
from contenders import figures
from scale import page as many
from scale.scale_page import scale_page

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("make", "results", "shown"),
    [
        (figures.page, "bench/results.json", "docs/reports/benchmarks.md"),
        (many.page, "bench/many.json", "docs/reports/many.md"),
        (scale_page, "bench/throughput.json", "docs/reports/scale.md"),
    ],
)
def test_a_page_of_figures_is_made_of_the_results_on_file(make, results, shown) -> None:
    data = json.loads((ROOT / results).read_text(encoding="utf-8"))
    assert make(data) == (ROOT / shown).read_text(encoding="utf-8")
