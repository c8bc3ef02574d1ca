"""An agent's patch -> a commit on a branch of its own, in the remote of the repository that the patch was made for.

Where the remote is on a forge that the settings or its address name, a pull request is proposed for it as well.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.effects.effect import EffectContext, EffectError, EffectSpec, Request, ReturnedProposal
from agents.effects.forges import find_forge
from agents.effects.pull_request import TOKEN, git_hosts, open_pull_request
from agents.effects.pull_request_text import body_of, findings_fingerprint, title_of
from agents.repository.git import Git, GitError
from agents.repository.proposal import PublishError, read_proposal
from agents.repository.publish import publish_branch
from agents.repository.published_patch import PatchRefusedError
from agents.repository.remote import RemoteRefusedError, origin

PULL_REQUEST = "open-pull-request"
_LOOK_SECONDS = 5.0


def request_of(proposed: ReturnedProposal) -> Request | None:
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
    return {**request, **_destination(proposed)}


def _destination(proposed: ReturnedProposal) -> dict[str, Any]:
    """The remote; and the pull request where it is on a forge."""
    repository = Path(proposed.repository or "")
    try:
        remote = origin(repository, allowed_roots=proposed.roots, allowed_hosts=git_hosts(proposed.hosts))
    except RemoteRefusedError as exc:
        raise EffectError(
            f"branch {proposed.inputs.get('targetBranch')!r:.200} cannot be published: {exc}"
        ) from exc
    site = None if remote.kind == "file" else find_forge(remote.url, proposed.settings)
    if site is None:
        return {"remote": remote.url}
    return {
        "remote": remote.url,
        "forge": vars(site),
        "base": proposed.settings.get("FORGE_BASE") or _checked_out(repository),
        "title": title_of(proposed.result),
        "body": body_of(proposed.result),
        "labels": _names(proposed.settings.get("FORGE_LABELS", "security")),
        "reviewers": _names(proposed.settings.get("FORGE_REVIEWERS", "")),
        "findings": findings_fingerprint(proposed.result),
    }


def _checked_out(repository: Path) -> str:
    """The branch that the repository is on; empty where it is on none, or has moved: then it is the forge's default."""
    try:
        return Git(folder=repository).text("symbolic-ref", "--quiet", "--short", "HEAD")
    except GitError:
        return ""


def _names(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def name_of(request: Request) -> str:
    """The effect that a request stands for."""
    return PULL_REQUEST if "forge" in request else "publish-branch"


def check(request: Request) -> None:
    """Raises EffectError for what could not be published: a bad branch name, a patch that is refused."""
    if not isinstance(request.get("branch"), str):
        raise EffectError(f"branch {request.get('branch')!r:.80} is not a name")
    try:
        read_proposal(request)
    except (PublishError, PatchRefusedError) as exc:
        raise EffectError(str(exc)) from exc


def base_of(request: Request) -> tuple[str, str]:
    """Repository and commit."""
    return request["repository"], request["baseCommit"]


def doubt_of(request: Request) -> str:
    """That the base commit is on no branch of the remote: of one elsewhere, as far as the repository knows.

    The commit may well be pushed while the question is open, so this is said, and refuses nothing.
    """
    base, remote = str(request["baseCommit"]), str(request["remote"])
    elsewhere = "://" in remote
    folder, branches = (request["repository"], "refs/remotes/origin") if elsewhere else (remote, "refs/heads")
    git = Git(folder=Path(folder), timeout_seconds=_LOOK_SECONDS)
    try:
        if git.commit(base) and git.text("for-each-ref", "--count=1", f"--contains={base}", branches):
            return ""
    except GitError:
        return ""  # it took too long; publishing says what is wrong
    known = ", as far as the repository knows" if elsewhere else ""
    return f"commit {base[:12]} is on no branch of the remote{known}: push it there, or this will fail"


def without_patch(proposed: ReturnedProposal) -> dict[str, Any]:
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
            remote=request["remote"],
            allowed_hosts=git_hosts(context.hosts),
            token=context.secrets.get(TOKEN),
        )
    except PublishError as exc:
        raise EffectError(str(exc)) from exc
    done = {name: made[name] for name in ("branch", "baseCommit", "prNumber", "prUrl", "commit")}
    if "://" in request["remote"]:  # nothing there numbers pull requests, so there is no number and no page
        done |= {"prNumber": 0, "prUrl": ""}
    return done


CONSUMED = frozenset({"patch", "commitMessage", "branch", "baseCommit"})
PUBLISH_BRANCH = EffectSpec(
    name="publish-branch",
    propose=request_of,
    perform=publish,
    nothing=without_patch,
    consumed=CONSUMED,
    named=name_of,
    base=base_of,
    doubt=doubt_of,
    editable={"targetBranch": "branch"},
    check=check,
    own_secrets=(TOKEN,),
    own_network=("{FORGE_URL}", "{FORGE_API_URL}"),
    settings=frozenset({"FORGE_KIND", "FORGE_BASE", "FORGE_LABELS", "FORGE_REVIEWERS"}),
)
OPEN_PULL_REQUEST = replace(PUBLISH_BRANCH, name=PULL_REQUEST, perform=open_pull_request)
