"""Folders of repositories that are named where the platform is started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deployments.stack.up import NoSuchFolder, allow_repositories

VARIABLE = "COMMANDCENTER_REPOSITORIES"


def test_they_are_handed_on_as_whole_paths_the_environments_first(tmp_path: Path, monkeypatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, f"{os.pathsep}one")
    allow_repositories([Path("two")])
    assert os.environ[VARIABLE].split(os.pathsep) == [str(tmp_path / "one"), str(tmp_path / "two")]


@pytest.mark.parametrize(
    ("given", "named", "says"),
    [
        ("", "none", "--repositories: .*none' is not there"),
        ("", "file", "--repositories: .*file' is no folder"),
        ("none", "here", f"{VARIABLE}: .*none' is not there"),
        ("", "a:b", "separates folders"),
    ],
)
def test_what_is_no_folder_is_refused_where_it_is_named(tmp_path: Path, monkeypatch, given, named, says) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "a:b").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, given)
    with pytest.raises(NoSuchFolder, match=says):
        allow_repositories([Path(named)])
