"""The jailed agent finds the trace context under which its attempt is exported."""

from __future__ import annotations

import pytest

from observability.traces.ids import agent_span_id
from tasks.execution import _trace
from tasks.services import RunRef

RUN = RunRef(
    run_id="r",
    flow_run_id="0f8fad5b-d9cb-469f-a165-70867728950e",
    project_id=1,
    workflow="w",
    trigger="manual",
    triggered_by="",
    context={},
    attempt=1,
    by_clock=False,
    fencing_token=1,
)


def test_an_agent_gets_the_context_of_its_own_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    span = agent_span_id(RUN.flow_run_id, "scan", 2, 3)
    assert _trace(RUN, "scan", 2, 3) == f"00-0f8fad5bd9cb469fa16570867728950e-{span}-01"
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert _trace(RUN, "scan", 2, 3) == ""
