"""Every route against its own description: generated requests, by somebody who is signed in, on real records."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from unittest import SkipTest

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)


def no_fault(ctx: Any, response: Any, case: Any) -> None:
    """503 says, as described, that this server has no Prefect; any other 5xx is a fault."""
    del ctx
    assert response.status_code < 500 or response.status_code == 503, f"{case.path}: {response.status_code}"


CHECKS = [no_fault, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 8
"""Of each route and each kind of request."""
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
# They end what the requests stand on: the session of nobody, the workflow.
LAST = ("archive", "rename")


@pytest.fixture
async def known(ann: Any, ask: Any, records: Any) -> dict[str, list[str]]:
    """Something of each kind on record, so that requests get further than 404: names of parameters -> values."""
    approval = await ask()
    await ann.put("/workflows/talk/draft", json={"source": "name: talk"})
    for number, outcome in enumerate(("started", "matched nothing", "dead letter")):
        payload = b'{"projectId": 1, "filePath": "a.py", "repositoryPath": "/r"}'
        await records.receive_event(
            "S", number, subject="graph.file.updated", payload=payload, outcome=outcome, project_id=1
        )
    await records.dead_letter("S", 9, subject="graph.file.updated", payload=b"{}", reason="no", project_id=1)
    events = await records.received_events(1)
    letters = await records.dead_letters(1)
    return {
        "run_id": [approval.run_id],
        "approval_id": [approval.id],
        "event_id": [each.id for each in events],
        "letter_id": [each.id for each in letters] or ["none"],
        "name": ["talk", "speaker", "none"],
        "number": ["1"],
    }


async def test_no_route_fails_or_answers_what_its_description_does_not_say(
    address: str, known: dict[str, list[str]]
) -> None:
    sent, wrong = await asyncio.to_thread(_check_all, address, known)
    assert not wrong, "\n".join(wrong)
    assert len(sent) > 40, "every route of the description is tried"
    assert all(sent.values()), sent


def _check_all(address: str, known: dict[str, list[str]]) -> tuple[dict[str, int], list[str]]:
    schema = schemathesis.openapi.from_dict(httpx.get(f"{address}/openapi.json", timeout=120).json())
    operations = [cast("Any", each).ok() for each in schema.get_all_operations()]
    operations.sort(key=lambda each: each.path.endswith(LAST))
    sent: dict[str, int] = {}
    wrong: list[str] = []
    for operation in operations:
        label = f"{operation.method.upper()} {operation.path}"
        sent[label] = 0
        for mode in MODES:
            try:
                _check(operation.as_strategy(generation_mode=mode), label, address, known, sent)
            except (Unsatisfiable, SkipTest):
                continue  # a route with nothing that could be wrong
            except FailureGroup as failures:
                wrong += [f"{label}: {each}" for each in failures.exceptions]
    return sent, wrong


def _check(cases: Any, label: str, address: str, known: dict[str, list[str]], sent: dict[str, int]) -> None:
    @seed(12)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=cast("list[Any]", list(HealthCheck)),
    )
    @given(case=cases, data=st.data())
    def check(case: Any, data: Any) -> None:
        for name in case.path_parameters or {}:
            if name in known and data.draw(st.integers(0, 3)):
                case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
        if case.path == "/stream":
            case.query = {**(case.query or {}), "limit": 0}  # else it has no end
        if case.path.endswith("/logs/stream"):
            case.query = {**(case.query or {}), "follow": "false"}  # a run that waits for a person has none either
        response = case.call(base_url=address, headers={"Authorization": "Bearer ann-token"}, timeout=120)
        sent[label] += 1
        case.validate_response(response, checks=CHECKS)

    check()
