"""What would keep a fix from being published is said before somebody is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.effects.branch import doubt_of
from agents.repository.git import Git
from tasks.card_text import plain_part
from tasks.effect_picture import details

NAMED = {"user.name": "Ann", "user.email": "ann@example.org"}


def commit(folder: Path, message: str) -> str:
    git = Git(folder=folder, config=tuple(f"{name}={text}" for name, text in NAMED.items()))
    git.run("commit", "--quiet", "--allow-empty", "-m", message)
    return git.text("rev-parse", "HEAD")


def test_a_commit_that_is_not_in_the_remote_is_told_and_one_that_is_pushed_is_not(shop: Any) -> None:
    pushed = Git(folder=shop.path).text("rev-parse", "HEAD")
    own = commit(shop.path, "only here")
    request = {"repository": str(shop.path), "remote": str(shop.remote)}
    assert doubt_of({**request, "baseCommit": pushed}) == ""
    told = doubt_of({**request, "baseCommit": own})
    assert told == f"commit {own[:12]} is on no branch of the remote: push it there, or this will fail"
    Git(folder=shop.path, protocols="file").run("push", "--quiet", "origin", "HEAD")
    assert doubt_of({**request, "baseCommit": own}) == ""


def test_of_a_remote_elsewhere_it_is_said_as_far_as_it_is_known(shop: Any) -> None:
    request = {"repository": str(shop.path), "remote": "https://forge.example/shop.git"}
    own = commit(shop.path, "only here")
    assert "as far as the repository knows" in doubt_of({**request, "baseCommit": own})
    Git(folder=shop.path).run("update-ref", "refs/remotes/origin/main", own)
    assert doubt_of({**request, "baseCommit": own}) == ""


def test_the_card_says_it_in_words_and_not_as_the_agents() -> None:
    request = {"repository": "/shop", "baseCommit": "4f2a9c", "patch": "", "commitMessage": "Fix"}
    facts = {"doubt": "commit 4f2a9c is on no branch of the remote\n# hostile"}
    said = "\n".join(map(plain_part, details({"effect": "publish-branch", "request": request, "facts": facts})))
    assert "As things are, it cannot be done: commit 4f2a9c is on no branch of the remote" in said
    assert "What the agent says" not in said
    assert "\n# hostile" not in said
