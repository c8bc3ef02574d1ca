"""`COMMANDCENTER_OIDC_…` -> which provider signs people in, and what their groups may do here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter, ValidationError

from operations.provider_sign_in import GroupRoles
from records.people.person import Role
from reliability.plaintext import is_loopback
from reliability.settings import SettingsError

PREFIX = "COMMANDCENTER_OIDC_"
CALLBACK = "/sign-in/oidc/callback"
_Project = Annotated[int, Field(ge=1, lt=2**31)]
_ROLES = TypeAdapter(dict[str, dict[_Project, tuple[Role, ...]]])


class OidcSettingsError(SettingsError):
    """The settings of the provider cannot be used."""


@dataclass(frozen=True, kw_only=True)
class OidcSettings:
    """One provider."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    """None: a public client, which has PKCE alone."""
    redirect_uri: str
    """As it is registered at the provider, exactly."""
    label: str
    """What the button says: "Sign in with …"."""
    scopes: str
    name_claim: str
    groups_claim: str
    rules: GroupRoles
    device: bool
    """Whether terminals may sign in by a code (device flow)."""

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> OidcSettings | None:
        """None where no issuer is set. Raises OidcSettingsError."""
        issuer = environment.get(f"{PREFIX}ISSUER", "").strip()
        if not issuer:
            return None
        _check_url(issuer, f"{PREFIX}ISSUER")
        client = environment.get(f"{PREFIX}CLIENT_ID", "").strip()
        if not client:
            raise OidcSettingsError(f"{PREFIX}ISSUER is set, so {PREFIX}CLIENT_ID must be, too")
        here = environment.get("COMMANDCENTER_API_URL", "").strip().rstrip("/")
        if not here:
            raise OidcSettingsError(
                f"{PREFIX}ISSUER is set, so COMMANDCENTER_API_URL must be, too: the address of this API as browsers "
                f"reach it; register it with {CALLBACK!r} at its end at the provider"
            )
        _check_url(here, "COMMANDCENTER_API_URL")
        return cls(
            issuer=issuer,
            client_id=client,
            client_secret=environment.get(f"{PREFIX}CLIENT_SECRET") or None,
            redirect_uri=here + CALLBACK,
            label=environment.get(f"{PREFIX}LABEL") or urlsplit(issuer).hostname or issuer,
            scopes=environment.get(f"{PREFIX}SCOPES") or "openid profile email groups",
            name_claim=environment.get(f"{PREFIX}NAME_CLAIM") or "preferred_username",
            groups_claim=environment.get(f"{PREFIX}GROUPS_CLAIM") or "groups",
            rules=GroupRoles(
                by_group=_roles(environment.get(f"{PREFIX}ROLES", "")),
                viewed_by_everybody=_projects(environment.get(f"{PREFIX}EVERYBODY_VIEWS", "")),
            ),
            device=environment.get(f"{PREFIX}DEVICE", "yes").strip().lower() == "yes",
        )


def is_safe_url(url: str) -> bool:
    """Whether what is sent there can be read by nobody on the way: https, or this machine."""
    try:
        parts = urlsplit(url)
        name = parts.hostname or ""
    except ValueError:
        return False
    return bool(name) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(name)))


def _check_url(url: str, variable: str) -> None:
    if not is_safe_url(url) or urlsplit(url).query or urlsplit(url).fragment:
        raise OidcSettingsError(
            f"{variable} must be an https:// address (http:// for this machine alone), {url!r:.100} is not"
        )


def _roles(text: str) -> Mapping[str, Mapping[int, tuple[Role, ...]]]:
    if not text.strip():
        return {}
    try:
        return _ROLES.validate_json(text)
    except ValidationError as exc:
        first = exc.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise OidcSettingsError(
            f'{PREFIX}ROLES is not {{"<group>": {{"<project>": ["<role>", …]}}}}: {place or "it"}: {first["msg"]}'
        ) from exc


def _projects(text: str) -> tuple[int, ...]:
    names = [each.strip() for each in text.split(",") if each.strip()]
    wrong = [each for each in names if not (each.isascii() and each.isdigit() and 0 < int(each) < 2**31)]
    if wrong:
        raise OidcSettingsError(f"{PREFIX}EVERYBODY_VIEWS names projects by number, {wrong[0]!r:.40} is none")
    return tuple(int(each) for each in names)
