"""A real OTLP endpoint over HTTP: keeps the spans that it is sent, and says what is wrong with the trees they make."""

from __future__ import annotations

import asyncio
import gzip
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class OtlpReceiver:
    """Listens on a free port of this machine while the block lasts."""

    status: int = 200
    """What it answers. Spans that it does not answer with 200 are not kept."""
    spans: dict[tuple[str, str], Span] = field(default_factory=dict[tuple[str, str], Span])
    doubled: list[str] = field(default_factory=list[str])
    """Ids that came with two contents."""
    resource: dict[str, str] = field(default_factory=dict[str, str])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """For `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> OtlpReceiver:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    def of_trace(self, trace_id: str) -> dict[str, Span]:
        """Span id -> span."""
        return {span: each for (trace, span), each in self.spans.items() if trace == trace_id}

    def faults(self) -> list[str]:
        """Every trace must be one whole tree: one root, no orphan, nothing twice."""
        traces: dict[str, dict[str, Span]] = defaultdict(dict)
        for (trace, span_id), span in self.spans.items():
            traces[trace][span_id] = span
        found = [f"span {each} came with two contents" for each in self.doubled]
        for trace, spans in traces.items():
            roots = [span.name for span in spans.values() if not span.parent_span_id]
            if len(roots) != 1:
                found.append(f"trace {trace} has {len(roots)} roots: {roots}, of {sorted(_names(spans))}")
            found += [
                f"span {span.name!r} of trace {trace} is an orphan"
                for span in spans.values()
                if span.parent_span_id and span.parent_span_id.hex() not in spans
            ]
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *rest = head.decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in rest)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                if self.status == 200 and line.startswith("POST /v1/traces "):
                    self.headers = headers
                    self._take(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
                writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()

    def _take(self, body: bytes) -> None:
        for about in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = {each.key: each.value.string_value for each in about.resource.attributes}
            for scope in about.scope_spans:
                for span in scope.spans:
                    key = (span.trace_id.hex(), span.span_id.hex())
                    if key in self.spans and self.spans[key] != span:
                        self.doubled.append(span.name)
                    self.spans[key] = span


def attributes(span: Span) -> dict[str, object]:
    """Its attributes as plain values."""
    return {each.key: _value(each) for each in span.attributes}


def _value(pair: KeyValue) -> object:
    kind = pair.value.WhichOneof("value")
    return None if kind is None else getattr(pair.value, kind)


def _names(spans: dict[str, Span]) -> list[str]:
    return [span.name for span in spans.values()]
