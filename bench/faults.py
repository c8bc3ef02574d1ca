"""`python bench/faults.py --kills 100`: a real platform is killed again and again; writes docs/reports/faults.md.

`--database postgresql` puts the records and Prefect's own database into a real PostgreSQL, which is killed like the
rest. `--short` does a few of the points and kills, and `--json FILE` gives the result as data.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from fault_harness.comparison import refused
from fault_harness.points import all_points, at_point
from fault_harness.report import write_report
from fault_harness.round import QUIET_SECONDS, Round, final, shown
from fault_harness.rounds import absent, at_random, frozen, series
from fault_harness.stage import Database
from fault_harness.world import World, world

SHORT_POINTS = ("run-created", "branch-published", "run-ended")
REPORT = Path(__file__).parents[1] / "docs" / "reports" / "faults.md"


async def run(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """All rounds; the result as data."""
    began = time.monotonic()
    database: Database = options.database
    async with world(folder, seed=options.seed, database=database) as here:
        await here.publish(1)
        if options.short:
            rounds = await _short(here, database)
        else:
            rounds = await _points(here, options.points)
            rounds += await series(here, kills=options.kills, until=began + options.minutes * 60)
        compared = await final(here)
        faults = {kind: here.ledger.read(kind) for kind in ("kill", "drop", "absence", "freeze")}
    return {
        "command": _command(options),
        "database": database,
        "cpus": os.cpu_count(),
        "quiet": QUIET_SECONDS,
        "seconds": round(time.monotonic() - began),
        "rounds": [each.as_json() for each in rounds],
        **faults,
        "refused": len(await asyncio.to_thread(refused, folder / "state" / "logs")),
        "compared": compared.as_json(),
        "clean": compared.clean and not any(each.problems for each in rounds),
    }


async def _short(here: World, database: Database) -> list[Round]:
    if database == "postgresql":
        return [shown(await at_random(here, kills=6, drops=1))]
    rounds = [shown(await at_point(here, point)) for point in SHORT_POINTS]
    return [*rounds, shown(await at_random(here, kills=4, drops=1))]


async def _points(here: World, points: str) -> list[Round]:
    if not points:
        return await all_points(here)
    single = {"absent": absent, "frozen": frozen}
    return [
        shown(await (single[point](here) if point in single else at_point(here, point)))
        for point in points.split(",")
        if point != "none"
    ]


def _command(options: argparse.Namespace) -> str:
    given = {"database": options.database, "kills": options.kills, "minutes": f"{options.minutes:g}"}
    given |= {"seed": options.seed} | ({"points": options.points} if options.points else {})
    return f"`python bench/faults.py {' '.join(f'--{name} {value}' for name, value in given.items())}`"


def main() -> int:
    """The command line; exit status 0 where nothing was lost, doubled, unapproved or stuck."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="random kills, besides one for each named point")
    parser.add_argument("--minutes", type=float, default=60, help="begin no round after so long")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", default="", help="only these points, `absent` and `frozen` among them; `none`")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help="keep state, logs and ledger here")
    parser.add_argument(
        "--with",
        dest="earlier",
        type=Path,
        action="append",
        default=[],
        help="put this earlier result into the report",
    )
    parser.add_argument("--report", type=Path, default=REPORT)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="commandcenter-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    result = asyncio.run(run(options, folder.absolute()))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    if not options.short:
        earlier = [json.loads(file.read_text(encoding="utf-8")) for file in options.earlier]
        write_report(options.report, [*earlier, result])
    print(json.dumps({"clean": result["clean"], "kills": len(result["kill"]), "compared": result["compared"]}))
    if result["clean"] and not options.folder:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if result["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
