"""NATS as compose.yaml has it: its configuration and secrets, TLS from the first byte, an account for the publisher."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from triggers.nats import connection
from triggers.nats.connection import jetstream
from triggers.nats.tls import VARIABLE, NatsCaUnusable, tls_options

ROOT = Path(__file__).parents[3]


class Broker:
    """nats-server with the files of compose.yaml."""

    def __init__(self, folder: Path) -> None:
        self.secrets = folder / "secrets"
        subprocess.run(
            [ROOT / "deployments" / "compose" / "make-secrets.sh", self.secrets],
            check=True,
            capture_output=True,
            timeout=60,
        )
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port: int = found.getsockname()[1]
        text = (ROOT / "deployments" / "compose" / "nats.conf").read_text()
        for here, there in (
            ("0.0.0.0:4222", f"127.0.0.1:{self.port}"),
            ('http: "127.0.0.1:8222"', ""),
            ("/etc/nats/cert.pem", f"{self.secrets}/nats_cert.pem"),
            ("/etc/nats/key.pem", f"{self.secrets}/nats_key.pem"),
            ("/data", f"{folder}/data"),
            ("./auth.conf", "./secrets/nats_auth.conf"),
        ):
            assert here in text
            text = text.replace(here, there)
        (folder / "nats.conf").write_text(text)
        command = [Path(sys.executable).with_name("nats-server"), "--config", folder / "nats.conf"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def url(self, user: str) -> str:
        word = (self.secrets / f"nats_{user}_password").read_text()
        return f"tls://{user}:{word}@127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("secured"))
    yield broker
    broker.process.kill()
    broker.process.wait()


@pytest.fixture
async def platform(secured: Broker, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setenv(VARIABLE, str(secured.secrets / "nats_ca.pem"))
    async with asyncio.timeout(30):
        client = await connection.connect(secured.url("platform"))
    yield client
    await client.close()


async def test_the_platform_connects_by_tls_and_finds_its_limits(platform: Client) -> None:
    account = await jetstream(platform).account_info()
    assert account.limits.max_storage == 4 << 30
    assert account.limits.max_streams == 16
    assert platform.connected_url is not None
    assert platform.connected_url.scheme == "tls"


@pytest.fixture
async def streams(platform: Client) -> JetStreamContext:
    """The platform's, with a stream for the events of each of two projects, and one of its own."""
    found = jetstream(platform)
    for name, subject in (("one", "commandcenter.in.1.>"), ("two", "commandcenter.in.2.>"), ("own", "private.>")):
        await found.add_stream(name=name, subjects=[subject])
    return found


async def test_a_publisher_begins_without_tls_is_told_and_publishes(
    secured: Broker, streams: JetStreamContext
) -> None:
    tls = ssl.create_default_context(cafile=secured.secrets / "nats_ca.pem")
    refused: asyncio.Queue[Exception] = asyncio.Queue()
    client = await nats.connect(secured.url("publisher"), tls=tls, error_cb=refused.put, allow_reconnect=False)
    try:
        assert (await client.jetstream().publish("graph.file.updated", b"{}")).stream == "one"
        assert (await streams.get_last_msg("one", "commandcenter.in.1.publisher.graph.file.updated")).data == b"{}"
        await client.publish("workflow.completed.forged", b"{}")
        async with asyncio.timeout(30):
            assert "permissions violation" in str(await refused.get()).lower()
    finally:
        await client.close()


async def test_a_publisher_hears_nothing_of_what_the_platform_is_answered(
    secured: Broker, streams: JetStreamContext
) -> None:
    tls = ssl.create_default_context(cafile=secured.secrets / "nats_ca.pem")
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    spy = await nats.connect(secured.url("publisher"), tls=tls, allow_reconnect=False)
    try:
        await spy.subscribe("_INBOX.>", cb=hear)
        await spy.flush()
        await streams.publish("private.word", b"of another program")
        fetching = await streams.pull_subscribe("private.>", durable="reader", stream="own")
        (message,) = await fetching.fetch(1, timeout=30)
        assert message.data == b"of another program"
        # Whatever was sent to it before this answer has come before it.
        await spy.jetstream().publish("private.word", b"its own")
        assert all(each.startswith(spy.new_inbox()[:6]) for each in heard)
        own = len(heard)
        await spy.flush()
        assert (own, len(heard)) == (1, 1)
    finally:
        await spy.close()


async def test_a_publisher_forges_nothing_by_a_subject_or_by_where_it_is_answered(
    secured: Broker, platform: Client, streams: JetStreamContext
) -> None:
    """In the platform's account, NATS itself would send an acknowledgement to whatever subject asks for it."""
    forged = (
        "commandcenter.in.2.ci.graph.file.updated",
        "commandcenter.in.1.ci.graph.file.updated",
        "commandcenter.out.2.workflow.completed.forged",
        "workflow.completed.forged",
        "private.word.forged",
        "$JS.API.STREAM.PURGE.own",
        "$JS.API.STREAM.DELETE.two",
        "_COMMANDCENTER_INBOX.forged",
    )
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    await streams.publish("private.kept", b"{}")
    before = [(await streams.stream_info(name)).state.last_seq for name in ("two", "own")]
    for subject in ("workflow.>", "commandcenter.out.>", "_COMMANDCENTER_INBOX.forged"):
        await platform.subscribe(subject, cb=hear)
    await platform.flush()
    tls = ssl.create_default_context(cafile=secured.secrets / "nats_ca.pem")
    client = await nats.connect(secured.url("publisher"), tls=tls, error_cb=_ignore, allow_reconnect=False)
    try:
        for subject in forged:
            await client.publish(subject, b"{}")
            await client.publish("graph.file.updated", b"{}", reply=subject)
        # What was sent before has arrived before the answer to this.
        assert (await client.jetstream().publish("graph.file.updated", b"{}")).stream == "one"
    finally:
        await client.close()
    await platform.flush()
    assert heard == []
    assert [(await streams.stream_info(name)).state.last_seq for name in ("two", "own")] == before
    assert (await streams.get_last_msg("own", "private.kept")).data == b"{}"
    with pytest.raises(NotFoundError):
        await streams.get_last_msg("one", forged[1])


async def _ignore(error: Exception) -> None:
    """Refused, as it should be."""


async def test_a_certificate_of_another_authority_is_refused(secured: Broker) -> None:
    with pytest.raises((nats.errors.Error, OSError)):
        await nats.connect(secured.url("platform"), allow_reconnect=False, max_reconnect_attempts=0)


async def test_a_server_that_knows_no_tls_never_sees_the_password(secured: Broker) -> None:
    seen = bytearray()

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1000,"tls_required":false}\r\n')
        seen.extend(await reader.read(1 << 16))
        writer.close()

    server = await asyncio.start_server(pretend, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = tls_options({VARIABLE: str(secured.secrets / "nats_ca.pem")})
    url = secured.url("platform").rpartition(":")[0] + f":{port}"
    with pytest.raises((nats.errors.Error, OSError)):
        await nats.connect(url, allow_reconnect=False, max_reconnect_attempts=0, connect_timeout=2, **options)
    server.close()
    assert seen[:1] == b"\x16"  # a TLS handshake
    assert b"CONNECT" not in seen


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(NatsCaUnusable, match=f"{VARIABLE} names .*ca.pem"):
        tls_options({VARIABLE: str(tmp_path / "ca.pem")})
    assert tls_options({}) == {}
