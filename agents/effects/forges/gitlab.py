"""Merge requests on GitLab, by its REST API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx

from agents.effects.forges.forge import Api, ForgeError, PullRequest, State, WantedRequest, person

_STATES: dict[str, State] = {"opened": "open", "merged": "merged"}


class GitLab:
    """One project on GitLab."""

    def __init__(self, api: str, project: str, token: str, *, client: httpx.Client | None = None) -> None:
        self._api = Api(base=api, headers={"PRIVATE-TOKEN": token}, client=client)
        self._at = f"/projects/{quote(project, safe='')}"

    def whoami(self) -> str:
        """The token's owner."""
        return str(self._api.get("/user")["username"])

    def own(self, author: str) -> Iterator[PullRequest]:
        """Their merge requests."""
        query = {"state": "all", "author_username": author, "order_by": "created_at", "sort": "desc"}
        for each in self._api.pages(f"{self._at}/merge_requests", **query):
            if person(each, "author", "username") == author:
                yield _merge_request(each)

    def create(self, wanted: WantedRequest) -> PullRequest:
        """Make it, with labels; reviewers by their ids."""
        base = wanted.base or str(self._api.get(self._at)["default_branch"])
        body: dict[str, Any] = {
            "title": wanted.title,
            "description": wanted.body,
            "source_branch": wanted.branch,
            "target_branch": base,
            "labels": ",".join(name.replace(",", " ") for name in wanted.labels),
        }
        people = [number for name in wanted.reviewers if (number := self._person(name)) is not None]
        if people:
            body["reviewer_ids"] = people
        return _merge_request(self._api.send("POST", f"{self._at}/merge_requests", body=body))

    def update(self, number: int, wanted: WantedRequest) -> PullRequest:
        """Another title and text."""
        body = {"title": wanted.title, "description": wanted.body}
        return _merge_request(self._api.send("PUT", f"{self._at}/merge_requests/{number}", body=body))

    def _person(self, name: str) -> int | None:
        with suppress(ForgeError):
            for each in self._api.get("/users", username=name):
                return int(each["id"])
        return None


def _merge_request(found: dict[str, Any]) -> PullRequest:
    return PullRequest(
        number=int(found["iid"]),
        url=str(found["web_url"]),
        state=_STATES.get(str(found.get("state")), "closed"),
        branch=str(found["source_branch"]),
        commit=str(found.get("sha") or ""),
        body=str(found.get("description") or ""),
        author=person(found, "author", "username"),
    )
