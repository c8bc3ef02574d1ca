"""Filters against the schema of the event, while compiling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler import Catalogue, Source, compile_all

EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "at": {"type": "string", "format": "date-time"},
        "count": {"type": "integer"},
        "name": {"type": "string"},
        "commits": {"type": "array", "items": {"type": "object", "properties": {"author": {"type": "string"}}}},
        "labels": {"type": "object", "properties": {"app.io/name": {"type": "string"}}},
    },
}


def codes(catalogue: Catalogue, filters: dict[str, Any]) -> list[str]:
    """The codes of what the compiler says about the filters."""
    workflow = {
        "name": "filtered",
        "context": EVENT,
        "trigger": {"event": "shop.order.paid", "filters": filters},
        "nodes": [
            {
                "id": "notify",
                "agent": "notifier",
                "action": "sendSlackAlert",
                "inputs": {"channel": "#alerts", "message": "paid"},
            }
        ],
    }
    compiled = compile_all([Source(json.dumps(workflow), "filtered.yaml")], catalogue)[-1]
    return [found.code for found in compiled.diagnostics if found.code.startswith("CC7")]


@pytest.mark.parametrize(
    "filters",
    [
        {"at": {"gte": "2026-01-01", "lt": "2027-01-01T00:00:00Z"}},
        {"count": {"gte": 3}},
        {"name": {"gte": "m"}},
        {"commits.0.author": "ada"},
        {"labels.app.io/name": "web"},
        {"name": "{{a,b},c}.ts"},
    ],
)
def test_a_filter_that_can_match_is_taken(catalogue: Catalogue, filters: dict[str, Any]) -> None:
    assert codes(catalogue, filters) == []


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"at": {"gte": 3}}, "CC705"),
        ({"at": {"gte": "soon"}}, "CC705"),
        ({"count": {"gte": "2026-01-01"}}, "CC705"),
        ({"count": [{"lt": "ten"}]}, "CC705"),
        ({"name": {"lt": 10}}, "CC705"),
        ({"name": "{{ context.name }}"}, "CC705"),
        ({"name": ["a", "x-{{context.name}}"]}, "CC705"),
        ({"name": {"eq": "{{ context.name }}"}}, "CC705"),
        ({"name": {"glob": "{{ context.name }}*"}}, "CC705"),
        ({"count": {"eq": "3"}}, "CC707"),
        ({"commits.first.author": "ada"}, "CC706"),
        ({"commits.0.autor": "ada"}, "CC706"),
        ({"labels.app.io/nam": "web"}, "CC706"),
    ],
)
def test_a_filter_that_never_matches_is_reported(catalogue: Catalogue, filters: dict[str, Any], code: str) -> None:
    assert codes(catalogue, filters) == [code]
