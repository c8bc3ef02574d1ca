"""`python bench/faults.py --kills 100`: a real platform is killed again and again; writes docs/faults.md.

`--short` does a few of the points and kills, and `--json FILE` gives the result as data.
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

from fault_harness.report import together, write_report
from fault_harness.rounds import QUIET_SECONDS, all_points, at_point, at_random, final, random_rounds, shown
from fault_harness.world import world

SHORT_POINTS = ("run-created", "branch-published", "run-ended")
REPORT = Path(__file__).parents[1] / "docs" / "faults.md"


async def run(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """All rounds; the result as data."""
    began = time.monotonic()
    async with world(folder, seed=options.seed) as here:
        await here.publish(1)
        if options.short:
            rounds = [await at_point(here, point) for point in SHORT_POINTS]
            rounds.append(await at_random(here, events=3, kills=4))
        else:
            points = options.points.split(",") if options.points else None
            if points:
                rounds = [shown(await at_point(here, point)) for point in points if point != "none"]
            else:
                rounds = await all_points(here)
            rounds += await random_rounds(here, kills=options.kills, until=began + options.minutes * 60)
        verdict = await final(here)
        kills = here.ledger.read("kill")
    return {
        "command": f"`python bench/faults.py --kills {options.kills} --minutes {options.minutes:g} "
        f"--seed {options.seed}{f' --points {options.points}' if options.points else ''}`",
        "cpus": os.cpu_count(),
        "quiet": QUIET_SECONDS,
        "seconds": round(time.monotonic() - began),
        "rounds": [each.as_json() for each in rounds],
        "kills": kills,
        "verdict": verdict.as_json(),
        "clean": verdict.clean and not any(each.problems for each in rounds),
    }


def main() -> int:
    """The command line; exit status 0 where nothing was lost, doubled, unapproved or stuck."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="random kills, besides one for each named point")
    parser.add_argument("--minutes", type=float, default=60, help="begin no round after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", default="", help="only these points, with commas; `none` for none")
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
        write_report(options.report, together([*earlier, result]))
    print(json.dumps({"clean": result["clean"], "kills": len(result["kills"]), "verdict": result["verdict"]}))
    if result["clean"] and not options.folder:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if result["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
