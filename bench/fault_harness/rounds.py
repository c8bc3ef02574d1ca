"""Rounds of faults at random moments: events go in all the time, parts die, answers are lost, and a worker is absent
or frozen; then all comes to rest, and the ledger is compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from fault_harness.proxy import Proxy
from fault_harness.round import Round, rest, shown
from fault_harness.stage import WORKERS
from fault_harness.world import World
from operations.errors import TransientTriggerError
from operations.run_acts import RunRefused
from records import RecordsError

ABSENT_ROUNDS = (1, 5)
FROZEN_ROUNDS = (3, 7)
KILLS = 30
DROPS = 4
IN_FLIGHT = 6
"""So many runs the publisher keeps going while parts are killed."""
RERUN_SECONDS = (2.0, 5.0)
"""Between two reruns."""
PAUSES = (0.0, 0.3, 1.0, 2.0)
TO_PASS = 8
"""At most so many changes pass a proxy between the order to drop an answer and the drop."""
MOVE_SECONDS = 20.0
DROP_SECONDS = 10.0
"""So long after the last kill answers are still lost."""
ALIVE_SECONDS = 90.0
ABSENT_SECONDS = 25.0
"""A worker that is held down stays so for as long at least."""


class Stalled(RuntimeError):
    """A part does not come back to life, or gets no work: the round cannot go on."""


async def at_random(world: World, *, kills: int, drops: int) -> Round:
    """Every part in turn is killed, in a new order each time, while runs are in flight and answers are lost."""
    done = Round(name="random")
    began = time.monotonic()
    over = asyncio.Event()
    publishing = asyncio.create_task(_publish(world, over))
    dropping = asyncio.create_task(_drop(world, drops))
    rerunning = asyncio.create_task(_rerun(world, over))
    try:
        while done.kills < kills:
            moves = world.moves
            await _kill_each(world, done, most=kills - done.kills)
            await _get_on(world, moves)
        await asyncio.wait([dropping], timeout=DROP_SECONDS)
    finally:
        # Not cancelled, which the client of NATS may take for the end of its own waiting, and go on for ever.
        over.set()
        dropping.cancel()
        await asyncio.gather(publishing, dropping, rerunning, return_exceptions=True)
        for proxy in world.stage.proxies.values():
            proxy.countermand()
    await rest(world, done, began)
    return done


async def _kill_each(world: World, done: Round, *, most: int) -> None:
    parts = list(world.stage.parts)
    world.dice.shuffle(parts)
    at_once = world.dice.random() < 0.2
    if at_once:
        await _alive(world, parts)
    else:
        # One worker is left alone: a run that loses its worker a fourth time is parked, and comes no further.
        parts.remove(world.dice.choice(tuple(WORKERS)))
    for name in parts[:most]:
        if not at_once:
            await asyncio.sleep(world.dice.choice(PAUSES))
            await _alive(world, [name])
        done.kills += world.kill(name)


async def _alive(world: World, names: Iterable[str], *, busy: bool = True) -> None:
    """Wait until these parts answer and, if wanted, have something to do."""
    deadline = time.monotonic() + ALIVE_SECONDS
    while not world.ready.issuperset(names) or (busy and not world.in_flight):
        if time.monotonic() > deadline:
            raise Stalled(f"{', '.join(names)}: not alive and at work within {ALIVE_SECONDS:g} s")
        await asyncio.sleep(0.05)


async def _get_on(world: World, moves: int) -> None:
    """Let something happen between two turns; not for ever, or a platform that stands still would hold up the round."""
    for _ in range(round(MOVE_SECONDS / 0.05)):
        if world.moves != moves:
            return
        await asyncio.sleep(0.05)


async def _publish(world: World, over: asyncio.Event) -> None:
    while not over.is_set():
        if world.in_flight < IN_FLIGHT:
            await world.publish(1)
        await asyncio.sleep(0.1)


async def _rerun(world: World, over: asyncio.Event) -> None:
    """Now and then a run that has ended well is run again from one of its last nodes."""
    while not over.is_set():
        await asyncio.sleep(world.dice.uniform(*RERUN_SECONDS))
        with suppress(RunRefused, TransientTriggerError, RecordsError, SQLAlchemyError, OSError):
            await world.rerun()


async def _drop(world: World, drops: int) -> None:
    """Each proxy is ordered to lose so many answers, the next when the last was lost."""

    async def before(proxy: Proxy) -> None:
        for _ in range(drops):
            await asyncio.sleep(world.dice.choice(PAUSES))
            proxy.order(world.dice.randrange(TO_PASS))
            await proxy.carried_out()

    await asyncio.gather(*(before(proxy) for proxy in world.stage.proxies.values()))


async def absent(world: World) -> Round:
    """One worker dies and stays dead: what it had in hand is the other one's to finish."""
    done = Round(name="absent worker")
    began = time.monotonic()
    gone, left = world.dice.sample(tuple(WORKERS), 2)
    done.kills += await _trusting(world, left)
    await world.publish(6)
    await _in_hand(world, gone)
    await world.hold_down(gone)
    done.kills += 1
    held = time.monotonic()
    lost = len(await world.executed_by(WORKERS[gone]))
    # Also what does not belong to the dead worker has to come through while nobody takes its place.
    done.kills += world.kill("listener")
    await rest(world, done, began)
    await asyncio.sleep(max(0.0, held + ABSENT_SECONDS - time.monotonic()))
    seconds = round(time.monotonic() - held, 1)
    world.ledger.append("absence", part=gone, seconds=seconds, taken_over=lost)
    await world.let_up(gone)
    return done


async def frozen(world: World) -> Round:
    """One worker stands still until the other has its runs, and then goes on where it was."""
    done = Round(name="frozen worker")
    began = time.monotonic()
    still, left = world.dice.sample(tuple(WORKERS), 2)
    done.kills += await _trusting(world, left)
    await world.publish(6)
    held: dict[str, int] = {}
    while not held:
        await _in_hand(world, still)
        pid = world.freeze(still)
        at = time.monotonic()
        if await asyncio.to_thread(world.locked):
            world.thaw(pid)
            continue
        held = await world.fencing_tokens(WORKERS[still])
        try:
            kept = await _until_taken_over(world, held)
            # It wakes up while its successor begins, is in the middle, or is done.
            await asyncio.sleep(world.dice.choice(PAUSES) if held else 0)
        finally:
            world.thaw(pid)
    if kept:
        done.problems.append(f"{len(kept)} runs of a frozen worker were not taken over in {ALIVE_SECONDS:g} s")
    seconds = round(time.monotonic() - at, 1)
    world.ledger.append("freeze", part=still, seconds=seconds, taken_over=len(held) - len(kept))
    await rest(world, done, began)
    return done


async def _until_taken_over(world: World, held: dict[str, int]) -> list[str]:
    """Wait until each of these runs has another fencing token; those that have not when the time is up."""
    records = world.connection.records
    deadline = time.monotonic() + ALIVE_SECONDS
    while kept := [
        run_id
        for run_id, fencing_token in held.items()
        if (await records.run(run_id)).fencing_token == fencing_token
    ]:
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    return kept


async def _trusting(world: World, name: str) -> int:
    """A worker with a fresh memory: one that has seen the API fail lately takes no silent worker for dead."""
    await world.publish(1)
    await _alive(world, [name])
    killed = world.kill(name)
    await _alive(world, world.stage.parts, busy=False)
    return int(killed)


async def _in_hand(world: World, worker: str) -> int:
    """Wait until this worker executes something; how many runs."""
    deadline = time.monotonic() + ALIVE_SECONDS
    while time.monotonic() < deadline:
        if runs := await world.executed_by(WORKERS[worker]):
            return len(runs)
        if not world.in_flight:
            await world.publish(3)
        await asyncio.sleep(0.05)
    raise Stalled(f"{worker!r} executes nothing")


async def series(world: World, *, kills: int, until: float) -> list[Round]:
    """Rounds until so many kills were made, or the time is up; some of the first with an absent or a frozen worker."""
    rounds: list[Round] = []
    while (left := kills - sum(each.kills for each in rounds)) > 0 and time.monotonic() < until:
        try:
            if len(rounds) in ABSENT_ROUNDS:
                done = await absent(world)
            elif len(rounds) in FROZEN_ROUNDS:
                done = await frozen(world)
            else:
                done = await at_random(world, kills=min(KILLS, left), drops=DROPS)
        except Stalled as exc:
            done = Round(name="stalled", problems=[str(exc)])
        rounds.append(shown(done))
    return rounds
