"""Publishing a branch: what arrives, and everything a hostile patch or repository tries."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from agents.repository.git import Git
from agents.repository.proposal import read_proposal
from agents.repository.publish import PublishError, publish_branch
from agents.repository.published_patch import PatchRefusedError, check_name, read_patch
from deployments.demo.sample_repository import DemoRepository


def modification(name: str = "README.md", old: str = "# Corner shop", new: str = "# Better shop") -> str:
    return f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-{old}\n+{new}\n"


def addition(name: str, line: str = "new", mode: str = "100644") -> str:
    head = f"diff --git a/{name} b/{name}\nnew file mode {mode}\n"
    return f"{head}--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+{line}\n"


def readme_patch(shop: DemoRepository) -> str:
    (shop.path / "README.md").write_text((shop.path / "README.md").read_text().replace("A small", "A tiny"))
    return Git(folder=shop.path).run("diff", "--no-ext-diff").decode()


def proposal(shop: DemoRepository, patch: str, **changes: object) -> dict[str, object]:
    return {
        "branch": "fixes-1",
        "baseCommit": shop.commit,
        "patch": patch,
        "commitMessage": "Fix it\n\nCommandCenter-Key: forged\n\x1b[31mred",
        "filesModified": ["README.md"],
        "estimatedImpact": "LOW",
        **changes,
    }


def publish(shop: DemoRepository, result: dict[str, object], *, key: str = "run-1/fix", **more: object):
    roots = more.pop("allowed_roots", [shop.path.parent])
    return asyncio.run(
        publish_branch(result, repository=shop.path, idempotency_key=key, allowed_roots=roots, **more)  # type: ignore[arg-type]
    )


def references(shop: DemoRepository) -> list[str]:
    return Git(folder=shop.remote).text("for-each-ref", "--format=%(refname)").splitlines()


def test_the_branch_holds_one_commit_on_the_base(shop):
    output = publish(shop, proposal(shop, readme_patch(shop)))

    git = Git(folder=shop.remote)
    assert git.text("rev-parse", "fixes-1^") == shop.commit
    assert "A tiny web shop" in git.text("show", "fixes-1:README.md")
    assert git.text("rev-parse", "refs/pull/1/head") == output["commit"] == git.text("rev-parse", "fixes-1")
    assert output["prNumber"] == 1
    assert output["prUrl"] == f"{shop.remote.as_uri()}?pull=1"
    assert output["filesModified"] == ["README.md"]
    assert "patch" not in output


def test_the_commit_says_which_run_made_it_and_nothing_forged(shop):
    publish(shop, proposal(shop, readme_patch(shop)))

    message = Git(folder=shop.remote).text("log", "-1", "--format=%B", "fixes-1")
    assert message.strip().splitlines() == ["Fix it", "", "[31mred", "", "CommandCenter-Key: run-1/fix"]


def test_a_second_call_with_the_same_key_finds_the_first(shop):
    result = proposal(shop, readme_patch(shop))

    first = publish(shop, result)
    second = publish(shop, result)

    assert first == second
    assert references(shop).count("refs/pull/1/head") == 1
    assert "refs/pull/2/head" not in references(shop)


def test_proposals_are_numbered(shop):
    numbers = [
        publish(shop, proposal(shop, addition(f"new-{i}"), branch=f"fixes-{i}"), key=f"key-{i}")["prNumber"]
        for i in range(3)
    ]

    assert numbers == [1, 2, 3]


def at_once(shop: DemoRepository, patches: list[str]) -> list[int]:
    async def calls() -> list[int]:
        made = [
            publish_branch(
                proposal(shop, patch, branch=f"fixes-{i}"),
                repository=shop.path,
                idempotency_key=f"key-{i}",
                allowed_roots=[shop.path.parent],
            )
            for i, patch in enumerate(patches)
        ]
        return [output["prNumber"] for output in await asyncio.gather(*made)]

    return asyncio.run(calls())


def test_calls_at_once_get_numbers_of_their_own(shop):
    assert sorted(at_once(shop, [addition(f"new-{i}") for i in range(3)])) == [1, 2, 3]


def test_calls_at_once_with_the_same_patch_get_one_number(shop):
    assert at_once(shop, [addition("new")] * 3) == [1, 1, 1]
    assert len(references(shop)) == 5  # main, the branch, the number, one key, the patch


def test_the_same_patch_on_the_next_day_finds_the_open_proposal(shop):
    patch = readme_patch(shop)

    first = publish(shop, proposal(shop, patch, branch="fixes-monday"), key="run-1/fix")
    before = references(shop)
    second = publish(shop, proposal(shop, patch, branch="fixes-tuesday"), key="run-2/fix")

    assert second == {**first, "branch": "fixes-monday"}
    assert (second["prNumber"], references(shop)) == (1, before)


def test_the_same_change_after_other_commits_is_the_same_proposal(shop):
    patch = readme_patch(shop)
    first = publish(shop, proposal(shop, patch), key="run-1/fix")
    git = Git(folder=shop.path, config=("user.name=x", "user.email=x@example.org"), protocols="file")
    git.run("checkout", "--quiet", "--", "README.md")
    git.run("commit", "--quiet", "--allow-empty", "-m", "more")
    git.run("push", "--quiet", "origin", "main")

    later = proposal(shop, patch, branch="fixes-2", baseCommit=git.commit("HEAD"))
    second = publish(shop, later, key="run-2/fix")

    assert (second["prNumber"], second["commit"]) == (first["prNumber"], first["commit"])


def test_another_patch_is_another_proposal(shop):
    publish(shop, proposal(shop, addition("new", "one"), branch="fixes-1"), key="run-1/fix")
    other = publish(shop, proposal(shop, addition("new", "  one"), branch="fixes-2"), key="run-2/fix")

    assert other["prNumber"] == 2  # white space counts


def test_a_proposal_that_a_person_closed_is_not_made_again_on_the_same_base(shop):
    patch = readme_patch(shop)
    first = publish(shop, proposal(shop, patch), key="run-1/fix")
    Git(folder=shop.remote).run("update-ref", "-d", "refs/heads/fixes-1")

    second = publish(shop, proposal(shop, patch, branch="fixes-2"), key="run-2/fix")

    assert (second["prNumber"], second["commit"]) == (1, first["commit"])
    assert not [name for name in references(shop) if name.startswith("refs/heads/fixes")]


def test_a_branch_that_a_person_has_added_to_is_still_the_proposal(shop, tmp_path):
    patch = readme_patch(shop)
    first = publish(shop, proposal(shop, patch), key="run-1/fix")
    git = Git(folder=shop.remote, config=("user.name=x", "user.email=x@example.org"))
    tree = git.text("rev-parse", "fixes-1^{tree}")
    git.run("update-ref", "refs/heads/fixes-1", git.text("commit-tree", tree, "-p", "fixes-1", "-m", "mine"))

    second = publish(shop, proposal(shop, patch, branch="fixes-2"), key="run-2/fix")

    assert second == {**first, "branch": "fixes-1"}
    assert "refs/heads/fixes-2" not in references(shop)


def test_a_change_that_was_merged_and_taken_back_is_proposed_again(shop):
    patch = readme_patch(shop)
    first = publish(shop, proposal(shop, patch), key="run-1/fix")
    git = Git(folder=shop.remote, config=("user.name=x", "user.email=x@example.org"))
    old_tree = git.text("rev-parse", f"{shop.commit}^{{tree}}")
    reverted = git.text("commit-tree", old_tree, "-p", first["commit"], "-m", "take it back")
    git.run("update-ref", "refs/heads/main", reverted)
    git.run("update-ref", "-d", "refs/heads/fixes-1")

    second = publish(shop, proposal(shop, patch, branch="fixes-2", baseCommit=reverted), key="run-2/fix")

    assert second["prNumber"] == 2


def test_a_change_that_is_needed_again_later_is_proposed_again(shop):
    patch = readme_patch(shop)
    publish(shop, proposal(shop, patch), key="run-1/fix")
    Git(folder=shop.remote).run("update-ref", "-d", "refs/heads/fixes-1")
    git = Git(folder=shop.path, config=("user.name=x", "user.email=x@example.org"), protocols="file")
    git.run("checkout", "--quiet", "--", "README.md")
    git.run("commit", "--quiet", "--allow-empty", "-m", "more")
    git.run("push", "--quiet", "origin", "main")

    later = proposal(shop, patch, branch="fixes-2", baseCommit=git.commit("HEAD"))
    second = publish(shop, later, key="run-2/fix")
    third = publish(shop, {**later, "branch": "fixes-3"}, key="run-3/fix")

    assert second["prNumber"] == third["prNumber"] == 2
    assert "refs/heads/fixes-2" in references(shop)
    assert "refs/heads/fixes-3" not in references(shop)


def test_a_branch_of_somebody_else_is_never_overwritten(shop):
    Git(folder=shop.remote).run("branch", "fixes-1", shop.base_commit)

    with pytest.raises(PublishError, match="branch 'fixes-1' exists already"):
        publish(shop, proposal(shop, readme_patch(shop)))
    assert Git(folder=shop.remote).text("rev-parse", "fixes-1") == shop.base_commit


def test_nothing_to_fix_publishes_nothing(shop):
    output = publish(shop, proposal(shop, ""))

    assert (output["prNumber"], output["prUrl"], output["commit"]) == (0, "", "")
    assert references(shop) == ["refs/heads/main"]


HOSTILE = {
    "link": addition("innocent", "/etc/passwd", mode="120000"),
    "executable": addition("run.sh", mode="100755"),
    "submodule": addition("module", "Subproject commit " + "0" * 40, mode="160000"),
    "up": addition("../outside"),
    "up in the middle": addition("shop/../../outside"),
    "absolute": addition("/tmp/outside"),
    "git folder": addition(".git/hooks/post-commit"),
    "git folder, other case": addition(".GIT/config"),
    "git folder, short name": addition("git~1/config"),
    "git folder, trailing dot": addition(".git./config"),
    "git folder, ignored character": addition(".g\u200cit/config"),
    "nested git folder": addition("shop/.git/config"),
    "modules": addition(".gitmodules"),
    "attributes": addition(".gitattributes", "* filter=evil"),
    "workflow of the forge": addition(".github/workflows/evil.yml"),
    "pipeline of the forge": addition(".gitlab-ci.yml"),
    "backslash": addition("shop\\evil.py"),
    "stream": addition("shop:evil"),
    "quoted": 'diff --git "a/\\056git/x" "b/\\056git/x"\nnew file mode 100644\n',
    "other name below": modification().replace("+++ b/README.md", "+++ b/.git/config"),
    "two names": modification().replace("diff --git a/README.md b/README.md", "diff --git a/README.md b/x"),
    "carriage returns": modification().replace("\n", "\r\n"),
    "rename": "diff --git a/README.md b/x\nsimilarity index 100%\nrename from README.md\nrename to x\n",
    "mode": "diff --git a/README.md b/README.md\nold mode 100644\nnew mode 100755\n",
    "removal": "diff --git a/README.md b/README.md\ndeleted file mode 100644\n--- a/README.md\n+++ /dev/null\n",
    "binary": "diff --git a/README.md b/README.md\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n",
    "smuggled second file": modification() + "--- a/.git/config\n+++ b/.git/config\n@@ -1 +1 @@\n-a\n+b\n",
    "text before": "From: somebody\n" + modification(),
    "mail": "From 0000 Mon Sep 17 00:00:00 2001\nSubject: x\n---\n" + modification(),
    "cut off": modification()[:-8],
    "twice": modification() + modification(),
    "no change": "diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n",
    "wrong counts": modification().replace("@@ -1 +1 @@", "@@ -1,9 +1,9 @@"),
    "huge": addition("big", "x" * 3_000_000),
    "many": "".join(addition(f"file{i}") for i in range(400)),
    "NUL": addition("a\0b"),
    "does not fit": modification(old="something else"),
    "no patch": "rm -rf /\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_patch_reaches_nothing(shop, kind):
    with pytest.raises(PublishError, match=r"was not published|does not fit"):
        publish(shop, proposal(shop, HOSTILE[kind]))

    assert references(shop) == ["refs/heads/main"]


def test_a_patch_may_change_and_add_plain_files_with_any_text(shop):
    patch = modification() + addition("docs/new file.txt", "-- a\r")

    assert [(file.name, file.is_new) for file in read_patch(patch)] == [
        ("README.md", False),
        ("docs/new file.txt", True),
    ]


@pytest.mark.parametrize(
    "name", ["a", "shop/accounts.py", "a b.txt", ".gitignore", "github/x", "git/config", "ü.py"]
)
def test_plain_names_are_let_through(name):
    check_name(name)


@pytest.mark.parametrize("name", ["", "a//b", "./a", "a/.", "a\nb", "a\u202eb", "x" * 2000, ".git"])
def test_odd_names_are_refused(name):
    with pytest.raises(PatchRefusedError):
        check_name(name)


BRANCHES = [
    "",
    "-f",
    "main",
    "master",
    "a..b",
    "a b",
    "refs/heads/x",
    "HEAD",
    "a.lock",
    "x/",
    "/x",
    "a@{1}",
    "a:b",
]
BRANCHES += ["a~1", "+x", "x" * 300, "ü", "a\nb", "--upload-pack=touch x"]


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_name_that_means_something_else_is_refused(shop, branch):
    with pytest.raises(PublishError, match="branch name"):
        publish(shop, proposal(shop, readme_patch(shop), branch=branch))
    assert references(shop) == ["refs/heads/main"]


@pytest.mark.parametrize(
    ("branch", "rule"),
    [
        ("", "empty"),
        ("-f", "begin with a letter"),
        ("a..b", r"contain '\.\.'"),
        ("x" * 300, "more than 200"),
        ("a b", "letters, digits"),
        ("x/", "end with"),
    ],
)
def test_a_branch_name_is_refused_with_the_rule_that_it_breaks(branch, rule):
    with pytest.raises(PublishError, match=rule):
        read_proposal({"branch": branch, "patch": ""})


@pytest.mark.parametrize("base", ["HEAD", "main", "", "--all", "0" * 39, "f" * 40])
def test_a_base_that_is_no_commit_of_the_remote_is_refused(shop, base):
    with pytest.raises(PublishError, match=r"full commit hash|not in the remote"):
        publish(shop, proposal(shop, readme_patch(shop), baseCommit=base))


HOSTILE_REMOTES = [
    "ext::sh -c touch% pwned",
    "ext::touch",
    "fd::7",
    "--upload-pack=touch pwned",
    "-oProxyCommand=touch",
    "ssh://-oProxyCommand=touch/x",
    "ssh://git.example.org/x",
    "git@git.example.org:x/y.git",
    "git://git.example.org/x",
    "http://git.example.org/x",
    "https://git.example.org/x",
    "https://user:word@allowed.example.org/x",
    "https://token@allowed.example.org/x",
    "https://allowed.example.org/x?y=1",
    "https://allowed.example.org@evil.example/x",
    "https://allowed.example.org\\@evil.example/x",
    "ssh://allowed.example.org/-oProxyCommand",
    "ftp://allowed.example.org/x",
    "file:///etc",
    "/etc",
    "../../../../../../etc",
    "/nowhere/at/all",
    "",
]


@pytest.mark.parametrize("url", HOSTILE_REMOTES)
def test_a_hostile_remote_is_refused_before_git_sees_it(shop, url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = shop.path / ".git" / "config"
    config.write_text(config.read_text().replace(str(shop.remote), url))

    with pytest.raises(PublishError, match=r"was not published: (remote|repository .* has no remote)"):
        publish(shop, proposal(shop, modification()), allowed_hosts=["allowed.example.org"])
    assert not list(tmp_path.rglob("pwned"))


def test_a_remote_outside_of_the_allowed_folders_is_refused(shop, tmp_path):
    with pytest.raises(PublishError, match=r"remote .* lies outside of the folders that agents may see"):
        publish(shop, proposal(shop, readme_patch(shop)), allowed_roots=[shop.path])


def test_a_repository_outside_of_the_allowed_folders_is_refused(shop, tmp_path):
    other = tmp_path / "other"
    other.mkdir()

    with pytest.raises(PublishError, match=r"repository .* lies outside"):
        publish(shop, proposal(shop, readme_patch(shop)), allowed_roots=[other])


def test_a_repository_without_origin_is_told_how_to_get_one(shop):
    Git(folder=shop.path).run("remote", "remove", "origin")

    with pytest.raises(PublishError, match="no remote 'origin'; add one with `git remote add origin"):
        publish(shop, proposal(shop, readme_patch(shop)))


def test_nothing_of_either_repository_is_run(shop, tmp_path):
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    patch = readme_patch(shop)
    for place, folder in ((shop.path, shop.path / ".git"), (shop.remote, shop.remote)):
        hooks = folder / "hooks"
        hooks.mkdir(exist_ok=True)
        for hook in ("pre-push", "pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
            (hooks / hook).symlink_to(trap)
        for setting in (
            "core.fsmonitor",
            "core.sshCommand",
            "core.alternateRefsCommand",
            "core.pager",
            "core.editor",
            "uploadpack.packObjectsHook",
            "filter.evil.clean",
            "filter.evil.smudge",
            "diff.external",
            "gpg.program",
        ):
            subprocess.run(["git", "-C", str(place), "config", setting, str(trap)], check=True)
        subprocess.run(["git", "-C", str(place), "config", "core.hooksPath", str(hooks)], check=True)
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info" / "attributes").write_text("* filter=evil diff=evil\n")
    (tmp_path / "sprung").unlink(missing_ok=True)

    output = publish(shop, proposal(shop, patch))

    assert output["prNumber"] == 1
    assert not (tmp_path / "sprung").exists()


def test_the_trap_of_the_test_above_springs_without_protection(shop, tmp_path):
    trap = shop.remote / "hooks" / "pre-receive"
    trap.parent.mkdir(exist_ok=True)
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)

    subprocess.run(["git", "-C", str(shop.path), "push", "-q", "origin", "main:other"], check=True)

    assert (tmp_path / "sprung").exists()


def test_a_link_in_the_repository_is_not_written_through(shop, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (shop.path / "linked").symlink_to(target)
    subprocess.run(["git", "-C", str(shop.path), "add", "linked"], check=True)
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", str(shop.path), *identity, "commit", "-qm", "link"], check=True)
    subprocess.run(["git", "-C", str(shop.path), "push", "-q", "origin", "main"], check=True)
    head = Git(folder=shop.path).commit("HEAD")

    with pytest.raises(PublishError):
        publish(shop, proposal(shop, addition("linked/evil"), baseCommit=head))
    with pytest.raises(PublishError):
        publish(shop, proposal(shop, modification("linked", str(target), "/etc"), baseCommit=head))
    assert list(target.iterdir()) == []
