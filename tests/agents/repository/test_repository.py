"""Snapshots of repositories for agents."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agents.repository.git import Git
from agents.repository.repository_copy import RepositoryRefusedError, snapshot


def test_a_snapshot_has_the_files_and_the_history(shop, tmp_path):
    copy = snapshot(shop.path, allowed_roots=[tmp_path], into=tmp_path / "copy")

    assert (copy / "shop" / "accounts.py").read_bytes() == (shop.path / "shop" / "accounts.py").read_bytes()
    git = Git(folder=copy)
    assert git.commit("HEAD") == shop.commit
    assert git.commit(shop.base_commit) == shop.base_commit


def test_a_snapshot_has_no_hooks_settings_links_or_special_files(shop, tmp_path):
    hook = shop.path / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    Git(folder=shop.path).run("config", "http.extraHeader", "Authorization: Basic c2VjcmV0")
    (shop.path / "passwd").symlink_to("/etc/passwd")
    (shop.path / "etc").symlink_to("/etc")
    os.mkfifo(shop.path / "pipe")
    (shop.path / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (shop.path / ".git" / "objects" / "info" / "alternates").write_text("/elsewhere/objects\n")

    copy = snapshot(shop.path, allowed_roots=[tmp_path], into=tmp_path / "copy")

    assert not any(path.is_symlink() for path in copy.rglob("*"))
    assert not (copy / ".git" / "hooks").exists()
    assert not (copy / ".git" / "objects" / "info" / "alternates").exists()
    assert "Authorization" not in (copy / ".git" / "config").read_text()
    assert not (copy / "pipe").exists()
    assert not (copy / "passwd").exists()


def test_a_branch_called_like_a_left_out_folder_is_kept(shop, tmp_path):
    Git(folder=shop.path).run("branch", "venv")

    copy = snapshot(shop.path, allowed_roots=[tmp_path], into=tmp_path / "copy")

    assert Git(folder=copy).commit("venv") == shop.commit


def test_a_sha256_repository_is_still_readable(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    git = Git(folder=source, config=("user.name=x", "user.email=x@example.org"))
    git.run("init", "--quiet", "--object-format=sha256")
    git.run("commit", "--quiet", "--allow-empty", "--message", "first")

    copy = snapshot(source, allowed_roots=[tmp_path], into=tmp_path / "copy")

    assert Git(folder=copy).commit("HEAD") == git.commit("HEAD")


def test_a_git_file_that_points_outside_is_not_followed(shop, tmp_path):
    roots = tmp_path / "roots"
    roots.mkdir()
    linked = roots / "linked"
    subprocess.run(["git", "-C", str(shop.path), "worktree", "add", "-q", str(linked)], check=True)

    copy = snapshot(linked, allowed_roots=[roots], into=tmp_path / "copy")

    assert not (copy / ".git").exists()
    assert (copy / "shop" / "accounts.py").is_file()


@pytest.mark.parametrize("target", [".git", ".git/worktrees/linked"])
def test_a_git_file_that_its_repository_does_not_know_is_not_followed(shop, tmp_path, target):
    linked = tmp_path / "linked"
    subprocess.run(["git", "-C", str(shop.path), "worktree", "add", "-q", str(linked)], check=True)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / ".git").write_text(f"gitdir: {shop.path / target}\n")

    assert not (snapshot(stranger, allowed_roots=[tmp_path], into=tmp_path / "copy") / ".git").exists()


@pytest.mark.parametrize("path", ["/etc", "/", "/nowhere/at/all", "relative", "/tmp/../etc"])
def test_a_path_outside_of_the_allowed_folders_is_refused(tmp_path, path):
    roots = [tmp_path / "roots"]
    roots[0].mkdir()

    with pytest.raises(RepositoryRefusedError, match=f"repository '{path}' "):
        snapshot(path, allowed_roots=roots, into=tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_link_out_of_the_allowed_folders_is_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to("/etc")

    with pytest.raises(RepositoryRefusedError, match="lies outside"):
        snapshot(root / "link", allowed_roots=[root], into=tmp_path / "copy")


def test_a_repository_that_is_too_large_is_refused(shop, tmp_path):
    (shop.path / "big").write_bytes(b"x" * 2_000_000)

    with pytest.raises(RepositoryRefusedError, match="too large"):
        snapshot(shop.path, allowed_roots=[tmp_path], into=tmp_path / "copy", max_bytes=1_000_000)


def test_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(RepositoryRefusedError, match="is not a folder"):
        snapshot(file, allowed_roots=[Path(tmp_path)], into=tmp_path / "copy")
