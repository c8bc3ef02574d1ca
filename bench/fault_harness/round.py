"""One round of faults: what was done, how long it took until all was at rest, what was found then."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from fault_harness.comparison import Comparison, compare, quiet
from fault_harness.telling import untold
from fault_harness.world import World

QUIET_SECONDS = 90.0


@dataclass(kw_only=True)
class Round:
    """One round and what it showed."""

    name: str
    kills: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    repeats: int = 0

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return dict(vars(self))


async def rest(world: World, done: Round, began: float) -> None:
    """Wait until all is at rest, and compare."""
    stuck = await quiet(world, seconds=QUIET_SECONDS)
    compared = await compare(world, stuck=stuck)
    world.all_at_rest()
    # Each comparison covers everything since the first event: what an earlier round has found is not new.
    found = [*compared.lost, *compared.doubled, *compared.unapproved, *compared.stuck]
    done.problems += [each for each in found if each not in world.known]
    world.known.update(found)
    done.repeats = len(compared.repeats)
    done.seconds = round(time.monotonic() - began, 1)
    world.ledger.append("round", **done.as_json())


def shown(done: Round) -> Round:
    """Say on the terminal how it went."""
    said = "; ".join(done.problems[:3]) or "clean"
    print(f"{done.name:20} {done.kills} kills {done.seconds:6.1f} s  {said}", flush=True)
    return done


async def final(world: World) -> Comparison:
    """The comparison after everything."""
    compared = await compare(world, stuck=await quiet(world, seconds=QUIET_SECONDS))
    compared.untold = await untold(world)
    return compared
