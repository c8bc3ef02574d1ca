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
    bad = ("..", "//", "/.", "./", ".lock", "@{")
    if not BRANCH.fullmatch(branch) or any(part in branch for part in bad) or branch.endswith((".", "/")):
        raise PublishError(f"branch name {branch[:200]!r} is refused: letters, digits, '.', '_', '-' and '/' only")
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
