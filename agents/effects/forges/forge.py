"""What every forge can do with pull requests, and one HTTP request to its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast

import httpx

State = Literal["open", "closed", "merged"]
_TIMEOUT_SECONDS = 30.0
_MAX_ANSWER_BYTES = 20_000_000
MAX_PAGES = 20
PAGE = 50


class ForgeError(Exception):
    """The forge refused; the message says what, and how to fix it."""


class TransientForgeError(ForgeError):
    """The forge did not answer, or is busy: another attempt may succeed."""


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """One pull request (a merge request, on GitLab)."""

    number: int
    url: str
    state: State
    branch: str
    commit: str
    """What its branch ends in."""
    body: str
    author: str


@dataclass(frozen=True, kw_only=True)
class WantedRequest:
    """What a pull request is to say."""

    branch: str
    base: str
    """The branch that it is for; empty: the forge's default branch."""
    title: str
    body: str
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()


class Forge(Protocol):
    """One project on one forge, as the owner of a token sees it."""

    def whoami(self) -> str:
        """The name of the token's owner. Raises ForgeError."""
        ...

    def own(self, author: str) -> Iterator[PullRequest]:
        """The pull requests that `author` made, in whatever state, newest first."""
        ...

    def create(self, wanted: WantedRequest) -> PullRequest:
        """Make it. Raises ForgeError."""
        ...

    def update(self, number: int, wanted: WantedRequest) -> PullRequest:
        """Give it another title and text. Raises ForgeError."""
        ...


@dataclass(kw_only=True)
class Api:
    """JSON requests to one forge. No redirect is followed: the token is for this host alone."""

    base: str
    headers: Mapping[str, str] = field(repr=False)
    client: httpx.Client | None = None

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON."""
        return self.send("GET", path, query=query)

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All objects of a list, page by page, as far as is reasonable."""
        size = "limit" if "limit" in query else "per_page"
        for page in range(1, MAX_PAGES + 1):
            found = cast("list[dict[str, Any]]", self.get(path, **{**query, size: PAGE, "page": page}))
            yield from found
            if len(found) < PAGE:
                return

    def send(self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """Raises ForgeError, and TransientForgeError where another attempt may succeed."""
        client = self.client or httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)
        what = f"{method} {self.base}{path}"
        try:
            answer = client.request(
                method, f"{self.base}{path}", params=query, json=body, headers=dict(self.headers)
            )
        except httpx.HTTPError as exc:
            raise TransientForgeError(f"{what}: no answer: {type(exc).__name__}") from exc
        finally:
            if self.client is None:
                client.close()
        if answer.status_code == 429 or answer.status_code >= 500 or _is_limited(answer):
            raise TransientForgeError(f"{what}: status {answer.status_code}")
        if answer.status_code >= 300:
            raise ForgeError(f"{what}: status {answer.status_code}: {_said(answer)}{_hint(answer.status_code)}")
        if len(answer.content) > _MAX_ANSWER_BYTES:
            raise ForgeError(f"{what}: an answer of {len(answer.content):,} bytes")
        try:
            return answer.json() if answer.content else None
        except ValueError as exc:
            raise ForgeError(f"{what}: the answer is not JSON; is this the address of the API?") from exc


def person(found: dict[str, Any], key: str, name: str) -> str:
    """The name of a person in an answer; empty where there is none."""
    who = found.get(key)
    return str(cast("dict[str, Any]", who).get(name) or "") if isinstance(who, dict) else ""


def _is_limited(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.headers.get("x-ratelimit-remaining") == "0"


def _said(answer: httpx.Response) -> str:
    text = " ".join(answer.text[:400].split())
    return "".join(char for char in text if char.isprintable())


def _hint(status: int) -> str:
    hints = {
        401: "; the secret FORGE_TOKEN is not valid there",
        403: "; the token may not do this: it needs to read and write code and pull requests",
        404: "; the token does not see the project, or the setting FORGE_API_URL is not its API",
    }
    return hints.get(status, "")
