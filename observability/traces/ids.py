"""A run and what happened in it -> ids of trace and spans: computed, so that every process at any time has the same."""

from __future__ import annotations

import hashlib
import re
from uuid import UUID

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def trace_id(flow_run_id: str) -> str:
    """32 hex digits: the id of Prefect's flow run without its dashes, so that one is found by the other."""
    try:
        return UUID(flow_run_id).hex
    except ValueError:
        return hashlib.sha256(f"trace\n{flow_run_id}".encode()).hexdigest()[:32]


def span_id(*parts: object) -> str:
    """16 hex digits, the same for the same parts."""
    return hashlib.sha256("\n".join(("span", *map(str, parts))).encode()).hexdigest()[:16]


def run_span_id(flow_run_id: str, reopened: int = 0) -> str:
    """The run's span; one more for each time that a person retried it."""
    return span_id(flow_run_id, "run", reopened)


def agent_span_id(flow_run_id: str, node_id: str, item: int | None, attempt: int) -> str:
    """The span of one attempt of a node."""
    return span_id(flow_run_id, "agent", node_id, "" if item is None else item, attempt)


def traceparent(trace: str, span: str) -> str:
    """The W3C header that names this span as the caller."""
    return f"00-{trace}-{span}-01"


def parse_traceparent(header: str | None) -> tuple[str, str] | None:
    """Trace and span of a caller; None for a header that is none, or one of zeros."""
    match = _TRACEPARENT.fullmatch((header or "").strip())
    if match is None or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    return None if not match[2].strip("0") or not match[3].strip("0") else (match[2], match[3])
