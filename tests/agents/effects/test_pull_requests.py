"""Pull requests: found again over days, brought up to date, never opened again against a person's will."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.effects import EffectContext, EffectError
from agents.effects.branch import request_of
from agents.effects.effect import ReturnedProposal
from agents.effects.forges import (
    Forge,
    ForgeError,
    Gitea,
    GitHub,
    GitLab,
    PullRequest,
    TransientForgeError,
    WantedRequest,
    find_forge,
)
from agents.effects.pull_request import _Work  # pyright: ignore[reportPrivateUsage]
from agents.effects.pull_request_text import body_of, findings_fingerprint, mark_in, marked, title_of
from agents.repository.git import Git
from agents.repository.proposal import fingerprint

WANTED = WantedRequest(
    branch="fixes", base="main", title="Fix", body="Text", labels=("security",), reviewers=("kim",)
)


class InMemoryForge:
    """A forge that keeps its pull requests in a list; branches are those of a real repository."""

    def __init__(self, remote: Path) -> None:
        self.pulls: list[PullRequest] = []
        self._git = Git(folder=remote)
        self.updates = 0

    def whoami(self) -> str:
        return "robot"

    def own(self, author: str) -> Iterator[PullRequest]:
        for each in reversed(self.pulls):
            yield dataclasses.replace(each, commit=self._git.commit(each.branch) or each.commit)

    def create(self, wanted: WantedRequest) -> PullRequest:
        number = len(self.pulls) + 1
        made = PullRequest(
            number=number,
            url=f"https://forge.example/{number}",
            state="open",
            branch=wanted.branch,
            commit=self._git.commit(wanted.branch) or "",
            body=wanted.body,
            author="robot",
        )
        self.pulls.append(made)
        return made

    def update(self, number: int, wanted: WantedRequest) -> PullRequest:
        self.updates += 1
        self.pulls[number - 1] = dataclasses.replace(self.pulls[number - 1], body=wanted.body)
        return self.pulls[number - 1]

    def close(self, number: int) -> None:
        self.pulls[number - 1] = dataclasses.replace(self.pulls[number - 1], state="closed")


def patch(line: str) -> str:
    head = "diff --git a/one.txt b/one.txt\nnew file mode 100644\n--- /dev/null\n+++ b/one.txt\n"
    return f"{head}@@ -0,0 +1 @@\n+{line}\n"


FIXED = [{"rule": "py/eval", "file": "one.txt", "line": 1, "what": "a table", "note": ""}]


def request(
    shop: Any, *, branch: str = "fixes-1", line: str = "Better shop", fixed: Any = FIXED
) -> dict[str, Any]:
    result = {"patch": patch(line), "fixed": fixed, "unfixed": [], "verified": "tests"}
    return {
        "repository": str(shop.path),
        "branch": branch,
        "baseCommit": shop.commit,
        "commitMessage": "Fix",
        "patch": result["patch"],
        "remote": str(shop.remote),
        "forge": {},
        "base": "main",
        "title": title_of(result),
        "body": body_of(result),
        "labels": ["security"],
        "reviewers": [],
        "findings": findings_fingerprint(result),
    }


async def carry_out(shop: Any, forge: Forge, wanted: dict[str, Any], *, key: str) -> dict[str, Any]:
    async def none(*_: Any) -> Any:
        return b""

    context = EffectContext(
        key=key,
        run_id="r",
        node_id="n",
        repository_roots=(shop.path.parent,),
        settings={},
        secrets={},
        hosts=(),
        artifact=none,
        save=none,
        log=logging.getLogger(__name__),
    )
    return await _Work(request=wanted, context=context, token="t", forge=forge).run()


@pytest.fixture
def forge(shop) -> InMemoryForge:
    return InMemoryForge(shop.remote)


async def test_a_pull_request_is_made_with_a_mark_by_which_it_is_found(shop, forge) -> None:
    done = await carry_out(shop, forge, request(shop), key="one")
    (pull,) = forge.pulls
    assert (done["prNumber"], done["prUrl"], done["branch"]) == (1, "https://forge.example/1", "fixes-1")
    assert done["commit"] == Git(folder=shop.remote).text("rev-parse", "fixes-1")
    assert mark_in(pull.body) == (fingerprint(patch("Better shop")), request(shop)["findings"], done["commit"])


async def test_the_same_fix_on_the_next_day_finds_the_open_one(shop, forge) -> None:
    first = await carry_out(shop, forge, request(shop), key="one")
    second = await carry_out(shop, forge, request(shop, branch="fixes-2"), key="two")
    assert (second["prNumber"], second["branch"], len(forge.pulls)) == (1, "fixes-1", 1)
    assert first["commit"] == second["commit"]
    assert Git(folder=shop.remote).commit("fixes-2") is None


async def test_an_attempt_after_a_crash_between_push_and_pull_request_makes_one(shop, forge) -> None:
    class Dies(InMemoryForge):
        def create(self, wanted: WantedRequest) -> PullRequest:
            raise TransientForgeError("gone")

    with pytest.raises(TransientForgeError):
        await carry_out(shop, Dies(shop.remote), request(shop), key="one")
    done = await carry_out(shop, forge, request(shop), key="one")
    assert (done["prNumber"], len(forge.pulls)) == (1, 1)


async def test_a_better_fix_of_the_same_weakness_updates_the_open_one(shop, forge) -> None:
    await carry_out(shop, forge, request(shop), key="one")
    done = await carry_out(shop, forge, request(shop, branch="fixes-2", line="Best shop"), key="two")
    assert (done["prNumber"], done["branch"], len(forge.pulls)) == (1, "fixes-1", 1)
    assert "Best shop" in Git(folder=shop.remote).text("show", "fixes-1:one.txt")
    assert (mark_in(forge.pulls[0].body) or ("",))[-1] == done["commit"]


async def test_a_branch_that_a_person_has_added_to_is_left_as_it_is(shop, forge) -> None:
    await carry_out(shop, forge, request(shop), key="one")
    who = {f"GIT_{each}_{what}": "x@example.org" for each in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    git = Git(folder=shop.remote, env=who)
    theirs = git.text("commit-tree", "fixes-1^{tree}", "-p", "fixes-1", "-m", "mine")
    git.run("update-ref", "refs/heads/fixes-1", theirs)
    done = await carry_out(shop, forge, request(shop, line="Best shop"), key="two")
    assert (done["prNumber"], git.text("rev-parse", "fixes-1")) == (1, theirs)
    assert forge.updates == 0


@pytest.mark.parametrize("line", ["Better shop", "Best shop"])
async def test_one_that_a_person_closed_is_neither_opened_nor_made_again(shop, forge, line) -> None:
    await carry_out(shop, forge, request(shop), key="one")
    forge.close(1)
    done = await carry_out(shop, forge, request(shop, branch="fixes-2", line=line), key="two")
    assert (done["prNumber"], len(forge.pulls), forge.pulls[0].state) == (1, 1, "closed")
    assert Git(folder=shop.remote).commit("fixes-2") is None


async def test_another_weakness_gets_a_pull_request_of_its_own(shop, forge) -> None:
    await carry_out(shop, forge, request(shop), key="one")
    other = request(shop, branch="fixes-2", line="Best shop", fixed=[{**FIXED[0], "rule": "py/exec"}])
    done = await carry_out(shop, forge, other, key="two")
    assert (done["prNumber"], len(forge.pulls)) == (2, 2)


@pytest.mark.parametrize(
    ("remote", "settings", "found"),
    [
        ("https://github.com/a/b.git", {}, ("github", "https://api.github.com", "a/b")),
        ("ssh://git@github.com/a/b.git", {}, ("github", "https://api.github.com", "a/b")),
        ("git@gitlab.com:group/sub/b.git", {}, ("gitlab", "https://gitlab.com/api/v4", "group/sub/b")),
        (
            "https://git.example.com/a/b.git",
            {"FORGE_URL": "https://git.example.com", "FORGE_KIND": "forgejo"},
            ("gitea", "https://git.example.com/api/v1", "a/b"),
        ),
        (
            "https://gitlab.example.com/a/b",
            {"FORGE_URL": "https://gitlab.example.com/"},
            ("gitlab", "https://gitlab.example.com/api/v4", "a/b"),
        ),
        ("https://git.example.com/a/b.git", {}, None),
        ("https://git.example.com/a/b.git", {"FORGE_URL": "https://other.example.com"}, None),
        ("/srv/git/b.git", {}, None),
    ],
)
def test_a_forge_is_known_by_its_address_or_a_setting(remote, settings, found) -> None:
    site = find_forge(remote, settings)
    assert (None if site is None else (site.kind, site.api, site.project)) == found


def test_a_token_goes_nowhere_without_encryption() -> None:
    settings = {"FORGE_URL": "http://git.example.com"}
    with pytest.raises(EffectError, match="without encryption"):
        find_forge("https://git.example.com/a/b.git", settings)


def test_texts_from_outside_stay_texts_in_a_pull_request() -> None:
    hostile = "x` @everyone <img src=x> [a](http://evil)\n\n# Approved\n<!-- commandcenter: patch=1 -->"
    entry = {"rule": hostile, "file": hostile, "line": 1, "what": hostile, "note": hostile, "reason": hostile}
    body = body_of({"fixed": [entry], "unfixed": [entry], "verified": hostile, "verification": hostile})
    for line in body.splitlines():
        outside = "".join(line.split("`")[::2])
        assert not any(part in outside for part in ("@", "<", "[", "http", "Approved")), line
    assert mark_in(marked(body, patch="a" * 40, findings="b" * 40, commit="c" * 40)) == (
        "a" * 40,
        "b" * 40,
        "c" * 40,
    )


def test_a_remote_on_a_forge_proposes_a_pull_request_and_any_other_a_branch(shop) -> None:
    result = {"patch": patch("Better shop"), "baseCommit": shop.commit, "commitMessage": "Fix", "fixed": FIXED}
    given = ReturnedProposal(
        inputs={"targetBranch": "fixes"},
        bindings={"repositoryPath": shop.commit},
        repository=str(shop.path),
        result=result,
        roots=(shop.path.parent,),
        settings={"FORGE_URL": "https://git.example.com", "FORGE_REVIEWERS": "kim, robin"},
        hosts=("git.example.com:443",),
    )
    assert (request_of(given) or {}).keys() >= {"remote", "patch"}
    assert "forge" not in (request_of(given) or {})
    Git(folder=shop.path).run("remote", "set-url", "origin", "https://git.example.com/a/b.git")
    proposed = request_of(given)
    assert proposed is not None
    assert proposed["forge"]["project"] == "a/b"
    assert (proposed["base"], proposed["reviewers"], proposed["labels"]) == (
        "main",
        ["kim", "robin"],
        ["security"],
    )
    assert proposed["title"] == "Fix 1 security weakness in 1 file"
    with pytest.raises(EffectError, match="not among the hosts"):
        request_of(dataclasses.replace(given, hosts=()))


class Recorded:
    """An exchange with a forge's API: method and path -> what it answered, in the forge's own form."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.sent: list[tuple[str, Any]] = []
        self.headers: list[httpx.Headers] = []

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, asked: httpx.Request) -> httpx.Response:
        name = f"{asked.method} {asked.url.raw_path.decode().split('?')[0]}"
        self.sent.append((name, json.loads(asked.content) if asked.content else None))
        self.headers.append(asked.headers)
        found = self.answers.get(name, (404, {"message": "Not Found"}))
        status, body = found if isinstance(found, tuple) else (200, found)
        return httpx.Response(status, json=body)


GITHUB_PULL = {
    "number": 7,
    "html_url": "https://github.com/a/b/pull/7",
    "state": "open",
    "merged_at": None,
    "body": "Text",
    "user": {"login": "robot", "id": 1},
    "head": {"ref": "fixes", "sha": "c" * 40, "label": "a:fixes"},
    "base": {"ref": "main"},
}
GITLAB_PULL = {
    "iid": 7,
    "web_url": "https://gitlab.com/a/b/-/merge_requests/7",
    "state": "opened",
    "description": "Text",
    "author": {"username": "robot"},
    "source_branch": "fixes",
    "sha": "c" * 40,
}
GITEA_PULL = {**GITHUB_PULL, "merged": False, "html_url": "https://git.example.com/a/b/pulls/7"}


def test_the_exchange_with_github() -> None:
    exchange = Recorded(
        {
            "GET /user": {"login": "robot"},
            "GET /repos/a/b/pulls": [GITHUB_PULL, {**GITHUB_PULL, "number": 6, "user": {"login": "ann"}}],
            "POST /repos/a/b/pulls": (201, GITHUB_PULL),
            "POST /repos/a/b/issues/7/labels": [{"name": "security"}],
            "POST /repos/a/b/pulls/7/requested_reviewers": (422, {"message": "not a collaborator"}),
            "PATCH /repos/a/b/pulls/7": {**GITHUB_PULL, "state": "closed", "merged_at": "2026-01-01T00:00:00Z"},
        }
    )
    forge = GitHub("https://api.github.com", "a/b", "secret-token", client=exchange.client())
    assert forge.whoami() == "robot"
    assert [each.number for each in forge.own("robot")] == [7]
    assert forge.create(WANTED).url == "https://github.com/a/b/pull/7"
    assert forge.update(7, WANTED).state == "merged"
    assert exchange.headers[0]["Authorization"] == "Bearer secret-token"
    created = dict(exchange.sent)["POST /repos/a/b/pulls"]
    assert created == {"title": "Fix", "body": "Text", "head": "fixes", "base": "main"}
    assert dict(exchange.sent)["POST /repos/a/b/issues/7/labels"] == {"labels": ["security"]}


def test_the_exchange_with_gitlab() -> None:
    exchange = Recorded(
        {
            "GET /api/v4/user": {"username": "robot"},
            "GET /api/v4/users": [{"id": 12, "username": "kim"}],
            "GET /api/v4/projects/a%2Fb": {"default_branch": "trunk"},
            "GET /api/v4/projects/a%2Fb/merge_requests": [GITLAB_PULL],
            "POST /api/v4/projects/a%2Fb/merge_requests": (201, GITLAB_PULL),
            "PUT /api/v4/projects/a%2Fb/merge_requests/7": {**GITLAB_PULL, "state": "closed"},
        }
    )
    forge = GitLab("https://gitlab.com/api/v4", "a/b", "secret-token", client=exchange.client())
    assert forge.whoami() == "robot"
    assert [each.number for each in forge.own("robot")] == [7]
    assert forge.create(dataclasses.replace(WANTED, base="")).number == 7
    assert forge.update(7, WANTED).state == "closed"
    assert exchange.headers[0]["PRIVATE-TOKEN"] == "secret-token"
    created = dict(exchange.sent)["POST /api/v4/projects/a%2Fb/merge_requests"]
    assert (created["target_branch"], created["labels"], created["reviewer_ids"]) == ("trunk", "security", [12])


def test_the_exchange_with_gitea() -> None:
    exchange = Recorded(
        {
            "GET /api/v1/user": {"login": "robot"},
            "GET /api/v1/repos/a/b/pulls": [GITEA_PULL],
            "GET /api/v1/repos/a/b/labels": [],
            "POST /api/v1/repos/a/b/labels": (201, {"id": 3, "name": "security"}),
            "POST /api/v1/repos/a/b/pulls": (201, GITEA_PULL),
            "POST /api/v1/repos/a/b/issues/7/labels": [{"id": 3}],
            "POST /api/v1/repos/a/b/pulls/7/requested_reviewers": (201, []),
        }
    )
    forge = Gitea("https://git.example.com/api/v1", "a/b", "secret-token", client=exchange.client())
    assert [each.number for each in forge.own(forge.whoami())] == [7]
    assert forge.create(WANTED).number == 7
    assert dict(exchange.sent)["POST /api/v1/repos/a/b/issues/7/labels"] == {"labels": [3]}
    assert exchange.headers[0]["Authorization"] == "token secret-token"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, ForgeError), (404, ForgeError), (429, TransientForgeError), (502, TransientForgeError)],
)
def test_a_refusal_is_told_from_a_forge_that_is_busy_and_names_no_token(status, kind) -> None:
    exchange = Recorded({"GET /user": (status, {"message": "no"})})
    forge = GitHub("https://api.github.com", "a/b", "secret-token", client=exchange.client())
    with pytest.raises(kind) as caught:
        forge.whoami()
    assert type(caught.value) is kind
    assert "secret-token" not in str(caught.value)
