"""An agent's declared hosts + the platform's settings -> the `host:port` list that the egress proxy lets through.

An entry is `host:port`, or a template over settings: `{SLACK_API_URL|https://slack.com}` is the host and port of
the address in that setting (or of the default after the bar); `{SMTP_HOST}:{SMTP_PORT|587}` is put together from
two. An entry whose setting is missing and has no default is left out: the agent cannot reach it, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from agents.sandbox.egress.target import parse_target

_PLACEHOLDER = re.compile(r"\{([A-Z][A-Z0-9_]*)(?:\|([^{}]*))?\}")
_TEMPLATE = re.compile(rf"{_PLACEHOLDER.pattern}(?::(?:[0-9]{{1,5}}|{_PLACEHOLDER.pattern}))?")
_PORTS = {"https": 443, "http": 80}


def resolve(entries: Iterable[str], settings: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts, each once, in order. Raises ValueError for an entry that names none."""
    resolved: dict[str, None] = {}
    for entry in entries:
        filled = _fill(entry, settings)
        if filled is not None:
            resolved[_host_port(filled, entry)] = None
    return tuple(resolved)


def settings_in(entries: Iterable[str]) -> frozenset[str]:
    """Names of the settings that the entries are templates over."""
    return frozenset(match[1] for entry in entries for match in _PLACEHOLDER.finditer(entry))


def declared(entry: str) -> bool:
    """Whether an entry is well formed, before settings are known."""
    return len(entry) <= 300 and bool(_TEMPLATE.fullmatch(entry) or _is_target(entry))


def _fill(entry: str, settings: Mapping[str, str]) -> str | None:
    missing: list[str] = []

    def put(match: re.Match[str]) -> str:
        value = settings.get(match[1]) or match[2]
        if not value:
            missing.append(match[1])
        return value or ""

    filled = _PLACEHOLDER.sub(put, entry)
    return None if missing else filled


def _host_port(text: str, entry: str) -> str:
    if "://" in text:
        parts = urlsplit(text)
        host = parts.hostname or ""
        text = f"{f'[{host}]' if ':' in host else host}:{parts.port or _PORTS.get(parts.scheme, 0)}"
    try:
        parse_target(text)
    except ValueError as exc:
        raise ValueError(
            f"network entry {entry!r} gives {text!r}, which is not host:port; fix the setting it names"
        ) from exc
    return text.lower()


def _is_target(entry: str) -> bool:
    try:
        parse_target(entry)
    except ValueError:
        return False
    return True
