"""From the version before the newest tables to this one, with a run that waits and runs at work; and no way back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from composed import Composed, until

from records.database.revisions import VERSION_TABLE

ROOT = Path(__file__).parents[3]
MIGRATIONS = "records/migrations/versions"
START_SECONDS = 900
QUIET_SECONDS = 600
# The older version on the packages of this image: its code, in the place of ours.
DOCKERFILE = """\
ARG IMAGE
FROM ${IMAGE}
USER root
RUN cd /opt/commandcenter/lib/python3.11/site-packages && rm -rf %(packages)s && rm -rf /opt/commandcenter/workflows
COPY code /opt/commandcenter/lib/python3.11/site-packages
COPY workflows /opt/commandcenter/workflows
USER 10001:10001
"""

# nats-py leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def git(*arguments: str) -> str:
    """What git says in this checkout; nothing where it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


@pytest.fixture
def old(tmp_path: Path, image: str, run_docker: Any) -> tuple[Path, str]:
    """The files and the image of an older version: of TEST_OLD_REVISION, or of the one before the newest tables."""
    revision = os.environ.get("TEST_OLD_REVISION", "")
    if not revision:
        newest = git("log", "--diff-filter=A", "-1", "--format=%H", "--", MIGRATIONS)
        revision = git("rev-parse", "--verify", "--quiet", f"{newest}^") if newest else ""
    if not revision:
        pytest.skip("the history of this checkout has no version before its newest tables: fetch all of it")
    tree = tmp_path / "old"
    tree.mkdir()
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
    project = tomllib.loads((tree / "pyproject.toml").read_text())
    here = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if not set(project["project"]["dependencies"]) <= set(here["project"]["dependencies"]):
        pytest.skip(f"{revision[:12]} needs other packages than this version: name another in TEST_OLD_REVISION")
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    context = tmp_path / "context"
    (context / "code").mkdir(parents=True)
    for name in packages:
        (tree / name).rename(context / "code" / name)
    (tree / "workflows").rename(context / "workflows")
    # What Compose mounts into the containers stays where it looks for it.
    for name in ("deployments", "observability", "workflows"):
        source = context / name if name == "workflows" else context / "code" / name
        subprocess.run(["cp", "-r", str(source), str(tree / name)], check=True)
    (context / "Dockerfile").write_text(DOCKERFILE % {"packages": " ".join(packages)})
    name = "commandcenter:older"
    run_docker("build", "--build-arg", f"IMAGE={image}", "--tag", name, str(context), seconds=600)
    return tree, name


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
    upgraded: Any, old: tuple[Path, str], image: str, tmp_path: Path
) -> None:
    project = upgraded
    before = Composed(
        compose=project.command, secrets=project.folder / "secrets", ports=project.ports, token=project.token
    )
    before.deploy(tmp_path / "composed")
    waiting = await before.publish(ask=True)
    await until(lambda: before.asks(waiting), QUIET_SECONDS, "the question")
    asked = await asyncio.to_thread(before.pending)
    plan = before.sql("""SELECT json_agg("planDigest") FROM "WorkflowRun" """)
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
    assert set(after.sql("""SELECT json_agg("planDigest") FROM "WorkflowRun" """)) == set(plan)
    versions = f'SELECT json_agg(version_num) FROM "{VERSION_TABLE}"'
    (now,) = after.sql(versions)
    # No way back: each part of the old version leaves the database alone, and says why.
    project.change(tree=old[0], image=old[1])
    for service, command in (("migrate", ["migrate"]), ("worker", ["worker"]), ("listener", ["listener"])):
        done = await asyncio.to_thread(
            subprocess.run,
            [*project.command, "run", "--rm", "--no-TTY", "--no-deps", service, "commandcenter", *command],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=project.tree,
            check=False,
        )
        assert done.returncode != 0, service
        assert f"is at revision '{now}'" in done.stdout + done.stderr, service
    assert after.sql(versions) == [now]
