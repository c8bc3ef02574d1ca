"""`COMMANDCENTER_TLS_…` -> certificates that our servers show, and the authority that our clients trust."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

CERT_VARIABLE = "COMMANDCENTER_TLS_CERT"
KEY_VARIABLE = "COMMANDCENTER_TLS_KEY"
CA_VARIABLE = "COMMANDCENTER_TLS_CA"
_PREFECTS_CA = "PREFECT_API_SSL_CERT_FILE"


class TlsError(ValueError):
    """A certificate, a key or an authority cannot be used."""


@dataclass(frozen=True, kw_only=True)
class ServerCertificate:
    """Files, as PEM: the certificate with what leads to its authority, and its key."""

    cert: Path
    key: Path

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> ServerCertificate | None:
        """None where none is set. Raises TlsError where it cannot be used, so that nothing is served without it."""
        cert, key = environment.get(CERT_VARIABLE, ""), environment.get(KEY_VARIABLE, "")
        if not cert and not key:
            return None
        if not cert or not key:
            raise TlsError(f"{CERT_VARIABLE} and {KEY_VARIABLE} go together: set both, or neither")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
        except (OSError, ssl.SSLError) as exc:
            raise TlsError(
                f"the certificate {cert!r} with the key {key!r} cannot be used ({exc.strerror or type(exc).__name__}): "
                f"{CERT_VARIABLE} and {KEY_VARIABLE} are PEM files that belong together, the key without a password"
            ) from exc
        return cls(cert=Path(cert), key=Path(key))


def client_context(environment: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """What our clients trust: the system's authorities, or the one that is set, alone. Raises TlsError."""
    ca = environment.get(CA_VARIABLE) or None
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as exc:
        raise TlsError(f"the authority {ca!r} that {CA_VARIABLE} names cannot be used: it is a PEM file") from exc


def certificate_fault(exc: BaseException) -> str | None:
    """Why a server's certificate was refused, and what to do; None where something else is wrong."""
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            reason = seen.verify_message.strip(". ")
            return (
                f"shows a certificate that is refused ({reason}): {CA_VARIABLE} names the file of the authority that "
                "signed it, and it must be valid now and for the host of the address"
            )
        seen = seen.__cause__ or seen.__context__
    return None


def let_prefect_trust_it(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Set the variable that Prefect reads when it is imported; whether it was changed."""
    ca = environment.get(CA_VARIABLE)
    if not ca or environment.get(_PREFECTS_CA):
        return False
    environment[_PREFECTS_CA] = ca
    return True
