"""`python bench/many.py`: many runs at once and many that wait; writes docs/reports/many.md and bench/many.json.

`--only sqlite,postgresql,waiting` does a part and keeps the figures of the others.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from contenders.child import free_port
from fault_harness.postgres import postgres
from scale.burst import burst
from scale.page import page
from scale.waiting import waiting

RESULTS = Path(__file__).with_name("many.json")
REPORT = Path(__file__).parents[1] / "docs" / "reports" / "many.md"
PARTS = ("sqlite", "postgresql", "waiting")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="events published at once")
    parser.add_argument("--approvals", type=int, default=5_000, help="runs that wait")
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for part in options.only.split(","):
        with tempfile.TemporaryDirectory(prefix=f"bench-{part}-") as folder:
            results[part] = asyncio.run(_measure(part, Path(folder), options))
        print(json.dumps({part: results[part]}), flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        REPORT.write_text(page(results), encoding="utf-8")


async def _measure(part: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    if part == "waiting":
        return await waiting(folder, approvals=options.approvals)
    if part == "sqlite":
        return await burst(folder, runs=options.runs)
    async with postgres(free_port(), log=folder / "postgres.log", report=lambda part, event: None) as server:
        await server.create("records", "prefect")
        prefect = server.url("prefect", scheme="postgresql+asyncpg")
        databases = {"DATABASE_URL": server.url("records"), "COMMANDCENTER_PREFECT_DATABASE_URL": prefect}
        return await burst(folder, runs=options.runs, env=databases)


if __name__ == "__main__":
    main()
