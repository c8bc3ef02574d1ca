"""Requests over HTTP: who asks, what is refused, and the stream of changes."""

from __future__ import annotations

import json as json_text
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import httpx


class ApiProblem(Exception):
    """The API refused. `status`, `detail` and further members are those of the problem (RFC 9457)."""

    def __init__(self, status: int, detail: str, members: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.members = members


class NoAnswer(Exception):
    """Nothing answered at the address, or the connection broke."""


class Connection:
    """One address of the API, for one person. Not to be shared between threads that close it.

    ValueError: the token is empty, or cannot be sent in a header.
    """

    def __init__(self, address: str, *, token: str, project: int | None = None, seconds: float = 30.0) -> None:
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError(
                "the token is empty or has a character that no token has: `commandcenter tokens add` makes one"
            )
        headers = {"Authorization": f"Bearer {token}"} | ({"X-Project": str(project)} if project else {})
        self._http = httpx.Client(base_url=address.rstrip("/"), headers=headers, timeout=seconds)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        text: str | None = None,
        binary: bool = False,
    ) -> Any:
        """The answer's JSON, None where it has none; its bytes where `binary`. Raises ApiProblem and NoAnswer."""
        with _answered():
            answer = self._http.request(
                method,
                path,
                params=_given(query),
                headers=_given(headers),
                json=json,
                content=None if text is None else text.encode(),
            )
        if not answer.is_success:
            raise _problem(answer)
        if binary:
            return answer.content
        return answer.json() if answer.content else None

    @contextmanager
    def changes(self, *, after: str | None = None) -> Generator[Generator[dict[str, Any]]]:
        """The stream of what changes: `type`, `id`, `runId`, and `cursor` for `after`. Raises ApiProblem, NoAnswer."""
        headers = {"Last-Event-ID": after} if after else {}
        # A comment comes at least every 15 seconds.
        with _answered(), self._http.stream("GET", "/stream", headers=headers, timeout=60) as answer:
            if not answer.is_success:
                answer.read()
                raise _problem(answer)
            yield _events(answer)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()


def _events(answer: httpx.Response) -> Generator[dict[str, Any]]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif not line and "data" in fields:
            yield {**json_text.loads(fields["data"]), "cursor": fields.get("id")}
            fields = {}


def _given(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if value is not None}


def _problem(answer: httpx.Response) -> ApiProblem:
    try:
        body: object = answer.json()
    except ValueError:
        body = None
    members = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    return ApiProblem(answer.status_code, str(members.get("detail") or answer.reason_phrase), members)


@contextmanager
def _answered() -> Generator[None]:
    try:
        yield
    except httpx.TransportError as exc:
        raise NoAnswer(f"no answer ({type(exc).__name__}: {exc})") from exc
