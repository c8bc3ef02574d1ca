"""Ids, headers and settings of traces."""

from __future__ import annotations

import pytest

from observability.traces.ids import agent_span_id, parse_traceparent, run_span_id, trace_id, traceparent
from observability.traces.settings import TraceSettingsError, is_traced, load_trace_settings

FLOW = "0f8fad5b-d9cb-469f-a165-70867728950e"
ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}


def test_ids_are_computed_and_differ() -> None:
    assert trace_id(FLOW) == FLOW.replace("-", "")
    assert len(trace_id("flow-1")) == 32
    spans = [
        run_span_id(FLOW),
        run_span_id(FLOW, 1),
        agent_span_id(FLOW, "a", None, 1),
        agent_span_id(FLOW, "a", 0, 1),
        agent_span_id(FLOW, "a", None, 2),
        agent_span_id("other", "a", None, 1),
    ]
    assert len(set(spans)) == len(spans)
    assert all(len(each) == 16 for each in spans)
    assert parse_traceparent(traceparent(trace_id(FLOW), spans[0])) == (trace_id(FLOW), spans[0])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "x",
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        f"ff-{'1' * 32}-{'1' * 16}-01",
        f"00-{'A' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'1' * 16}-01-more",
        f"00-{'1' * 32}-{'1' * 16}-01\nx: y",
    ],
)
def test_a_header_that_is_none_is_no_caller(header: str | None) -> None:
    assert parse_traceparent(header) is None


@pytest.mark.parametrize(
    "environment",
    [{}, ON | {"OTEL_SDK_DISABLED": "true"}, ON | {"OTEL_TRACES_EXPORTER": "none"}],
)
def test_tracing_is_off_unless_an_endpoint_is_named(environment: dict[str, str]) -> None:
    assert not is_traced(environment)
    assert load_trace_settings(environment) is None


def test_the_endpoint_for_traces_is_taken_as_it_is() -> None:
    settings = load_trace_settings(ON)
    assert settings is not None
    assert settings.url == "http://collector:4318/v1/traces"
    own = load_trace_settings({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/x"})
    assert own is not None
    assert own.url == "http://c/x"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(TraceSettingsError, match=name):
        load_trace_settings(ON | {name: value})
