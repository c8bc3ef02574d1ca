"""An agent's proposal (base commit, patch, message) -> a branch in the repository's remote, with a number.

Runs outside of the jail, after the agent has ended. Nothing is checked out, nothing of the repository is run, and
what the agent wrote is only ever data. Done once per idempotency key, and once per patch: a second call, also one by a
later run and under another branch name, finds the open proposal. A proposal is open while its branch is there. One
that a person closed by deleting the branch is not made again while its base commit is still the base.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.repository.git import Git, GitError
from agents.repository.proposal import BranchProposal, PublishError, fingerprint, read_proposal
from agents.repository.published_patch import (
    MAX_FILE_BYTES,
    PatchRefusedError,
    check_name,
)
from agents.repository.remote import Remote, RemoteRefusedError, check_remote, origin
from agents.repository.remote_branches import RemoteBranches, grown_branch, holds, parent_of
from agents.repository.repository_copy import RepositoryRefusedError, inside

_AUTHOR = {
    "GIT_AUTHOR_NAME": "CommandCenter",
    "GIT_AUTHOR_EMAIL": "commandcenter@localhost",
    "GIT_COMMITTER_NAME": "CommandCenter",
    "GIT_COMMITTER_EMAIL": "commandcenter@localhost",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes",
}
_SERVER = (
    "git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.alternateRefsCommand=true -c safe.directory=*"
)
_TRIES = 5


async def publish_branch(
    result: Mapping[str, Any],
    *,
    repository: Path,
    idempotency_key: str,
    allowed_roots: Sequence[Path],
    remote: str | None = None,
    allowed_hosts: Sequence[str] = (),
    token: str | None = None,
    replaces: str = "",
) -> dict[str, Any]:
    """The action's output: the agent's result without patch and message, with prNumber, prUrl and commit.

    `remote`: where to push instead of the repository's `origin`. `token`: password for an https remote.
    `replaces`: the commit that the branch ends in now, where an earlier proposal of ours is brought up to date.
    Raises PublishError; then nothing was published.
    """
    rest = {name: value for name, value in result.items() if name not in ("patch", "commitMessage")}
    if not result.get("patch"):
        return {**rest, "prNumber": 0, "prUrl": "", "commit": ""}
    try:
        proposal = read_proposal(result)
        real = inside(repository, allowed_roots)
        if remote is None:
            target = origin(real, allowed_roots=allowed_roots, allowed_hosts=allowed_hosts)
        else:
            target = check_remote(
                remote, repository=real, allowed_roots=allowed_roots, allowed_hosts=allowed_hosts
            )
        push = _Push(proposal=proposal, remote=target, key=idempotency_key, token=token, replaces=replaces)
        made = await asyncio.to_thread(push.run)
    except (GitError, PatchRefusedError, RemoteRefusedError, RepositoryRefusedError) as exc:
        raise PublishError(f"branch {str(result.get('branch'))[:200]!r} was not published: {exc}") from exc
    if "branch" in rest:
        rest["branch"] = made.branch
    return {
        **rest,
        "prNumber": made.number,
        "prUrl": target.address(made.number, made.branch),
        "commit": made.commit,
    }


@dataclass(frozen=True, kw_only=True)
class Published:
    """A proposal in the remote."""

    number: int
    commit: str
    branch: str


@dataclass(kw_only=True)
class _Push:
    """One proposal on its way to one remote."""

    proposal: BranchProposal
    remote: Remote
    key: str
    token: str | None
    replaces: str = ""

    @property
    def _branches(self) -> RemoteBranches:
        return RemoteBranches(url=self.remote.url, options=tuple(self._server("upload-pack")))

    @property
    def _key_ref(self) -> str:
        return f"refs/commandcenter/{hashlib.sha256(self.key.encode()).hexdigest()[:40]}"

    @property
    def _patch_ref(self) -> str:
        return f"refs/commandcenter/patch-{fingerprint(self.proposal.patch)}"

    @property
    def _branch_ref(self) -> str:
        return f"refs/heads/{self.proposal.branch}"

    def run(self) -> Published:
        """The proposal, made now or by an earlier call with the same key or patch."""
        with tempfile.TemporaryDirectory(prefix="publish-") as folder:
            git = Git(folder=Path(folder), protocols=self.remote.kind, env={**_AUTHOR, **self._credentials()})
            git.run("init", "--quiet", "--bare", "--template=", *_object_format(self.proposal.base_commit))
            commit = ""
            for _ in range(_TRIES):
                known = self._references(git)
                if (earlier := self._earlier(git, known)) is not None:
                    return earlier
                if known.get(self._branch_ref, "") != self.replaces:
                    taken = f"branch {self.proposal.branch!r} exists already and has another author"
                    raise PublishError(f"{taken}; delete or rename it")
                commit = commit or self._commit(git)
                number = self._next_number(known)
                if self._push(git, commit, number, known):
                    return Published(number=number, commit=commit, branch=self.proposal.branch)
            raise PublishError(
                f"the remote kept changing while branch {self.proposal.branch!r} was pushed; try again"
            )

    def _earlier(self, git: Git, known: Mapping[str, str]) -> Published | None:
        """The proposal of this key; or of this patch, while it is open or was closed on this base commit."""
        if (commit := known.get(self._key_ref)) is not None:
            branch = self._branches.at(git, commit, prefer=self.proposal.branch) or self.proposal.branch
            return Published(number=self._number_of(known, commit), commit=commit, branch=branch)
        if (commit := known.get(self._patch_ref)) is None:
            return None
        branch = self._branches.at(git, commit, prefer=self.proposal.branch)
        if branch:
            return Published(number=self._number_of(known, commit), commit=commit, branch=branch)
        self._branches.fetch_all(git, self._patch_ref)
        if holds(git, self.proposal.base_commit, commit):
            return None  # it was merged, and the change is needed again
        branch = grown_branch(git, commit)
        if not branch and parent_of(git, commit) != self.proposal.base_commit:
            return None
        return Published(
            number=self._number_of(known, commit), commit=commit, branch=branch or self.proposal.branch
        )

    def _credentials(self) -> dict[str, str]:
        if self.token is None or self.remote.kind not in ("https", "http"):
            return {}
        # By environment: command lines can be read by every user of the machine.
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.remote.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }

    def _server(self, program: str) -> list[str]:
        """For a folder, git's other end runs on this machine too, and gets none of the settings of this one."""
        return [f"--{program}={_SERVER} {program}"] if self.remote.kind == "file" else []

    def _references(self, git: Git) -> dict[str, str]:
        wanted = (self._key_ref, self._patch_ref, self._branch_ref, f"{self.remote.proposals}/*/head")
        listed = git.text("ls-remote", *self._server("upload-pack"), self.remote.url, *wanted)
        pairs = (line.split("\t", 1) for line in listed.splitlines() if "\t" in line)
        return {name: commit for commit, name in pairs}

    def _number_of(self, known: Mapping[str, str], commit: str) -> int:
        for name, at in known.items():
            if at == commit and (number := self._number(name)):
                return number
        raise PublishError(f"the proposal of commit {commit} has lost its number in the remote")

    def _next_number(self, known: Mapping[str, str]) -> int:
        return max((self._number(name) for name in known), default=0) + 1

    def _number(self, name: str) -> int:
        found = re.fullmatch(re.escape(self.remote.proposals) + r"/(\d{1,9})/head", name)
        return int(found[1]) if found else 0

    def _commit(self, git: Git) -> str:
        """The fix commit, made in an index of its own from the remote's own base commit."""
        base = self.proposal.base_commit
        self._fetch(git, base)
        index = {"GIT_INDEX_FILE": str(git.folder / "publish-index")}
        git.run("read-tree", base, env=index)
        apply = ("apply", "--cached", "--whitespace=nowarn", "-")
        try:
            git.run(*apply, stdin=self.proposal.patch.encode("utf-8"), env=index)
        except GitError as exc:
            raise PublishError(f"the patch does not fit commit {base}: {exc.said}") from exc
        tree = git.run("write-tree", env=index).decode().strip()
        message = f"{self.proposal.message}\n\nCommandCenter-Key: {_one_line(self.key)}\n"
        commit = git.text("commit-tree", tree, "-p", base, "-F", "-", stdin=message.encode("utf-8"))
        self._check(git, commit)
        return commit

    def _fetch(self, git: Git, base: str) -> None:
        fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *self._server("upload-pack"))
        try:
            git.run(*fetch, "--depth=1", self.remote.url, base)
        except GitError:  # servers need not hand out commits by hash
            git.run(*fetch, self.remote.url, "+refs/heads/*:refs/remotes/origin/*")
        if git.commit(base) != base:
            raise PublishError(f"commit {base} is not in the remote; push it there first")

    def _check(self, git: Git, commit: str) -> None:
        """Check what the commit really changes, independent of the patch."""
        changes = git.run("diff-tree", "-r", "-z", "--no-renames", self.proposal.base_commit, commit).split(b"\0")
        names: set[str] = set()
        for facts, raw in zip(changes[::2], changes[1::2], strict=False):
            old_mode, new_mode, _, blob, status = facts.decode().lstrip(":").split(" ")
            name = raw.decode("utf-8", "replace")
            check_name(name)
            plain = new_mode in ("100644", "100755") and (old_mode == new_mode or old_mode == "000000")
            if not plain or status not in ("M", "A"):
                raise PatchRefusedError(f"{name!r} would become something other than a plain file")
            if int(git.text("cat-file", "-s", blob)) > MAX_FILE_BYTES:
                raise PatchRefusedError(f"{name!r} would become larger than {MAX_FILE_BYTES:,} bytes")
            names.add(name)
        if names != {file.name for file in self.proposal.files}:
            raise PatchRefusedError("the commit changes other files than the patch names")

    def _push(self, git: Git, commit: str, number: int, known: Mapping[str, str]) -> bool:
        """Push all references or none, and only if none has changed. False if another push was first."""
        new = (self._branch_ref, f"{self.remote.proposals}/{number}/head", self._key_ref)
        targets = (*new, self._patch_ref)
        command = ["push", "--quiet", "--atomic", "--no-verify", *self._server("receive-pack")]
        command += [f"--force-with-lease={target}:" for target in new[1:]]
        command.append(f"--force-with-lease={self._branch_ref}:{self.replaces}")
        command.append(f"--force-with-lease={self._patch_ref}:{known.get(self._patch_ref, '')}")
        try:
            git.run(*command, self.remote.url, *[f"{commit}:{target}" for target in targets])
        except GitError as exc:
            if "stale info" in exc.said or "already exists" in exc.said or "cannot lock ref" in exc.said:
                return False
            raise
        return True


def _object_format(commit: str) -> list[str]:
    return ["--object-format=sha256"] if len(commit) == 64 else []


def _one_line(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:300]
