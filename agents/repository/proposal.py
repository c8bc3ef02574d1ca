"""An agent's result -> the proposal in it, checked as far as that goes without the repository."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.repository.git import COMMIT
from agents.repository.published_patch import PatchedFile, read_patch

BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
_MAX_BRANCH = 200
_NOT_IN_BRANCHES = ("..", "//", "/.", "./", ".lock", "@{")
_MAX_MESSAGE = 20_000


class PublishError(Exception):
    """The branch was not published; the message says why and how to fix it."""


@dataclass(frozen=True, kw_only=True)
class BranchProposal:
    """What the agent proposed, checked as far as that goes without the repository."""

    branch: str
    base_commit: str
    message: str
    patch: str
    files: tuple[PatchedFile, ...]


def read_proposal(result: Mapping[str, Any]) -> BranchProposal:
    """Check names, hashes and the patch. Raises PublishError or PatchRefusedError."""
    branch, base = str(result.get("branch", "")), str(result.get("baseCommit", ""))
    if why := _why_no_branch(branch):
        raise PublishError(f"branch name {branch[:200]!r} is refused: {why}")
    if branch.split("/")[0].lower() in ("refs", "head") or branch.lower() in ("main", "master"):
        raise PublishError(f"branch name {branch!r} is refused: choose one of its own for the fixes")
    if not COMMIT.fullmatch(base):
        raise PublishError(f"base commit {base[:80]!r} is not a full commit hash")
    patch = str(result["patch"])
    return BranchProposal(
        branch=branch,
        base_commit=base,
        message=_message(str(result.get("commitMessage", ""))),
        patch=patch,
        files=read_patch(patch),
    )


def _why_no_branch(name: str) -> str | None:
    """The rule that the name breaks, for whoever has to choose another one."""
    if not name:
        return "it is empty"
    if len(name) > _MAX_BRANCH:
        return f"it has more than {_MAX_BRANCH} characters"
    if not BRANCH.fullmatch(name):
        if not name[0].isascii() or not (name[0].isalnum() or name[0] == "_"):
            return "it has to begin with a letter, a digit or '_'"
        return "letters, digits, '.', '_', '-' and '/' only"
    for part in _NOT_IN_BRANCHES:
        if part in name:
            return f"it must not contain {part!r}"
    return "it must not end with '.' or '/'" if name.endswith((".", "/")) else None


def _message(text: str) -> str:
    """Printable lines only, and none that could pass for the platform's own trailer."""
    lines = [
        "".join(char for char in line if char.isprintable()).rstrip() for line in text[:_MAX_MESSAGE].split("\n")
    ]
    kept = [line for line in lines if not line.lower().startswith("commandcenter-")]
    return "\n".join(kept).strip() or "Fix security weaknesses"


def fingerprint(patch: str) -> str:
    """Equal for the same change, wherever in its files and after whichever commit it is made."""
    kept = ("@@" if line.startswith("@@") else line for line in patch.split("\n") if not line.startswith("index "))
    return hashlib.sha256("\n".join(kept).encode("utf-8", "surrogatepass")).hexdigest()[:40]
