"""Rounds of crashes at the named steps of the platform."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from prefect.states import Cancelled

from fault_harness.person import decision_on
from fault_harness.round import Round, rest, shown
from fault_harness.world import World
from reliability.fault_points import POINTS

ROUNDS = (
    *(f"{point}/rejected" if point == "node-ending" else point for point in POINTS),
    "run-ending/rejected",
    "run-ended/rejected",
)
"""The points, some of them in a run whose gate is answered with no: it ends FAILED, and passes others than most."""
ONCE = ("mirroring", "branch-published", "message-sent")
"""Points that may be passed once only: of two runs, the harness's person may have answered one with no."""
FIRED_SECONDS = 120.0


async def at_point(world: World, point: str, *, events: int = 2) -> Round:
    """A crash at one named point, in the middle of a few runs."""
    done = Round(name=point)
    point, _, rejected = point.partition("/")
    began = time.monotonic()
    if point == "decided":
        await _decide_and_die(world, done, events)
    else:
        number = 1 if rejected or point in ONCE else world.dice.randint(1, 2)
        fired = world.order(point, number)
        if rejected:
            await world.publish_rejected()
        else:
            # Each of two workers counts by itself.
            await world.publish(events * number)
        if point == "mirroring":
            await _end_in_prefect(world)
        await _until(fired)
        world.countermand()
        if fired.exists():
            done.kills = 1
            world.ledger.append("kill", point=point)
        else:
            done.problems.append(f"nothing passed {point!r} within {FIRED_SECONDS:g} s")
    await rest(world, done, began)
    return done


async def _until(file: Path) -> None:
    for _ in range(round(FIRED_SECONDS / 0.1)):
        if file.exists():
            return
        await asyncio.sleep(0.1)


async def _decide_and_die(world: World, done: Round, events: int) -> None:
    """`commandcenter approve` is killed when the decision is on record and before the run is woken."""
    world.person.willing.clear()
    numbers = [number for number in await world.publish(events) if decision_on(number) == "APPROVED"]
    for number in numbers:
        run_id = await _waiting(world, number)
        world.ledger.append("deciding", number=number, node="stamp", decision="APPROVED")
        command = [str(Path(sys.executable).with_name("commandcenter")), "approve", run_id, "stamp", "--by", "cli"]
        env = {**os.environ, **world.stage.addresses.env(), "CRASH_AT": f"decided:1:{number}"}
        ended = await asyncio.to_thread(subprocess.run, command, env=env, capture_output=True, check=False)
        if ended.returncode == -9:
            done.kills += 1
            world.ledger.append("kill", point="decided")
        else:
            done.problems.append(f"`approve` ended with {ended.returncode}: {ended.stderr.decode()[-300:]}")
    world.person.willing.set()


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
    world.person.willing.clear()
    (number,) = await world.publish(1)
    run = await world.connection.records.run(await _waiting(world, number))
    world.ledger.append("cancelled", number=number)
    await asyncio.sleep(1)
    state = Cancelled(message="Cancelled by the fault harness")
    await world.connection.prefect.set_flow_run_state(run.flow_run_id, state, force=True)
    world.person.willing.set()


async def all_points(world: World, *, events: int = 2) -> list[Round]:
    """One round for each named point."""
    return [shown(await at_point(world, point, events=events)) for point in ROUNDS]
