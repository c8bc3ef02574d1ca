"""Spans -> the body of an OTLP request, in protobuf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status as WireStatus

from observability.traces.span import AttributeValue, Span

SCOPE = "commandcenter"
SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
"""Version of the semantic conventions whose names are used."""
_KINDS = {
    "internal": WireSpan.SPAN_KIND_INTERNAL,
    "server": WireSpan.SPAN_KIND_SERVER,
    "client": WireSpan.SPAN_KIND_CLIENT,
    "producer": WireSpan.SPAN_KIND_PRODUCER,
    "consumer": WireSpan.SPAN_KIND_CONSUMER,
}
_STATUS = {
    "unset": WireStatus.STATUS_CODE_UNSET,
    "ok": WireStatus.STATUS_CODE_OK,
    "error": WireStatus.STATUS_CODE_ERROR,
}
_SAMPLED = 0x01


def encode(spans: Iterable[Span], *, resource: Mapping[str, str]) -> bytes:
    """One `ExportTraceServiceRequest`."""
    scope = ScopeSpans(
        scope=InstrumentationScope(name=SCOPE), spans=[_wire(span) for span in spans], schema_url=SCHEMA_URL
    )
    about = Resource(attributes=_attributes(resource))
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=about, scope_spans=[scope], schema_url=SCHEMA_URL)]
    ).SerializeToString()


def _wire(span: Span) -> WireSpan:
    return WireSpan(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        flags=_SAMPLED,
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.start_ms * 1_000_000,
        end_time_unix_nano=max(span.start_ms, span.end_ms) * 1_000_000,
        attributes=_attributes(span.attributes),
        status=WireStatus(code=_STATUS[span.status], message=span.message),
        links=[
            WireSpan.Link(trace_id=bytes.fromhex(trace), span_id=bytes.fromhex(parent))
            for trace, parent in span.links
        ],
    )


def _attributes(values: Mapping[str, AttributeValue]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_any(value)) for name, value in values.items()]


def _any(value: AttributeValue) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=value)
