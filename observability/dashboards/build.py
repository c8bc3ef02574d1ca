"""`python -m observability.dashboards.build`: the panels -> JSON for Grafana, one file per dashboard beside this one.

Needs `grafana-foundation-sdk`, which is in the `dev` extra; the JSON is kept in the repository.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import bargauge, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from observability.dashboards.panels import BOARDS, Board, Panel

FOLDER = Path(__file__).parent
_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")


def build(board: Board) -> str:
    """The JSON of one dashboard."""
    made = (
        Dashboard(board.title)
        .uid(board.uid)
        .tags(["commandcenter"])
        .time("now-24h", "now")
        .refresh("30s")
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for panel in board.panels:
        made = made.with_panel(_panel(panel))
    return json.dumps(json.loads(JSONEncoder(sort_keys=True, indent=2).encode(made.build())), indent=2) + "\n"


def _panel(panel: Panel) -> Any:
    builder: Any
    if panel.look == "stat":
        builder = stat.Panel().color_mode(BigValueColorMode.NONE).height(4).span(8)
    elif panel.look == "bars":
        builder = bargauge.Panel().height(8).span(12)
    else:
        builder = timeseries.Panel().fill_opacity(10).height(8).span(12)
    builder = builder.title(panel.title).unit(panel.unit).datasource(_SOURCE)
    for number, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + number))
        builder = builder.with_target(target.instant() if panel.look == "bars" else target.range())
    return builder


def main() -> None:
    """Write the files."""
    for board in BOARDS:
        (FOLDER / f"{board.uid}.json").write_text(build(board), encoding="utf-8")


if __name__ == "__main__":
    main()
