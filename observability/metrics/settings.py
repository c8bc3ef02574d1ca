"""Environment -> where metrics are served, and who may read them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from observability.metrics.endpoint import split_address


class MetricsSettingsError(ValueError):
    """A variable about metrics has a value that cannot be used."""


@dataclass(frozen=True, kw_only=True)
class MetricsSettings:
    """`COMMANDCENTER_METRICS_ADDRESS` and `COMMANDCENTER_METRICS_TOKEN_FILE`."""

    address: str | None
    """`host:port` of the listener's page; None: it serves none."""
    token: str | None
    """What a reader has to send; None: nothing, and the HTTP API serves no page."""

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> MetricsSettings:
        """Raises MetricsSettingsError, also for a token file that cannot be read: it must not mean `no token`."""
        address = environment.get("COMMANDCENTER_METRICS_ADDRESS") or None
        if address is not None:
            try:
                split_address(address)
            except ValueError as exc:
                raise MetricsSettingsError(f"COMMANDCENTER_METRICS_ADDRESS: {exc}") from exc
        file = environment.get("COMMANDCENTER_METRICS_TOKEN_FILE") or None
        return cls(address=address, token=None if file is None else _token(Path(file)))


def _token(file: Path) -> str:
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not text"
        raise MetricsSettingsError(
            f"COMMANDCENTER_METRICS_TOKEN_FILE: {str(file)!r} cannot be read: {reason}"
        ) from exc
    if len(token) < 16:
        raise MetricsSettingsError(
            f"COMMANDCENTER_METRICS_TOKEN_FILE: the token in {str(file)!r} has fewer than 16 characters; "
            "make one with `openssl rand -hex 32`"
        )
    return token
