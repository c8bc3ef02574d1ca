"""Rounds of faults: events go in, something is killed, all comes to rest, and the ledger is compared."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.states import Cancelled

from fault_harness.verdict import Verdict, compare, quiet
from fault_harness.world import World
from records.crash_points import POINTS

PARTS = ("worker", "listener", "prefect", "nats")
ROUNDS = (
    *(f"{point}/rejected" if point == "node-ending" else point for point in POINTS),
    "run-ending/rejected",
    "run-ended/rejected",
)
"""The points, some of them in a run whose gate is answered with no: it ends FAILED, and passes others than most."""
ONCE = ("mirroring", "branch-published")
"""Points that may be passed once only: of two runs, the harness's person may have answered one with no."""
QUIET_SECONDS = 90.0
FIRED_SECONDS = 120.0


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


async def at_point(world: World, point: str, *, events: int = 2) -> Round:
    """A crash at one named point, in the middle of a few runs."""
    done = Round(name=point)
    point, _, rejected = point.partition("/")
    began = time.monotonic()
    if point == "decided":
        await _decide_and_die(world, done, events)
    else:
        fired = world.order(point, 1 if rejected or point in ONCE else world.dice.randint(1, 2))
        if rejected:
            await world.publish_rejected()
        else:
            await world.publish(events)
        if point == "mirroring":
            await _end_in_prefect(world)
        await _until(fired)
        world.countermand()
        if fired.exists():
            done.kills = 1
            world.ledger.append("kill", point=point)
        else:
            done.problems.append(f"nothing passed {point!r} within {FIRED_SECONDS:g} s")
    await _rest(world, done, began)
    return done


async def at_random(world: World, *, events: int, kills: int) -> Round:
    """Some of the parts are killed, one after the other or at once, while runs are in flight."""
    done = Round(name="random")
    began = time.monotonic()
    publishing = asyncio.create_task(world.publish(events))
    # A run that loses its worker a fourth time is parked, as designed; here it is to get through.
    parts = ["worker"] * min(2, kills) + [world.dice.choice(PARTS[1:]) for _ in range(kills - 2)]
    if world.dice.random() < 0.25:
        parts = [*PARTS, *parts[:-4]]
        pauses = [0.5, 0.0, 0.0, 0.0, *([2.0] * (len(parts) - 4))]  # all four at the same moment
    else:
        world.dice.shuffle(parts)
        pauses = [world.dice.choice((0.0, 0.3, 1.0, 2.0)) for _ in parts]
    for name, pause in zip(parts, pauses, strict=True):
        await asyncio.sleep(pause)
        for _ in range(100):
            if world.kill(name):
                done.kills += 1
                break
            await asyncio.sleep(0.1)
    await publishing
    await _rest(world, done, began)
    return done


async def _rest(world: World, done: Round, began: float) -> None:
    stuck = await quiet(world, seconds=QUIET_SECONDS)
    verdict = await compare(world, stuck=stuck)
    # Each comparison covers everything since the first event: what an earlier round has found is not new.
    found = [*verdict.lost, *verdict.doubled, *verdict.unapproved, *verdict.stuck]
    done.problems += [each for each in found if each not in world.known]
    world.known.update(found)
    done.repeats = len(verdict.repeats)
    done.seconds = round(time.monotonic() - began, 1)
    world.ledger.append("round", **done.as_json())


async def _until(file: Path) -> None:
    for _ in range(round(FIRED_SECONDS / 0.1)):
        if file.exists():
            return
        await asyncio.sleep(0.1)


async def _decide_and_die(world: World, done: Round, events: int) -> None:
    """`commandcenter approve` is killed when the decision is on record and before the run is woken."""
    world.deciding.clear()
    numbers = [number for number in await world.publish(events) if world.verdict(number) == "APPROVED"]
    for number in numbers:
        run_id = await _waiting(world, number)
        world.ledger.append("deciding", number=number, node="stamp", verdict="APPROVED")
        command = [str(Path(sys.executable).with_name("commandcenter")), "approve", run_id, "stamp", "--by", "cli"]
        env = {**os.environ, **world.stack.addresses.env(), "CRASH_AT": f"decided:1:{number}"}
        ended = await asyncio.to_thread(subprocess.run, command, env=env, capture_output=True, check=False)
        if ended.returncode == -9:
            done.kills += 1
            world.ledger.append("kill", point="decided")
        else:
            done.problems.append(f"`approve` ended with {ended.returncode}: {ended.stderr.decode()[-300:]}")
    world.deciding.set()


async def _waiting(world: World, number: int) -> str:
    for _ in range(300):
        for approval in await world.connection.records.approvals(1, status="PENDING"):
            run = await world.connection.records.run(approval.run_id)
            if run.context["number"] == number and run.status == "WAITING_APPROVAL":
                return run.id
        await asyncio.sleep(0.1)
    raise AssertionError(f"the run of event {number} does not wait for an approval")


async def _end_in_prefect(world: World) -> None:
    """A run is forced to its end over the platform's head, which the mirror has to notice."""
    world.deciding.clear()
    (number,) = await world.publish(1)
    run = await world.connection.records.run(await _waiting(world, number))
    world.ledger.append("cancelled", number=number)
    await asyncio.sleep(1)
    state = Cancelled(message="Cancelled by the fault harness")
    await world.connection.prefect.set_flow_run_state(run.flow_run_id, state, force=True)
    world.deciding.set()


async def all_points(world: World, *, events: int = 2) -> list[Round]:
    """One round for each named point."""
    return [shown(await at_point(world, point, events=events)) for point in ROUNDS]


def shown(done: Round) -> Round:
    """Say on the terminal how it went."""
    said = "; ".join(done.problems[:3]) or "clean"
    print(f"{done.name:20} {done.kills} kills {done.seconds:6.1f} s  {said}", flush=True)
    return done


async def random_rounds(world: World, *, kills: int, until: float) -> list[Round]:
    """Rounds until so many kills were made, or the time is up."""
    rounds: list[Round] = []
    while (left := kills - sum(each.kills for each in rounds)) > 0 and time.monotonic() < until:
        rounds.append(shown(await at_random(world, events=5, kills=min(6, max(left, 2)))))
    return rounds


async def final(world: World) -> Verdict:
    """The comparison after everything."""
    return await compare(world, stuck=await quiet(world, seconds=QUIET_SECONDS))
