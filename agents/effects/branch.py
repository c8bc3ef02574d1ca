"""An agent's patch -> a commit on a branch of its own, in the remote of the repository that the patch was made for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.effects.effect import EffectContext, EffectError, EffectSpec, Proposed, Request
from agents.repository.proposal import PublishError, read_proposal
from agents.repository.publish import publish_branch
from agents.repository.published_patch import PatchRefusedError


def request_of(proposed: Proposed) -> Request | None:
    """Branch and repository as the inputs name them, never as the agent wishes; base commit as it was pinned."""
    result = proposed.result
    if not result.get("patch"):
        return None
    if proposed.repository is None:
        raise EffectError("the action has no repository among its inputs, so there is nothing to publish to")
    pinned = set(proposed.bindings.values())
    if result.get("baseCommit") not in pinned:
        raise EffectError(
            f"the fix is made for commit {result.get('baseCommit')!r:.60}, "
            f"but what was given to the agent is {', '.join(sorted(pinned)) or 'no commit'}"
        )
    request: Request = {
        "repository": proposed.repository,
        "branch": proposed.inputs.get("targetBranch"),
        "baseCommit": result["baseCommit"],
        "commitMessage": str(result.get("commitMessage", "")),
        "patch": str(result["patch"]),
    }
    check(request)
    return request


def check(request: Request) -> None:
    """Raises EffectError for what could not be published: a bad branch name, a patch that is refused."""
    try:
        read_proposal(request)
    except (PublishError, PatchRefusedError) as exc:
        raise EffectError(str(exc)) from exc


def base_of(request: Request) -> tuple[str, str]:
    """Repository and commit."""
    return request["repository"], request["baseCommit"]


def without_patch(proposed: Proposed) -> dict[str, Any]:
    """The output where there is nothing to publish."""
    result = proposed.result
    kept = {name: result[name] for name in ("baseCommit",) if name in result}
    return {"branch": proposed.inputs.get("targetBranch"), **kept, "prNumber": 0, "prUrl": "", "commit": ""}


async def publish(request: Request, context: EffectContext) -> dict[str, Any]:
    """Push it; a second call with the same key, or of the same patch, finds what the first one pushed."""
    try:
        made = await publish_branch(
            request,
            repository=Path(request["repository"]),
            idempotency_key=context.key,
            allowed_roots=context.repository_roots,
        )
    except PublishError as exc:
        raise EffectError(str(exc)) from exc
    return {name: made[name] for name in ("branch", "baseCommit", "prNumber", "prUrl", "commit")}


PUBLISH_BRANCH = EffectSpec(
    name="publish-branch",
    propose=request_of,
    perform=publish,
    nothing=without_patch,
    consumed=frozenset({"patch", "commitMessage", "branch", "baseCommit"}),
    base=base_of,
    editable={"targetBranch": "branch"},
    check=check,
)
