"""An OpenID provider: its endpoints and keys; codes in, checked identities out.

What the provider's servers say comes over TLS, and still nothing of it is trusted further than the specification asks:
the identity token's signature, issuer, audience, times and nonce are checked here, and texts of its errors go nowhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlencode

import httpx
from authlib.oauth2 import rfc7636  # pyright: ignore[reportMissingTypeStubs]
from authlib.oidc.core import CodeIDToken  # pyright: ignore[reportMissingTypeStubs]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.oidc.settings import OidcSettings, is_safe_url
from operations.provider_sign_in import KnownToProvider

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Signatures that a provider alone can make: neither `none` nor those with a shared secret."""
LEEWAY_SECONDS = 60
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SECONDS = 10.0
_MAX_BYTES = 1024 * 1024
_METADATA_SECONDS = 3600.0
_KEYS_AGAIN_SECONDS = 30.0
_MAX_GROUPS = 1_000


class ProviderError(Exception):
    """The provider does not answer, or what it answers is not in order. The text is for the log."""


class Denied(ProviderError):
    """The provider refuses: the code is used or expired, or the person has said no."""


class Pending(ProviderError):
    """Nobody has entered the device's code yet. `slow_down`: ask less often."""

    def __init__(self, *, slow_down: bool) -> None:
        super().__init__("the person has not signed in yet")
        self.slow_down = slow_down


class Provider:
    """The provider of the settings, asked when it is needed."""

    def __init__(self, settings: OidcSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.settings = settings
        self._transport = transport
        self._lock = asyncio.Lock()
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    @classmethod
    def load(cls) -> Provider | None:
        """The one that the environment names, if it does. Raises OidcSettingsError."""
        settings = OidcSettings.load()
        return None if settings is None else cls(settings)

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent. Raises ProviderError."""
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": self.settings.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": str(cast("Any", rfc7636).create_s256_code_challenge(verifier)),
            "code_challenge_method": "S256",
        }
        endpoint = await self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def check_issuer(self, named: str | None) -> None:
        """RFC 9207: the answer that a browser brings must be of this provider, not of another one mixed up with it."""
        promised = (await self.metadata()).get("authorization_response_iss_parameter_supported") is True
        if (named is None and promised) or (named is not None and named != self.settings.issuer):
            raise ProviderError("the answer is of another issuer")

    async def by_code(self, code: str, *, verifier: str, nonce: str) -> KnownToProvider:
        """Who that code is for. Raises Denied and ProviderError."""
        answer = await self._token(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.settings.redirect_uri,
                "code_verifier": verifier,
            }
        )
        return await self._known(answer, nonce=nonce)

    async def begin_device(self) -> Mapping[str, Any]:
        """RFC 8628: a code for a terminal. Raises ProviderError."""
        endpoint = await self._endpoint("device_authorization_endpoint")
        status, answer = await self._post(endpoint, {"scope": self.settings.scopes})
        if status != HTTPStatus.OK or not isinstance(answer.get("device_code"), str):
            raise ProviderError(f"no code for a device: status {status}")
        return answer

    async def by_device(self, device_code: str) -> KnownToProvider:
        """Who has entered the code. Raises Pending, Denied and ProviderError."""
        return await self._known(await self._token({"grant_type": DEVICE_GRANT, "device_code": device_code}))

    async def metadata(self) -> Mapping[str, Any]:
        """What the provider says about itself. Raises ProviderError."""
        async with self._lock:
            if self._metadata is None or time.monotonic() - self._metadata[0] > _METADATA_SECONDS:
                where = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
                found = await self._get(where)
                if found.get("issuer") != self.settings.issuer:
                    raise ProviderError("its metadata names another issuer")
                self._metadata = (time.monotonic(), found)
            return self._metadata[1]

    async def identity(
        self, id_token: str, *, nonce: str | None = None, access_token: str | None = None
    ) -> Mapping[str, Any]:
        """The claims of an identity token that is in order. Raises ProviderError."""
        try:
            token = jwt.decode(id_token, await self._key_set(), algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError):
            # A key that was changed meanwhile; asked for seldom enough.
            try:
                token = jwt.decode(id_token, await self._key_set(again=True), algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError) as exc:
                raise ProviderError(
                    f"the identity token's signature is not in order ({type(exc).__name__})"
                ) from exc
        expected = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": self.settings.client_id},
            "sub": {"essential": True},
        }
        parameters = {"nonce": nonce, "client_id": self.settings.client_id, "access_token": access_token}
        claims = cast("Any", CodeIDToken)(token.claims, token.header, expected, parameters)
        try:
            claims.validate(now=int(time.time()), leeway=LEEWAY_SECONDS)
        except Exception as exc:  # the library's own errors, and those of claims of a wrong type
            raise ProviderError(f"the identity token is not in order ({type(exc).__name__}: {exc})") from exc
        audience: Any = token.claims.get("aud")
        if audience not in (self.settings.client_id, [self.settings.client_id]):
            raise ProviderError("the identity token is for others as well")
        return token.claims

    async def _known(self, answer: Mapping[str, Any], *, nonce: str | None = None) -> KnownToProvider:
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(id_token, str):
            raise ProviderError("there is no identity token")
        access = access_token if isinstance(access_token, str) else None
        claims = await self.identity(id_token, nonce=nonce, access_token=access)
        subject = claims["sub"]
        more: Mapping[str, Any] = {}
        if access is not None and not {self.settings.name_claim, self.settings.groups_claim} <= claims.keys():
            more = await self._user_info(access, subject)
        found = {**more, **claims}
        return KnownToProvider(
            issuer=self.settings.issuer,
            subject=str(subject),
            name=self._name(found),
            groups=_texts(found.get(self.settings.groups_claim)),
        )

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self.settings.name_claim)
        if self.settings.name_claim == "email" and claims.get("email_verified") is not True:
            name = None
        if not isinstance(name, str) or not name.strip():
            raise ProviderError(f"there is no {self.settings.name_claim!r}, which names people here")
        return name

    async def _user_info(self, access_token: str, subject: object) -> Mapping[str, Any]:
        if "userinfo_endpoint" not in await self.metadata():
            return {}
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        found = await self._get(await self._endpoint("userinfo_endpoint"), headers)
        if found.get("sub") != subject:
            raise ProviderError("what it says about the person is about another one")
        return found

    async def _token(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        status, answer = await self._post(await self._endpoint("token_endpoint"), form)
        if status == HTTPStatus.OK:
            return answer
        error = answer.get("error")
        if error in ("authorization_pending", "slow_down"):
            raise Pending(slow_down=error == "slow_down")
        if error in ("invalid_grant", "access_denied", "expired_token"):
            raise Denied(f"it refuses the code ({error})")
        raise ProviderError(f"it gives no token: status {status}")

    async def _key_set(self, *, again: bool = False) -> KeySet:
        async with self._lock:
            age = None if self._keys is None else time.monotonic() - self._keys[0]
            if self._keys is not None and age is not None and (not again or age < _KEYS_AGAIN_SECONDS):
                return self._keys[1]
        found = await self._get(await self._endpoint("jwks_uri"))
        try:
            keys = KeySet.import_key_set(cast("Any", found))
        except (JoseError, ValueError, TypeError, KeyError) as exc:
            raise ProviderError(f"its keys cannot be read ({type(exc).__name__})") from exc
        self._keys = (time.monotonic(), keys)
        return keys

    async def _endpoint(self, name: str) -> str:
        url = (await self.metadata()).get(name)
        if not isinstance(url, str) or not is_safe_url(url):
            raise ProviderError(f"its {name} is missing, or no https address")
        return url

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        status, answer = await self._send("GET", url, headers=headers)
        if status != HTTPStatus.OK:
            raise ProviderError(f"{url!r:.200} answers with status {status}")
        return answer

    async def _post(self, url: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        if self.settings.client_secret is None:
            return await self._send("POST", url, form={**form, "client_id": self.settings.client_id})
        # RFC 6749, 2.3.1: both are encoded as in a form before they are joined.
        basic = httpx.BasicAuth(
            quote(self.settings.client_id, safe=""), quote(self.settings.client_secret, safe="")
        )
        return await self._send("POST", url, form=form, auth=basic)

    async def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object, `{}` where there is none. Redirects are not followed: a secret may be sent."""
        try:
            async with (
                asyncio.timeout(_SECONDS),
                httpx.AsyncClient(timeout=_SECONDS, transport=self._transport) as client,
                client.stream(method, url, headers=headers, data=form, auth=auth) as response,
            ):
                raw = bytearray()
                async for piece in response.aiter_bytes():
                    raw += piece
                    if len(raw) > _MAX_BYTES:
                        raise ProviderError(f"{url!r:.200} answers with more than {_MAX_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as exc:
            raise ProviderError(f"{url!r:.200} does not answer ({type(exc).__name__})") from exc
        try:
            found: Any = json.loads(raw)
        except (ValueError, RecursionError):
            found = {}
        return response.status_code, cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _texts(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        return ()
    return tuple(each for each in cast("list[Any]", value)[:_MAX_GROUPS] if isinstance(each, str))
