"""CPU seconds of each part for a run, and how many of each part there are -> runs a second that they carry together.

Mean value analysis of a closed network (Reiser and Lavenberg, 1980): exact for stations that serve in order of arrival
with exponential times, or that share their time. A part with several processes is as many stations, each visited as
often; the agents are a delay, since they have cores of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Station:
    """`demand`: CPU seconds of this part for one run; `processes`: among how many it is divided."""

    name: str
    demand: float
    processes: int = 1


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the network carries: runs a second, seconds that a run stays in it, and how busy each part is (0 to 1)."""

    throughput: float
    seconds: float
    busy: Mapping[str, float]


def load(stations: Sequence[Station], *, in_hand: int, delay: float = 0.0) -> Load:
    """With `in_hand` runs going on all the time, each with `delay` seconds of its own besides the stations'."""
    if in_hand < 1:
        raise ValueError(f"in_hand is {in_hand}: at least one run must go on")
    queued = {each.name: 0.0 for each in stations}
    throughput = seconds = 0.0
    for runs in range(1, in_hand + 1):
        # At each of its processes a run finds what one run less would leave there.
        spent = {each.name: each.demand * (1 + queued[each.name] / each.processes) for each in stations}
        seconds = delay + sum(spent.values())
        throughput = runs / seconds
        queued = {name: throughput * time for name, time in spent.items()}
    return Load(
        throughput=throughput,
        seconds=seconds,
        busy={each.name: throughput * each.demand / each.processes for each in stations},
    )
