"""A commit of an earlier proposal -> the branch of the remote that it is on, and what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.repository.git import Git, GitError
from agents.repository.proposal import BRANCH


@dataclass(frozen=True, kw_only=True)
class RemoteBranches:
    """The branches of one remote."""

    url: str
    options: tuple[str, ...]
    """For git's other end."""

    def at(self, git: Git, commit: str, *, prefer: str) -> str:
        """The branch that ends in the commit; empty where there is none."""
        listed = git.text("ls-remote", *self.options, self.url, "refs/heads/*")
        names = [line.split("\t", 1)[1] for line in listed.splitlines() if line.startswith(f"{commit}\t")]
        branches = [name.removeprefix("refs/heads/") for name in names]
        plain = [name for name in branches if BRANCH.fullmatch(name)]
        return prefer if prefer in plain else min(plain, default="")

    def fetch_all(self, git: Git, reference: str) -> None:
        """All branches and one more reference, with their history."""
        fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *self.options)
        git.run(*fetch, self.url, "+refs/heads/*:refs/remotes/origin/*", f"+{reference}:refs/earlier")


def holds(git: Git, later: str, earlier: str) -> bool:
    """Whether one fetched commit is in the history of the other."""
    try:
        git.run("merge-base", "--is-ancestor", earlier, later)
    except GitError:
        return False
    return True


def grown_branch(git: Git, commit: str) -> str:
    """A fetched branch that a person has added commits to; empty where there is none."""
    contains = ("for-each-ref", f"--contains={commit}", "--format=%(refname)", "refs/remotes/origin")
    names = (name.removeprefix("refs/remotes/origin/") for name in git.text(*contains).splitlines())
    return min((name for name in names if BRANCH.fullmatch(name)), default="")


def parent_of(git: Git, commit: str) -> str:
    """The commit that a fetched one was made on."""
    found = re.search(r"^parent ([0-9a-f]+)$", git.text("cat-file", "commit", commit), re.MULTILINE)
    return found[1] if found else ""
