"""What tracing and metrics cost whole runs: W1, W5 and ten W5 at once, with both on beside both off.

Two platforms run side by side, and take turns, so that what else the machine does hits both alike. The one that is
observed sends its spans to a receiver here, and its metrics are read every five seconds, as Prometheus does.
Prints the medians and how much more, and with `--write` writes docs/reports/observed-runs.md. Nothing else should run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import httpx
from contenders.child import free_port
from contenders.platform import Platform
from contenders.processes import cpu_seconds
from fault_harness.otlp_receiver import OtlpReceiver

REPORT = Path(__file__).parents[1] / "docs" / "reports" / "observed-runs.md"
SHAPES: Mapping[str, tuple[str, int]] = {"W1": ("w1", 1), "W5": ("w5", 1), "C10": ("w5", 10)}
_AIM = 3.0
_SCRAPE_SECONDS = 5.0
Figures = dict[str, dict[str, list[float]]]
"""`off` or `on` -> figure -> seconds of each round; `… CPU` of all parts of the platform."""


async def measure(rounds: int) -> tuple[Figures, int]:
    """The figures, and how many spans came."""
    found: Figures = {"off": {}, "on": {}}
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(OtlpReceiver())
        off = await stack.enter_async_context(_platform({}))
        address = f"127.0.0.1:{free_port()}"
        observed = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "COMMANDCENTER_METRICS_ADDRESS": address}
        on = await stack.enter_async_context(_platform(observed))
        scraping = asyncio.create_task(_scrape(f"http://{address}/metrics"))
        try:
            for number in range(rounds + 1):
                # Who begins changes: the second one finds warmer caches.
                order = [("off", off), ("on", on)] if number % 2 else [("on", on), ("off", off)]
                for figure, (shape, times) in SHAPES.items():
                    for name, platform in order:
                        before = cpu_seconds(platform.pids())
                        seconds = await platform.run(shape, times)
                        if number:  # the first round warms up
                            found[name].setdefault(figure, []).append(seconds)
                            spent = cpu_seconds(platform.pids()) - before
                            found[name].setdefault(f"{figure} CPU", []).append(spent)
        finally:
            scraping.cancel()
        return found, len(receiver.spans)


@asynccontextmanager
async def _platform(variables: Mapping[str, str]) -> AsyncGenerator[Platform]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        os.chmod(name, 0o755)  # noqa: PTH101
        platform = Platform(Path(name), step="unjailed", worker="commandcenter")
        with patch.dict(os.environ, variables):  # its parts inherit them
            await platform.__aenter__()
        try:
            yield platform
        finally:
            await platform.__aexit__(None, None, None)


async def _scrape(url: str) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        while True:
            (await client.get(url)).raise_for_status()
            await asyncio.sleep(_SCRAPE_SECONDS)


def page(found: Figures, *, rounds: int, spans: int) -> str:
    """The report."""
    lines = [
        "# What observing costs whole runs",
        "",
        f"`bench/observed_runs.py`: medians of {rounds} alternating rounds, in seconds; {spans:,} spans were received.",
        "W1 is one node, W5 five, C10 ten W5 at once, from the event to the event of the end. The aim is at most "
        f"{_AIM:g} % more.",
        "",
        "| | off | on | more |",
        "|---|---|---|---|",
    ]
    for figure, values in found["off"].items():
        off, on = statistics.median(values), statistics.median(found["on"][figure])
        more = f"{(on / off - 1) * 100:+.1f} %" if off else ""
        lines.append(f"| {figure} | {off:.3f} | {on:.3f} | {more} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="write the report")
    options = parser.parse_args()
    found, spans = asyncio.run(measure(options.rounds))
    text = page(found, rounds=options.rounds, spans=spans)
    print(text)
    if options.write:
        REPORT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
