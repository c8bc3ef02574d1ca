"""Which of the runs that wait a worker takes next, where several projects have some."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from deployments.worker.fair_share import in_turn

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def _runs(project: str, count: int, *, later: int = 0) -> list[Any]:
    return [
        SimpleNamespace(
            project=project,
            flow_run=SimpleNamespace(next_scheduled_start_time=BEGAN + timedelta(seconds=later + number)),
        )
        for number in range(count)
    ]


def _taken(waiting: dict[str, list[Any]], **options: Any) -> list[str]:
    given: dict[str, Any] = {"held": {}, "weights": dict.fromkeys(waiting, 1), "limit": 10, "most": 100} | options
    return [cast("Any", each).project for each in in_turn(waiting, **given)]


def test_one_run_of_a_project_does_not_wait_behind_four_hundred_of_another() -> None:
    waiting = {"one": _runs("one", 400), "two": _runs("two", 1, later=1000)}
    assert _taken(waiting, held={"one": 50})[0] == "two"
    assert _taken(waiting).index("two") <= 1


def test_places_go_by_weight_and_by_what_is_in_hand() -> None:
    waiting = {"one": _runs("one", 400), "two": _runs("two", 400)}
    taken = _taken(waiting, weights={"one": 1, "two": 3}, limit=40)
    assert (taken.count("one"), taken.count("two")) == (10, 30)
    taken = _taken(waiting, held={"one": 20}, limit=20)
    assert taken.count("two") == 20


def test_a_project_leaves_places_for_others_and_nobody_waits_where_there_is_room() -> None:
    waiting = {"one": _runs("one", 400), "two": _runs("two", 2)}
    assert _taken(waiting, held={"one": 74}, most=75, limit=20).count("one") == 1
    assert _taken({"one": _runs("one", 3)}, limit=20) == ["one"] * 3


def test_with_a_single_place_projects_still_take_turns() -> None:
    last: dict[str, int] = {}
    waiting = {"one": _runs("one", 400), "two": _runs("two", 400, later=1000)}
    taken = [_taken(waiting, limit=1, most=1, last=last)[0] for _ in range(6)]
    assert taken.count("two") == 3
