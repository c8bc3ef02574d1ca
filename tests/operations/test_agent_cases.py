"""What an output lacks of what a case expects: objects in part, everything else as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from operations.agent_cases import differences


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2, "c": 3}]}),
        ({"a": 1.0}, {"a": 1}),
        ({"a": None}, {"a": None}),
    ],
)
def test_a_part_is_enough(expected: Any, found: Any) -> None:
    assert differences(expected, found) == []


@pytest.mark.parametrize(
    ("expected", "found", "says"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "output.a.b: expected 1, got 2"),
        ({"a": 1}, {}, "output.a: expected 1, and it is not there"),
        ({"a": True}, {"a": 1}, "output.a: expected true, got 1"),
        ({"a": [1]}, {"a": [1, 2]}, "output.a: expected [1], got [1, 2]"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, 'output.a[0].b: expected "x", got "y"'),
        ({"a": "1"}, {"a": 1}, 'output.a: expected "1", got 1'),
        ({"a": None}, {}, "output.a: expected null, and it is not there"),
    ],
)
def test_a_difference_is_said_with_its_place(expected: Any, found: Any, says: str) -> None:
    assert differences(expected, found) == [says]
