"""Day two on real containers: credentials are replaced, containers killed, and all is lost and restored."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
import tarfile
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import nats
import nats.errors
import pytest
from composed import Composed, kill_at_random, until

from records.copies.postgres_copy import RECORD_TABLES

ROOT = Path(__file__).parents[3]
START_SECONDS = 600
QUIET_SECONDS = 600

# nats-py leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


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


def rows(stack: Composed) -> dict[str, list[Any]]:
    """Table of the records -> [number of rows, a digest of all of them]."""
    each = (
        f"""SELECT '{name}' AS name, count(*) AS n, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS d
        FROM "{name}" t"""
        for name in RECORD_TABLES
    )
    return stack.sql(f"SELECT json_object_agg(name, json_build_array(n, d)) FROM ({' UNION ALL '.join(each)}) x")


async def test_all_that_is_lost_comes_back_from_a_backup(stack: Composed, project: Any) -> None:
    """PostgreSQL, JetStream and the code of agents: backed up while all runs, thrown away, restored and compared."""
    ended = [await stack.publish() for _ in range(2)]
    await until(lambda: all(number in stack.ended() for number in ended), QUIET_SECONDS, "the first runs' end")
    number = await stack.publish(ask=True)
    await until(lambda: stack.asks(number), QUIET_SECONDS, "the question")
    backups = project.folder / "backups"
    backups.mkdir(exist_ok=True)
    backup = ("run", "--rm", "--no-TTY", "--no-deps", "--user", f"{os.getuid()}:{os.getgid()}", "backup")
    project(*backup, seconds=300)
    (running,) = backups.glob("*.tar.gz")
    with tarfile.open(running) as tar:
        assert {"signing.key", "manifest.json"} <= set(tar.getnames())
        manifest = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert manifest["secrets"] is False
    running.unlink()
    # Nobody takes events any more: this one is in the stream only.
    project("stop", "listener", "worker", "api", seconds=120)
    await stack.publish()
    project(*backup, seconds=300)
    (kept,) = backups.glob("*.tar.gz")
    assert kept.stat().st_mode & 0o777 == 0o600
    before = rows(stack)
    project("down", "--volumes", seconds=300)
    (stack.secrets / "signing.key").unlink()
    with tarfile.open(kept) as tar:
        (stack.secrets / "signing.key").write_bytes(tar.extractfile("signing.key").read())  # type: ignore[union-attr]
    project("up", "--detach", "--wait", "postgres", "nats", seconds=START_SECONDS)
    told = json.loads(project(*backup, "commandcenter", "restore", f"/backups/{kept.name}", "--json", seconds=300))
    assert told["auditIntact"]
    assert told["messages"] >= 1
    assert rows(stack) == before
    again = await asyncio.to_thread(
        subprocess.run,
        [*stack.compose, *backup, "commandcenter", "restore", f"/backups/{kept.name}"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )
    assert again.returncode == 1
    assert "restore into an empty one" in again.stderr
    # The other tests of this file have the stack again; what waited goes on in tests/end_to_end/test_backup.py.
    project("up", "--detach", "--wait", "worker", "listener", "api", seconds=START_SECONDS)


async def test_every_credential_is_replaced_while_a_run_waits_for_a_person(stack: Composed) -> None:
    number = await stack.publish(ask=True)
    await until(lambda: stack.asks(number), QUIET_SECONDS, "the question")
    before = contents(stack.secrets)
    environment = {
        **os.environ,
        "COMPOSE": " ".join(stack.compose),
        "SECRETS": str(stack.secrets),
        "WAIT_SECONDS": str(START_SECONDS),
    }
    rotating = await asyncio.create_subprocess_exec(
        ROOT / "deployments" / "compose" / "rotate.sh",
        "all",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = asyncio.ensure_future(rotating.communicate())
    numbers = [number]
    while not said.done():
        # Events go on coming in.
        numbers.append(await stack.publish())
        await asyncio.wait([said], timeout=10)
    assert rotating.returncode == 0, (await said)[0].decode()[-3000:]
    after = contents(stack.secrets)
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
    # Over TCP, where PostgreSQL asks for a password.
    psql = ("exec", "--no-TTY", "--env", f"PGPASSWORD={before['records_password'].decode()}", "postgres", "psql")
    with pytest.raises(subprocess.CalledProcessError):
        stack.run(*psql, "--host", "postgres", "--username", "commandcenter", "--command", "SELECT 1")


async def test_containers_that_are_killed_at_random_lose_and_double_nothing(stack: Composed) -> None:
    kills = int(os.environ.get("TEST_COMPOSE_KILLS", "6"))
    killed, problems = await kill_at_random(stack, kills=kills, quiet_seconds=QUIET_SECONDS)
    assert problems == []
    assert killed.total() == kills


async def test_a_second_host_with_workers_only_takes_over_what_the_first_one_leaves(
    stack: Composed, project: Any, run_docker: Any, tmp_path: Path
) -> None:
    number = await stack.publish(ask=True)
    await until(lambda: stack.asks(number), QUIET_SECONDS, "the question")
    # Two projects have no network in common; the second one reaches the machine's own address.
    subnet = run_docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}").stdout
    # A Docker that was just installed does not name its gateway: it is the first address.
    gateway = str(next(ip_network(subnet.strip()).hosts()))
    port = free_port()
    with (project.folder / "env").open("a") as file:
        file.write(f"BIND=0.0.0.0\nALLOWED_HOSTS={gateway}\nPOSTGRES_PORT={port}\n")
    remote = ("--file", str(ROOT / "deployments" / "compose" / "remote.yaml"))
    # compose.yaml comes first, since the files behind it change it.
    first = [*stack.compose[:6], *remote, *stack.compose[6:]]
    up = ("up", "--detach", "--wait", "--wait-timeout", "600", "postgres", "nats", "server", "listener", "api")
    run_docker(*first[1:], *up, seconds=700)
    secrets = tmp_path / "secrets"
    (secrets / "agents").mkdir(parents=True)
    for name in ("prefect_auth", "signing.key"):
        shutil.copy(stack.secrets / name, secrets / name)
    url = (stack.secrets / "database_url").read_text()
    (secrets / "database_url").write_text(url.replace("@postgres:5432", f"@{gateway}:{port}"))
    project("stop", "worker", seconds=120)
    settings = {
        "COMMANDCENTER_IMAGE": project.image,
        "SECRETS": secrets,
        "REPOSITORIES": tmp_path / "repositories",
        "PLATFORM": gateway,
        "PREFECT_PORT": project.ports["PREFECT_PORT"],
        "POSTGRES_PORT": port,
        "ALLOW_PLAINTEXT": "database,prefect",
    }
    (tmp_path / "env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    second = ("compose", "--file", str(ROOT / "deployments" / "compose" / "worker.yaml"), "--project-directory")
    second += (str(ROOT), "--env-file", str(tmp_path / "env"), "--project-name", f"{project.name}-second")
    try:
        run_docker(*second, "up", "--detach", "--wait", "--wait-timeout", "300", seconds=400)
        await stack.publish()
        assert await stack.quiet(QUIET_SECONDS) == []
    finally:
        run_docker(*second, "down", "--volumes", check=False, seconds=120)
        project("start", "worker", seconds=120)
