"""COMMANDCENTER_NATS_CA_FILE -> how connections to NATS are encrypted, and whose certificate is trusted."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import TypedDict

VARIABLE = "COMMANDCENTER_NATS_CA_FILE"


class TlsOptions(TypedDict, total=False):
    """Keywords of `nats.connect`."""

    tls: ssl.SSLContext
    tls_handshake_first: bool


class NatsCaUnusable(ValueError):
    """The file that COMMANDCENTER_NATS_CA_FILE names holds no certificate that can be read."""


def tls_options(environment: Mapping[str, str] = os.environ) -> TlsOptions:
    """Empty where no file is named. Raises NatsCaUnusable."""
    file = environment.get(VARIABLE, "")
    if not file:
        return {}
    try:
        context = ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as exc:
        raise NatsCaUnusable(
            f"{VARIABLE} names {file!r}, which cannot be used: {exc}. Name a file with the certificate of the "
            "authority that signed the server's, as PEM"
        ) from exc
    # Before anything else is said: who stands in between could otherwise tell the client that there is no TLS here.
    return {"tls": context, "tls_handshake_first": True}
