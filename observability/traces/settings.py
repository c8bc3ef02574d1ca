"""OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_*`) -> where spans are sent, or that there is no tracing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_DEFAULT_SECONDS = 10.0


class TraceSettingsError(ValueError):
    """A variable of OpenTelemetry has a value that cannot be used."""


@dataclass(frozen=True, kw_only=True)
class TraceSettings:
    """An OTLP endpoint over HTTP with protobuf."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_seconds: float = _DEFAULT_SECONDS
    compress: bool = False
    resource: Mapping[str, str] = field(default_factory=dict[str, str])


def is_traced(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process leaves spans in the records: an endpoint is named and nothing turns tracing off."""
    return (
        environment.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        and environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() in ("otlp", "")
        and bool(_url(environment))
    )


def load_trace_settings(environment: Mapping[str, str] = os.environ) -> TraceSettings | None:
    """None: no tracing. Raises TraceSettingsError, which never shows a header's value."""
    if not is_traced(environment):
        return None
    protocol = _of(environment, "PROTOCOL") or "http/protobuf"
    if protocol != "http/protobuf":
        raise TraceSettingsError(
            f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}: only http/protobuf is spoken; every collector takes it, "
            "usually on port 4318"
        )
    url = _url(environment)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise TraceSettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL: write http://collector:4318"
        )
    resource = {"service.name": "commandcenter", **_pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES", ""))}
    if name := environment.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = name
    return TraceSettings(
        url=url,
        headers=_pairs(_of(environment, "HEADERS")),
        timeout_seconds=_seconds(_of(environment, "TIMEOUT")),
        compress=_of(environment, "COMPRESSION") == "gzip",
        resource=resource,
    )


def _url(environment: Mapping[str, str]) -> str:
    own = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    return own or (f"{base.rstrip('/')}/v1/traces" if base else "")


def _of(environment: Mapping[str, str], name: str) -> str:
    own = environment.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}", "").strip()
    return own or environment.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()


def _seconds(milliseconds: str) -> float:
    if not milliseconds:
        return _DEFAULT_SECONDS
    if not milliseconds.isdigit() or int(milliseconds) == 0:
        raise TraceSettingsError("OTEL_EXPORTER_OTLP_TIMEOUT is not a number of milliseconds: write 10000")
    return int(milliseconds) / 1_000


def _pairs(text: str) -> dict[str, str]:
    """`a=1,b=2`, with percent escapes."""
    pairs = (pair.partition("=") for pair in text.split(",") if "=" in pair)
    return {unquote(name).strip(): unquote(value).strip() for name, _, value in pairs}
