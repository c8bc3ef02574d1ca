"""Day two on real containers: every credential is replaced, containers are killed, the version changes."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import nats
import nats.errors
import pytest
from composed import Composed, kill_at_random

ROOT = Path(__file__).parents[3]
QUIET_SECONDS = 600


@pytest.fixture(scope="module")
def stack(project: Any, tmp_path_factory: pytest.TempPathFactory) -> Composed:
    """The running stack, with a workflow that asks a person where its event says so."""
    composed = Composed(
        compose=project.command, secrets=project.folder / "secrets", ports=project.ports, token=project.token
    )
    composed.deploy(tmp_path_factory.mktemp("workflows") / "composed")
    return composed


def free_port() -> int:
    """A port of this machine's."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> what is in the secret."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def asks(stack: Composed, number: int) -> bool:
    """Whether the run of that event waits for a person."""
    ids = {run["id"] for run in stack.runs().get(number, [])}
    return any(each["runId"] in ids for each in stack.pending())


async def waits(stack: Composed, number: int) -> None:
    """Until the run of that event asks."""
    async with asyncio.timeout(QUIET_SECONDS):
        while not await asyncio.to_thread(asks, stack, number):  # noqa: ASYNC110 - it is asked for over HTTP
            await asyncio.sleep(1)


async def test_every_credential_is_replaced_while_a_run_waits_for_a_person(stack: Composed) -> None:
    number = await stack.publish(ask=True)
    await waits(stack, number)
    before = contents(stack.secrets)
    environment = {
        **os.environ,
        "COMPOSE": " ".join(stack.compose),
        "SECRETS": str(stack.secrets),
        "WAIT_SECONDS": "900",
    }
    which = os.environ.get("TEST_ROTATE", "all")
    rotate = [ROOT / "deployments" / "compose" / "rotate.sh", *which.split()]
    rotating = await asyncio.create_subprocess_exec(
        *rotate, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    numbers = [number]
    while rotating.returncode is None:
        # Events go on coming in.
        numbers.append(await stack.publish(ask=False))
        try:
            async with asyncio.timeout(10):
                await asyncio.shield(asyncio.ensure_future(rotating.wait()))
        except TimeoutError:
            continue
    assert rotating.stdout is not None
    assert rotating.returncode == 0, (await rotating.stdout.read()).decode()[-3000:]
    after = contents(stack.secrets)
    if which == "all":
        assert {name for name in before if before[name] == after[name]} == {"people.json"}
    assert len(after["signing.key"]) == 32
    assert await stack.quiet(QUIET_SECONDS) == []
    assert len(numbers) >= 2
    old = before["nats_publisher_password"].decode()
    tls = ssl.create_default_context(cafile=stack.secrets / "nats_ca.pem")
    url = f"tls://publisher:{old}@127.0.0.1:{stack.ports['NATS_PORT']}"
    with pytest.raises(nats.errors.Error):
        await nats.connect(url, tls=tls, allow_reconnect=False, max_reconnect_attempts=0)
    name, _, word = before["prefect_auth"].decode().partition(":")
    url = f"http://127.0.0.1:{stack.ports['PREFECT_PORT']}/api/admin/version"
    async with httpx.AsyncClient(auth=(name, word), trust_env=False, timeout=30) as client:
        assert (await client.get(url)).status_code == 401


async def test_containers_that_are_killed_at_random_lose_and_double_nothing(stack: Composed) -> None:
    kills = int(os.environ.get("TEST_COMPOSE_KILLS", "6"))
    killed, problems = await kill_at_random(stack, kills=kills, quiet_seconds=QUIET_SECONDS)
    assert problems == []
    assert killed.total() == kills


async def test_a_second_host_with_workers_only_takes_over_what_the_first_one_leaves(
    stack: Composed, project: Any, run_docker: Any, tmp_path: Path
) -> None:
    number = await stack.publish(ask=True)
    await waits(stack, number)
    # Two projects have no network in common; the second one reaches the machine's own address.
    gateway = run_docker(
        "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"
    ).stdout.strip()
    port = free_port()
    with (project.folder / "env").open("a") as file:
        file.write(f"BIND=0.0.0.0\nALLOWED_HOSTS={gateway}\nPOSTGRES_PORT={port}\n")
    remote = ("--file", str(ROOT / "deployments" / "compose" / "remote.yaml"))
    # The order of files counts: compose.yaml first.
    first = [*stack.compose[:-2], *remote, *stack.compose[-2:]]
    up = ("up", "--detach", "--wait", "--wait-timeout", "600", "postgres", "nats", "server", "listener", "api")
    run_docker(*first[1:], *up, seconds=700)
    secrets = tmp_path / "secrets"
    (secrets / "agents").mkdir(parents=True)
    for name in ("prefect_auth", "signing.key"):
        (secrets / name).write_bytes((stack.secrets / name).read_bytes())
    url = (stack.secrets / "database_url").read_text()
    (secrets / "database_url").write_text(url.replace("@postgres:5432", f"@{gateway}:{port}"))
    project("stop", "worker", seconds=120)
    settings = f"COMMANDCENTER_IMAGE={project.image}\nSECRETS={secrets}\nREPOSITORIES={tmp_path}/repositories\n"
    (tmp_path / "env").write_text(
        f"{settings}PLATFORM={gateway}\nPREFECT_PORT={project.ports['PREFECT_PORT']}\nPOSTGRES_PORT={port}\n"
    )
    second = ("compose", "--file", str(ROOT / "deployments" / "compose" / "worker.yaml"), "--project-directory")
    second += (str(ROOT), "--env-file", str(tmp_path / "env"), "--project-name", f"{project.name}-second")
    try:
        run_docker(*second, "up", "--detach", "--wait", "--wait-timeout", "300", seconds=400)
        await stack.publish()
        assert await stack.quiet(QUIET_SECONDS) == []
    finally:
        run_docker(*second, "down", "--volumes", check=False, seconds=120)
        project("start", "worker", seconds=120)
