"""The order of the tests' files, and the early end of servers that they share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
import turns

ROOT = Path(__file__).parents[1]
ended: list[str] = []


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Named as one that is shared."""
    yield "started"
    ended.append("server")


def test_a_shared_server_ends_when_the_next_test_is_of_others(server: str, request: pytest.FixtureRequest) -> None:
    turns.end_unneeded(request.node, request.node)
    assert ended == []
    turns.end_unneeded(request.node, None)
    assert ended == ["server"]


def test_every_place_in_the_order_is_there() -> None:
    places = [*turns.PLACES, *(each for each in turns.LONGEST if each.startswith("tests/"))]
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_units_stay_whole_and_the_longest_begin(request: pytest.FixtureRequest) -> None:
    ordered = turns.in_turn(list(reversed(request.session.items)))
    units = [unit for unit, _ in groupby(ordered, key=lambda item: turns.unit_of(item.nodeid))]
    assert len(units) == len(set(units))
    long = [unit for unit in units if unit in turns.LONGEST]
    assert units[: len(long)] == [unit for unit in turns.LONGEST if unit in long]
    assert sorted(map(id, ordered)) == sorted(map(id, request.session.items))
