"""An approved patch -> its branch, and a pull request on the forge of the remote; over days the same one.

It is found again by its fingerprint among those that the token's owner has made. An open one is brought up to date,
unless a person has added to its branch. One that a person closed is neither opened again nor made anew.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agents.effects.effect import EffectContext, EffectError, Request, TransientEffectError
from agents.effects.forges import Forge, ForgeError, ForgeSite, PullRequest, TransientForgeError, WantedRequest
from agents.effects.hosts import require_host
from agents.effects.pull_request_text import mark_in, marked
from agents.repository.proposal import PublishError, fingerprint
from agents.repository.publish import publish_branch

TOKEN = "FORGE_TOKEN"
_PORTS = {"http": 80, "https": 443}


async def open_pull_request(request: Request, context: EffectContext) -> dict[str, Any]:
    """Push it and ask for it to be merged; done once, also over attempts and days. Raises EffectError."""
    token = context.secrets.get(TOKEN)
    if not token:
        raise EffectError(f"a pull request needs the secret {TOKEN!r}: store a token that may push and open them")
    site = ForgeSite(**request["forge"])
    parts = urlsplit(site.api)
    port = parts.port or _PORTS.get(parts.scheme, 443)
    await asyncio.to_thread(require_host, parts.hostname or "", port, context.hosts)
    work = _Work(request=request, context=context, token=token, forge=site.open(token))
    try:
        return await work.run()
    except TransientForgeError as exc:
        raise TransientEffectError(str(exc)) from exc
    except ForgeError as exc:
        raise EffectError(str(exc)) from exc
    except PublishError as exc:
        raise EffectError(str(exc)) from exc


@dataclass(frozen=True, kw_only=True)
class _Work:
    request: Request
    context: EffectContext
    token: str
    forge: Forge

    async def run(self) -> dict[str, Any]:
        mine = await asyncio.to_thread(self._mine)
        same = _first(mine, 0, fingerprint(self.request["patch"]))
        if same is not None:
            return await self._stands(same)
        like = _first(mine, 1, self.request["findings"])
        if like is not None and like.state == "closed":
            return self._closed(like)
        if like is not None and like.commit != (mark_in(like.body) or ("", "", ""))[2]:
            self.context.log.info("pull request %d has commits of a person: it is left as it is", like.number)
            return self._output(like, like.commit)
        made = await self._push(like)
        wanted = self._wanted(made["branch"], made["commit"])
        if like is not None:
            pull = await asyncio.to_thread(self.forge.update, like.number, wanted)
            return self._output(pull, made["commit"])
        # One that an attempt made which ended before it was on record.
        again = next((each for each in mine if each.branch == made["branch"] and each.state == "open"), None)
        if again is not None:
            pull = await asyncio.to_thread(self.forge.update, again.number, wanted)
        else:
            pull = await asyncio.to_thread(self.forge.create, wanted)
        self.context.log.info("pull request %d: %s", pull.number, pull.url)
        return self._output(pull, made["commit"])

    def _mine(self) -> list[PullRequest]:
        return [each for each in self.forge.own(self.forge.whoami()) if each.state != "merged"]

    async def _stands(self, pull: PullRequest) -> dict[str, Any]:
        """The same patch: only its text is brought up to date."""
        if pull.state == "closed":
            return self._closed(pull)
        mark = mark_in(pull.body)
        commit = mark[2] if mark else pull.commit
        updated = await asyncio.to_thread(self.forge.update, pull.number, self._wanted(pull.branch, commit))
        return self._output(updated, pull.commit or commit)

    def _closed(self, pull: PullRequest) -> dict[str, Any]:
        self.context.log.warning(
            "pull request %d for the same was closed by a person: it is not made again", pull.number
        )
        return self._output(pull, pull.commit)

    async def _push(self, like: PullRequest | None) -> dict[str, Any]:
        request = self.request if like is None else {**self.request, "branch": like.branch}
        return await publish_branch(
            request,
            repository=Path(request["repository"]),
            idempotency_key=self.context.key,
            allowed_roots=self.context.repository_roots,
            remote=request["remote"],
            allowed_hosts=git_hosts(self.context.hosts),
            token=self.token,
            replaces="" if like is None else like.commit,
        )

    def _wanted(self, branch: str, commit: str) -> WantedRequest:
        request = self.request
        body = marked(
            request["body"], patch=fingerprint(request["patch"]), findings=request["findings"], commit=commit
        )
        return WantedRequest(
            branch=branch,
            base=request["base"],
            title=request["title"],
            body=body,
            labels=tuple(request["labels"]),
            reviewers=tuple(request["reviewers"]),
        )

    def _output(self, pull: PullRequest, commit: str) -> dict[str, Any]:
        return {
            "branch": pull.branch,
            "baseCommit": self.request["baseCommit"],
            "prNumber": pull.number,
            "prUrl": pull.url,
            "commit": commit,
        }


def git_hosts(hosts: Any) -> list[str]:
    """Hosts of a node's network list, as git's remotes name them."""
    return [str(each).rpartition(":")[0].strip("[]") for each in hosts]


def _first(pulls: list[PullRequest], which: int, wanted: str) -> PullRequest | None:
    """The open one where there is one, else the newest."""
    found = [each for each in pulls if (mark := mark_in(each.body)) is not None and mark[which] == wanted]
    return next((each for each in found if each.state == "open"), found[0] if found else None)
