"""The demo's main job, watched by a real Jaeger and a real Prometheus -> the pictures of the guide.

`python bench/observed_pictures.py --jaeger PROGRAM` writes into docs/images: `trace.png`, from what Jaeger answers
about the run's trace, and `dashboards.png`, from what Prometheus answers to every panel's expressions. Without
`--jaeger` there is no picture of the trace. Chromium draws them.

Jaeger builds from its Go module, outside of this repository (`go install` refuses it for its `replace` lines; what it
lacks then is its web page, which is a project of its own, so its answer is drawn here):

    go mod download github.com/jaegertracing/jaeger@v1.76.0
    cp -r "$(go env GOMODCACHE)/github.com/jaegertracing/jaeger@v1.76.0" jaeger && chmod -R u+w jaeger && cd jaeger
    go build -o jaeger-all-in-one ./cmd/all-in-one
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from html import escape
from pathlib import Path
from typing import Any

import httpx
from contenders.child import free_port

from deployments.demo.demo import configure_agents, open_sinks
from deployments.demo.follow import Follower
from deployments.demo.start import start_by_event
from deployments.stack.connection import connect_to
from deployments.stack.prometheus import prometheus, serve_metrics_somewhere
from deployments.stack.stack import Stack
from deployments.stack.up import deploy_files, prepare_records
from observability.dashboards.panels import BOARDS, Panel
from reliability.settings import StackSettings

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
RUNS = 3
_SECONDS = 120.0
_COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
_STYLE = """
body { font: 15px/1.4 sans-serif; color: #1f2937; margin: 20px; width: 1160px; }
h1 { font-size: 21px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 22px 0 8px; }
p { margin: 0 0 14px; color: #4b5563; }
.row { display: flex; align-items: center; height: 27px; border-top: 1px solid #e5e7eb; }
.name { width: 430px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.bars { position: relative; flex: 1; height: 100%; }
.bar { position: absolute; top: 7px; height: 13px; border-radius: 3px; min-width: 3px; }
.took { position: absolute; top: 2px; font-size: 13px; color: #4b5563; white-space: nowrap; }
.board { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; }
.panel { border: 1px solid #d1d5db; border-radius: 6px; padding: 8px; min-width: 0; }
.panel b { font-size: 14px; display: block; }
.last { font-size: 13px; color: #4b5563; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
"""


async def watch(
    jaeger: Path | None, folder: Path
) -> tuple[dict[str, Any] | None, dict[str, list[dict[str, Any]]]]:
    """The trace of the last of some runs as Jaeger gives it, and expression -> series as Prometheus gives them."""
    async with AsyncExitStack() as opened:
        traces = None
        if jaeger is not None:
            traces = await opened.enter_async_context(_jaeger(jaeger, folder))
        sinks = await opened.enter_async_context(open_sinks())
        configure_agents(sinks, state=folder)
        target = serve_metrics_somewhere()
        stack = Stack(
            StackSettings(state=folder / "state", database_url=None),
            prepare=lambda each: prepare_records(each, project_id=1),
        )
        await opened.enter_async_context(stack)
        await deploy_files(stack.addresses, [ROOT / "workflows"], project_id=1)
        connection = await opened.enter_async_context(connect_to(stack.addresses))
        metrics = await opened.enter_async_context(prometheus(folder / "state", target=target, every_seconds=1))
        if metrics is None:
            raise SystemExit("there is no prometheus on the PATH")
        began, flow_run = time.time(), ""
        for _ in range(RUNS):
            async with start_by_event(connection, state=folder, project_id=1) as started:
                detail = await Follower(
                    connection=connection, started=started, answer="approve", notes=""
                ).to_the_end()
                flow_run = detail.run.flow_run_id or ""
            await asyncio.sleep(4)
        trace = None if traces is None else await _trace(traces, flow_run.replace("-", ""))
        return trace, await _series(metrics, began)


@asynccontextmanager
async def _jaeger(program: Path, folder: Path) -> AsyncGenerator[str]:
    """Run it; gives the address of its API. This process' parts send to it from then on."""
    otlp, query = free_port(), free_port()
    others = {
        "--collector.otlp.grpc.host-port": free_port(),
        "--collector.grpc-server.host-port": free_port(),
        "--collector.http-server.host-port": free_port(),
        "--query.grpc-server.host-port": free_port(),
        "--admin.http.host-port": free_port(),
        "--collector.otlp.http.host-port": otlp,
        "--query.http-server.host-port": query,
    }
    options = [f"{name}=127.0.0.1:{port}" for name, port in others.items()]
    with (folder / "jaeger.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(str(program), *options, stdout=log, stderr=log)
    try:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{otlp}"
        yield f"http://127.0.0.1:{query}"
    finally:
        child.terminate()
        await child.wait()


async def _trace(address: str, trace_id: str) -> dict[str, Any]:
    """Jaeger's answer about the trace, once its root is there."""
    deadline = time.monotonic() + _SECONDS
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
        while time.monotonic() < deadline:
            answer = await client.get(f"/api/traces/{trace_id}")
            data = answer.json().get("data") if answer.is_success else None
            if data and any(not span["references"] for span in data[0]["spans"]):
                return data[0]
            await asyncio.sleep(0.5)
    raise SystemExit(f"Jaeger has no whole trace {trace_id} after {_SECONDS:g} s")


async def _series(address: str, began: float) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
        for query in (query for board in BOARDS for panel in board.panels for query in panel.queries):
            expr = re.sub(r"\$__(rate_interval|range)", "1m", query.expr)
            span = {"start": began, "end": time.time(), "step": 2, "query": expr}
            answer = await client.get("/api/v1/query_range", params=span)
            found[query.expr] = answer.raise_for_status().json()["data"]["result"]
    return found


def trace_page(trace: Mapping[str, Any]) -> str:
    """The spans as a tree, with their true times."""
    spans = {span["spanID"]: span for span in trace["spans"]}
    begin = min(span["startTime"] for span in spans.values())
    whole = max(span["startTime"] + span["duration"] for span in spans.values()) - begin or 1
    service = next(iter(trace["processes"].values()))["serviceName"]
    rows = [
        f"<h1>Trace {escape(trace['traceID'])}</h1>",
        f"<p>{len(spans)} spans of {escape(service)} in {whole / 1e6:.1f} s, as Jaeger gives them</p>",
    ]
    for depth, span in _tree(spans):
        left, width = 82 * (span["startTime"] - begin) / whole, 82 * span["duration"] / whole
        failed = any(tag["key"] == "error" and tag["value"] for tag in span["tags"])
        colour = "#dc2626" if failed else _COLOURS[depth % len(_COLOURS)]
        rows.append(
            f'<div class="row"><div class="name" style="padding-left: {depth * 20}px">'
            f'{escape(span["operationName"])}</div><div class="bars"><div class="bar" style="left: {left:.2f}%; '
            f'width: {width:.2f}%; background: {colour}"></div><span class="took" style="left: '
            f'calc({left + width:.2f}% + 8px)">{_time(span["duration"] / 1_000)}</span></div></div>'
        )
    return _page(rows)


def _tree(spans: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Depth first, by time; with its depth."""
    below: dict[str, list[Mapping[str, Any]]] = {}
    for span in sorted(spans.values(), key=lambda each: each["startTime"]):
        parents = [each["spanID"] for each in span["references"] if each["refType"] == "CHILD_OF"]
        below.setdefault(parents[0] if parents else "", []).append(span)

    def walk(parent: str, depth: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for span in below.get(parent, []):
            yield depth, span
            yield from walk(span["spanID"], depth + 1)

    return walk("", 0)


def dashboards_page(series: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Every panel of every dashboard."""
    rows = ["<h1>The four dashboards</h1>", "<p>Drawn from what Prometheus answers to their expressions</p>"]
    for board in BOARDS:
        rows.append(f'<h2>{escape(board.title)}</h2><div class="board">')
        rows += [_panel(panel, series) for panel in board.panels]
        rows.append("</div>")
    return _page(rows)


def _panel(panel: Panel, series: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    lines = [
        (_legend(query.legend, found["metric"]), [(at, float(value)) for at, value in found["values"]])
        for query in panel.queries
        for found in series[query.expr]
    ]
    points = [point for _, values in lines for point in values if point[1] == point[1]]
    if not points:
        return f'<div class="panel"><b>{escape(panel.title)}</b><div class="last">no data</div></div>'
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    top = max(value for _, value in points) or 1
    drawn, said = [], []
    for number, (name, values) in enumerate(lines):
        places = " ".join(
            f"{250 * (at - first) / (last - first or 1):.1f},{84 - 76 * value / top:.1f}"
            for at, value in values
            if value == value
        )
        colour = _COLOURS[number % len(_COLOURS)]
        drawn.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>')
        good = [value for _, value in values if value == value]
        if number < 4 and good:
            text = f"{name} {_shown(good[-1], panel.unit)}".strip()
            said.append(f'<div class="last"><span style="color: {colour}">■</span> {escape(text)}</div>')
    chart = f'<svg viewBox="0 0 250 88" width="100%">{"".join(drawn)}</svg>'
    return f'<div class="panel"><b>{escape(panel.title)}</b>{chart}{"".join(said)}</div>'


def _legend(template: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), template)


def _shown(value: float, unit: str) -> str:
    if unit == "ms":
        return _time(value)
    if unit == "s":
        return _time(value * 1_000)
    if unit == "percentunit":
        return f"{value * 100:.0f} %"
    return f"{value:.3g}" + (" MB" if unit == "decmbytes" else "")


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1_000:.1f} s" if milliseconds >= 1_000 else f"{milliseconds:.0f} ms"


def _page(rows: Sequence[str]) -> str:
    return f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style>{"".join(rows)}'


def draw(page: str, target: Path, *, height: int, folder: Path) -> None:
    """Chromium's picture of a page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("there is no chromium on the PATH")
    file = folder / f"{target.stem}.html"
    file.write_text(page, encoding="utf-8")
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
    ]
    options += [f"--user-data-dir={folder / 'chromium'}", f"--window-size=1200,{height}", f"--screenshot={target}"]
    subprocess.run([chromium, *options, file.as_uri()], check=True, capture_output=True, timeout=300)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jaeger", type=Path, help="Jaeger's all-in-one program")
    parser.add_argument("--to", type=Path, default=IMAGES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pictures-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        trace, series = asyncio.run(watch(options.jaeger, folder))
        if trace is not None:
            height = 110 + 28 * len(trace["spans"])
            draw(trace_page(trace), options.to / "trace.png", height=height, folder=folder)
        draw(dashboards_page(series), options.to / "dashboards.png", height=1850, folder=folder)


if __name__ == "__main__":
    main()
