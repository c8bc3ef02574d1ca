"""Pull requests on GitHub, by its REST API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import httpx

from agents.effects.forges.forge import Api, ForgeError, PullRequest, WantedRequest, person


class GitHub:
    """One repository on GitHub or GitHub Enterprise."""

    listed: ClassVar[Mapping[str, str | int]] = {"state": "all", "sort": "created", "direction": "desc"}
    """The query that gives all pull requests, the newest first."""

    def __init__(self, api: str, project: str, token: str, *, client: httpx.Client | None = None) -> None:
        self._api = Api(base=api, headers=self.headers(token), client=client)
        self._at = f"/repos/{project}"

    def headers(self, token: str) -> dict[str, str]:
        """What each request carries."""
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def label(self, name: str) -> str | int:
        """How a label is named when it is put on."""
        return name

    def whoami(self) -> str:
        """The token's owner."""
        return str(self._api.get("/user")["login"])

    def own(self, author: str) -> Iterator[PullRequest]:
        """Their pull requests."""
        for each in self._api.pages(f"{self._at}/pulls", **self.listed):
            if person(each, "user", "login") == author:
                yield _pull(each)

    def create(self, wanted: WantedRequest) -> PullRequest:
        """Make it, then ask for labels and reviewers: without those it is there all the same."""
        base = wanted.base or str(self._api.get(self._at)["default_branch"])
        body = {"title": wanted.title, "body": wanted.body, "head": wanted.branch, "base": base}
        made = _pull(self._api.send("POST", f"{self._at}/pulls", body=body))
        if wanted.labels:
            with suppress(ForgeError):
                labels = {"labels": [self.label(name) for name in wanted.labels]}
                self._api.send("POST", f"{self._at}/issues/{made.number}/labels", body=labels)
        if wanted.reviewers:
            with suppress(ForgeError):
                people = {"reviewers": list(wanted.reviewers)}
                self._api.send("POST", f"{self._at}/pulls/{made.number}/requested_reviewers", body=people)
        return made

    def update(self, number: int, wanted: WantedRequest) -> PullRequest:
        """Another title and text."""
        body = {"title": wanted.title, "body": wanted.body}
        return _pull(self._api.send("PATCH", f"{self._at}/pulls/{number}", body=body))


def _pull(found: dict[str, Any]) -> PullRequest:
    merged = bool(found.get("merged_at") or found.get("merged"))
    return PullRequest(
        number=int(found["number"]),
        url=str(found["html_url"]),
        state="merged" if merged else "open" if found.get("state") == "open" else "closed",
        branch=str(found["head"]["ref"]),
        commit=str(found["head"].get("sha") or ""),
        body=str(found.get("body") or ""),
        author=person(found, "user", "login"),
    )
