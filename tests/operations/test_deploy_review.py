"""What a deploy says about workflows that it was not given."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.deploy_review import _is_near


@pytest.mark.parametrize("repository", [True, False])
def test_a_file_that_moved_within_its_project_is_missed_and_one_of_elsewhere_is_not(
    tmp_path: Path, repository: bool
) -> None:
    project = tmp_path / "project"
    (project / "old").mkdir(parents=True)
    new = project / "flows" / "new" / "b.yaml"
    new.parent.mkdir(parents=True)
    if repository:
        (project / ".git").mkdir()
    # Its folder is still there, or went with it; beside the other file in any case.
    for gone in (project / "old" / "a.yaml", project / "went" / "a.yaml", new.with_name("a.yaml")):
        assert _is_near(gone, [new]), gone
    # Another machine's: nothing of its path is here but what everything shares.
    for gone in (Path("/srv/other/workflows/a.yaml"), Path("/nowhere/a.yaml")):
        assert not _is_near(gone, [new]), gone
