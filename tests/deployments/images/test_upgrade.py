"""From the version before to this one, with a run that waits for a person and runs at work; and no way back."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from composed import Composed

ROOT = Path(__file__).parents[3]
START_SECONDS = 900
QUIET_SECONDS = 600


@pytest.fixture
def old(tmp_path: Path, run_docker: Any) -> tuple[Path, str]:
    """The last version's files, and its image."""
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    revision, image = os.environ.get("TEST_OLD_REVISION", tag), os.environ.get("TEST_OLD_IMAGE", "")
    if not revision or not image:
        pytest.skip(
            "no version before this one: name its tag or commit in TEST_OLD_REVISION, its image in TEST_OLD_IMAGE"
        )
    if run_docker("image", "inspect", image, check=False).returncode != 0:
        pytest.skip(f"no image {image!r} here")
    tree = tmp_path / "old"
    tree.mkdir()
    archive = subprocess.run(
        ["git", "archive", revision, "compose.yaml", "deployments/compose", "deployments/images", "workflows"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
    return tree, image


@pytest.fixture
def upgraded(project_of: Any, old: tuple[Path, str]) -> Iterator[Any]:
    """A project whose stack is that of the old version; its secrets are those that the old version made."""
    tree, image = old
    project = project_of(image, tree)
    try:
        project("up", "--detach", "--wait", "worker", "listener", "api", seconds=START_SECONDS)
        yield project
    finally:
        project("--profile", "*", "down", "--volumes", "--remove-orphans", seconds=300, check=False)


async def test_what_waits_and_what_is_at_work_goes_on_in_the_new_version_and_the_old_one_refuses_its_database(
    upgraded: Any, old: tuple[Path, str], image: str, tmp_path: Path, run_docker: Any
) -> None:
    project = upgraded
    before = Composed(
        compose=project.command, secrets=project.folder / "secrets", ports=project.ports, token=project.token
    )
    before.deploy(tmp_path / "composed")
    waiting = await before.publish(ask=True)
    async with asyncio.timeout(QUIET_SECONDS):
        while not (asked := await asyncio.to_thread(before.pending)):  # noqa: ASYNC110 - it is asked for over HTTP
            await asyncio.sleep(1)
    at_work = [await before.publish() for _ in range(3)]
    # The new files and the new image; the secrets stay, and those that are new are made.
    project.change(tree=ROOT, image=image)
    await asyncio.to_thread(
        project, "up", "--detach", "--wait", "worker", "listener", "api", seconds=START_SECONDS
    )
    after = Composed(
        compose=project.command,
        secrets=project.folder / "secrets",
        ports=project.ports,
        token=project.token,
        accepted=before.accepted,
        asked=before.asked,
    )
    still = await asyncio.to_thread(after.pending)
    assert [(each["id"], each["digest"]) for each in still] == [(each["id"], each["digest"]) for each in asked]
    assert await after.quiet(QUIET_SECONDS) == []
    assert set(after.runs()) == {waiting, *at_work}
    # No way back: the old version leaves the database alone, and says why.
    revision = json.loads(project("run", "--rm", "--no-TTY", "migrate", "commandcenter", "migrate", "--json"))[
        "revision"
    ]
    project.change(tree=old[0], image=old[1])
    done = await asyncio.to_thread(
        subprocess.run,
        [*project.command, "run", "--rm", "--no-TTY", "--no-deps", "migrate", "commandcenter", "migrate"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=project.tree,
        check=False,
    )
    if done.returncode != 0:
        assert "which this version does not know" in done.stdout + done.stderr
    else:
        # Both versions have the same tables: then there is nothing to refuse.
        assert revision in done.stdout
