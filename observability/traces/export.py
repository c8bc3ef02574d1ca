"""Spans that wait -> an OTLP endpoint. One that does not answer costs nothing and loses nothing: they go on waiting."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from observability.traces.otlp import encode
from observability.traces.settings import TraceSettings
from observability.traces.span import Span

log = logging.getLogger(__name__)

BATCH = 500
_WORTH_ANOTHER_TRY = frozenset({401, 403, 404, 408, 429})
"""Besides 5xx. Missing rights or a wrong path are a matter of configuration, not of these spans."""


class NotExported(Exception):
    """The endpoint did not take them; they are sent again."""


class WaitingSpan(Protocol):
    """A span that is on record and not exported."""

    @property
    def id(self) -> int: ...

    @property
    def span(self) -> Span: ...


class SpanOutbox(Protocol):
    """Where they wait."""

    def waiting_spans(self, limit: int) -> Awaitable[Sequence[WaitingSpan]]:
        """The oldest ones."""
        ...

    def mark_exported(self, ids: Sequence[int]) -> Awaitable[None]:
        """The endpoint has them."""
        ...


@dataclass(kw_only=True)
class SpanExporter:
    """Sends them with their true times, oldest first. A crash between sending and marking sends them once more: under
    the same ids, with the same content."""

    outbox: SpanOutbox
    settings: TraceSettings
    _client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        headers = {"Content-Type": "application/x-protobuf", **self.settings.headers}
        self._client = httpx.AsyncClient(headers=headers, timeout=self.settings.timeout_seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._client is not None
        await self._client.aclose()

    async def export(self) -> int:
        """Send all that wait; gives how many. Raises NotExported, and what the records raise."""
        sent = 0
        while waiting := await self.outbox.waiting_spans(BATCH):
            await self._send([each.span for each in waiting])
            await self.outbox.mark_exported([each.id for each in waiting])
            sent += len(waiting)
        return sent

    async def _send(self, spans: Sequence[Span]) -> None:
        assert self._client is not None
        body = encode(spans, resource=self.settings.resource)
        headers = {"Content-Encoding": "gzip"} if self.settings.compress else {}
        try:
            answer = await self._client.post(
                self.settings.url, content=gzip.compress(body) if self.settings.compress else body, headers=headers
            )
        except (httpx.HTTPError, OSError) as exc:
            raise NotExported(f"the OTLP endpoint does not answer ({type(exc).__name__})") from exc
        if answer.is_success:
            _report_refused(answer)
        elif answer.status_code >= 500 or answer.status_code in _WORTH_ANOTHER_TRY:
            raise NotExported(f"the OTLP endpoint answers {answer.status_code}")
        else:
            # By OTLP's rules it would refuse them for ever, and all that come after them would wait.
            log.error(
                "The OTLP endpoint refuses %d spans with %d; they are dropped", len(spans), answer.status_code
            )


def _report_refused(answer: httpx.Response) -> None:
    try:
        partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    except Exception:  # a collector may answer with JSON or nothing of its own
        return
    if partial.rejected_spans:
        log.error("The OTLP endpoint refused %d spans: %.200r", partial.rejected_spans, partial.error_message)
