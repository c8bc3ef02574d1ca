"""Publishers of two projects on the embedded NATS: each speaks for its own project, and can do nothing else."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.errors import APIError, ServiceUnavailableError

from compiler import matches
from deployments.stack.addresses import Addresses
from deployments.stack.free_ports import Ports
from deployments.stack.nats_accounts import ACCOUNT
from deployments.stack.nats_server import (
    PLATFORM,
    PUBLISHER,
    apply_publishers,
    nats_server,
    prepare_publisher,
    write_settings,
)
from deployments.stack.probe import NatsProbe
from deployments.stack.process import Command
from deployments.stack.state_folder import StateFolder
from deployments.stack.supervised_process import SupervisedProcess
from operations.publishers import add_publisher, revoke_publisher
from records import NameRefused, Records, upgrade
from records.projects.limits import ProjectLimits
from triggers.in_memory import MemoryLaunch
from triggers.intake import Intake
from triggers.nats.event_subjects import take_subjects_now
from triggers.nats.project_listeners import ProjectListeners


@dataclass
class Nats:
    """The embedded server with its settings, records, and listeners without a Prefect behind them."""

    addresses: Addresses
    records: Records
    listening: asyncio.Task[None]


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Nats]:
    state = StateFolder(tmp_path / "state")
    state.create()
    ports = Ports()
    port = ports.choose(None, remembered=None, part="NATS", option="--nats-port")
    passwords = {PLATFORM: "platform-password", PUBLISHER: "publisher-password"}
    state.remember({"nats_port": port, "passwords": passwords, "project_id": 1})
    settings = write_settings(state, port=port, passwords=passwords)
    addresses = Addresses(
        state=str(state.path),
        api_url="",
        ui_url="",
        nats_url=f"nats://{PLATFORM}:{passwords[PLATFORM]}@127.0.0.1:{port}",
        publisher_url=f"nats://{PUBLISHER}:{passwords[PUBLISHER]}@127.0.0.1:{port}",
        database_url=f"sqlite:///{state.path / 'records.db'}",
        pool="",
    )
    await upgrade(addresses.database_url)
    command = Command(
        name="nats",
        arguments=[nats_server(), "--config", str(settings)],
        env=dict(os.environ),
        log=state.logs / "nats.log",
    )
    server = SupervisedProcess(command, probe=NatsProbe(port), timeout=120, report=lambda part, event: None)
    await server.start()
    async with await Records.open(addresses.database_url) as records:
        await prepare_publisher(addresses, records, project_id=1)
        connection = await nats.connect(addresses.nats_url)
        intake = Intake(inbox=records, launch=MemoryLaunch(), matches=matches)
        listeners = ProjectListeners(connection=connection, intake=intake, refresh_seconds=0.1)
        listening = asyncio.create_task(listeners.run())
        yield Nats(addresses, records, listening)
        listening.cancel()
        await asyncio.wait([listening])
        await connection.close()
    await server.stop()
    ports.release()


async def test_a_publisher_speaks_for_its_project_and_does_nothing_else(stack: Nats):
    addresses = stack.addresses
    host = addresses.nats_url.rpartition("@")[2]
    records = stack.records
    await records.set_project_limits(ProjectLimits(project_id=2, event_messages=3))
    made = await add_publisher("ci", records=records, project_id=2, by="test")
    with pytest.raises(NameRefused):
        await add_publisher("ci", records=records, project_id=1, by="test")
    await apply_publishers(addresses, records)
    assert await take_subjects_now(addresses.nats_url, records)
    settings = (Path(addresses.state) / "run" / "nats.conf").read_text()
    assert made.password not in settings
    errors: list[Exception] = []
    first = await _as(addresses.publisher_url, errors)
    second = await _as(f"nats://ci:{made.password}@{host}", errors)
    platform = await _as(addresses.nats_url, errors)

    # What it says of itself does not count: the project and the name are NATS' word.
    lie = {"projectId": 1, "filePath": "a.py", "repositoryPath": "/r"}
    headers = {"Nats-Request-Info": '{"user": "publisher"}'}
    acknowledged = await second.jetstream().publish(
        "graph.file.updated", json.dumps(lie).encode(), headers=headers
    )
    assert acknowledged.stream == "COMMANDCENTER_EVENTS_2"
    letter = await _letter(records, 2)
    assert "its publisher belongs to project 2" in letter.reason
    assert letter.subject == "graph.file.updated"
    assert await records.dead_letters(1) == []
    manual = {"triggeredBy": "ann", "context": {}}
    await second.jetstream().publish("workflow.trigger.no-such", json.dumps(manual).encode())
    assert "project 2 has no active workflow" in (await _letter(records, 2, about="no-such")).reason
    received = await records.received_events(2)
    assert {each.project_id for each in received} == {2}

    # It reaches neither the streams, nor the platform's words, nor another project's subjects.
    stream = "COMMANDCENTER_EVENTS_1"
    for forbidden in (
        lambda: second.jetstream().purge_stream(stream),
        lambda: second.jetstream().delete_stream(stream),
        lambda: second.jetstream().stream_info(stream),
        lambda: second.request("commandcenter.in.1.publisher.graph.file.updated", b"{}"),
        lambda: second.request("workflow.approval.decided", b"{}"),
        lambda: second.request("$JS.API.STREAM.SNAPSHOT.COMMANDCENTER_EVENTS_1", b"{}"),
    ):
        with pytest.raises((nats.errors.Error, TimeoutError)):
            await asyncio.wait_for(forbidden(), 2)
    # It hears what became of its own runs, and of no others.
    heard = {
        1: await first.subscribe("workflow.completed.*"),
        2: await second.subscribe("workflow.completed.*"),
    }
    await second.subscribe("commandcenter.>")
    await first.flush()
    await second.flush()
    await platform.publish("commandcenter.out.1.workflow.completed.audit", b"1")
    await platform.publish("commandcenter.out.2.workflow.completed.audit", b"2")
    await platform.flush()
    for project, subscription in heard.items():
        assert (await subscription.next_msg(timeout=10)).data == str(project).encode()
        assert subscription.pending_msgs == 0

    # Its stream has room for three; the next one is refused and says so. The other project's is as empty as before.
    stack.listening.cancel()
    await asyncio.wait([stack.listening])
    for _ in range(3):
        await second.jetstream().publish("graph.symbol.changed", b"{}")
    with pytest.raises((APIError, ServiceUnavailableError)) as refused:
        await second.jetstream().publish("graph.symbol.changed", b"{}")
    assert "maximum messages exceeded" in str(refused.value.description)
    assert (await first.jetstream().publish("graph.symbol.changed", b"{}")).stream == stream

    # Revoked, it is out at once, and cannot come back.
    await second.close()
    reader, writer = await _signed_in(host, "ci", made.password)
    assert await reader.readline() == b"+OK\r\n"
    await revoke_publisher("ci", records=records, by="test")
    await apply_publishers(addresses, records)
    await asyncio.wait_for(reader.read(), 10)  # to its end
    await _close(writer)
    reader, writer = await _signed_in(host, "ci", made.password)
    assert b"Authorization Violation" in await reader.readline()
    await _close(writer)
    assert first.is_connected
    assert platform.is_connected
    for each in (first, platform):
        await each.close()


async def test_events_of_a_version_without_accounts_are_still_there(tmp_path: Path):
    """Streams lay in NATS' global account before; they become the platform's."""
    state = StateFolder(tmp_path)
    state.create()
    kept = state.path / "nats" / "jetstream" / "$G" / "streams" / "COMMANDCENTER_EVENTS"
    kept.mkdir(parents=True)
    write_settings(state, port=4222, passwords={PLATFORM: "a", PUBLISHER: "b"})
    assert (state.path / "nats" / "jetstream" / ACCOUNT / "streams" / "COMMANDCENTER_EVENTS").is_dir()
    assert not (state.path / "nats" / "jetstream" / "$G").exists()


async def _as(url: str, errors: list[Exception]) -> Client:
    async def failed(error: Exception) -> None:
        errors.append(error)

    return await nats.connect(url, connect_timeout=5, error_cb=failed, max_reconnect_attempts=1)


async def _signed_in(host: str, user: str, password: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bare connection, so that nothing connects again; the answer is the next line."""
    reader, writer = await asyncio.open_connection(*host.split(":"))
    await reader.readline()
    writer.write(f"CONNECT {json.dumps({'verbose': True, 'user': user, 'pass': password})}\r\n".encode())
    return reader, writer


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def _letter(records: Records, project_id: int, *, about: str = "") -> Any:
    async with asyncio.timeout(60):
        while True:
            for each in await records.dead_letters(project_id):
                if about in each.reason:
                    return each
            await asyncio.sleep(0.05)
