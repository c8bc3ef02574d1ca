"""Rows become dataclasses: names in camel case, NULL as the empty value, lists as tuples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from records.database.read_row import read_row

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One field of each kind."""

    run_id: str
    started_at: datetime
    ended_at: datetime | None
    status: Literal["SUCCESS", "FAILED"]
    message: str
    limits: dict[str, str]
    hosts: tuple[str, ...]
    nodes: tuple[str, ...] | None
    output: Any
    attempts: int = 0


ROW = {
    "workflowRunId": "run-1",
    "startedAt": NOW,
    "endedAt": NOW,
    "status": "SUCCESS",
    "message": "well",
    "limits": {"memory": "1 GiB"},
    "hosts": ["a", "b"],
    "nodes": ["n"],
    "outputJson": {"list": [1]},
    "attempts": 2,
    "signature": "not asked for",
}


def test_a_row_becomes_what_it_says() -> None:
    assert read_row(Sample, ROW) == Sample(
        run_id="run-1",
        started_at=NOW,
        ended_at=NOW,
        status="SUCCESS",
        message="well",
        limits={"memory": "1 GiB"},
        hosts=("a", "b"),
        nodes=("n",),
        output={"list": [1]},
        attempts=2,
    )


def test_null_is_none_only_where_the_field_may_be_none() -> None:
    empty = dict.fromkeys(("endedAt", "message", "limits", "hosts", "nodes", "outputJson"))
    read = read_row(Sample, {**ROW, **empty})
    assert (read.message, read.limits, read.hosts) == ("", {}, ())
    assert (read.ended_at, read.nodes, read.output) == (None, None, None)


def test_what_is_given_counts_and_a_column_that_is_missing_is_an_error() -> None:
    shorter = {name: value for name, value in ROW.items() if name != "attempts"}
    assert read_row(Sample, shorter, attempts=7).attempts == 7
    with pytest.raises(KeyError, match="attempts"):
        read_row(Sample, shorter)
