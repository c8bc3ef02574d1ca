"""Real certificates: the API, Prefect's server, NATS and PostgreSQL over TLS, and what is refused without it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import nats.errors
import pytest
import trustme
import uvicorn

from api import create_app
from api.server import serving
from deployments.stack.given_servers import ServerUnreachable, require_nats, require_prefect
from records import DatabaseUnavailable, Records, upgrade
from reliability.plaintext import PlaintextRefused
from reliability.settings import ListenerSettings, SettingsError
from reliability.slow_requests import LIMITS, ImpatientProtocol
from reliability.tls import ServerCertificate, TlsError
from triggers.nats.connection import open_once

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Certificates:
    ca: Path
    cert: Path
    key: Path
    other_ca: Path
    authority: trustme.CA


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    authority, other = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    other.cert_pem.write_to_path(folder / "other.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    (folder / "key.pem").chmod(0o600)
    return Certificates(
        folder / "ca.pem", folder / "cert.pem", folder / "key.pem", folder / "other.pem", authority
    )


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    url = f"sqlite:///{tmp_path}/records.db"
    await upgrade(url)
    async with await Records.open(url) as opened:
        yield opened


@pytest.fixture
def tls(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    monkeypatch.setenv("COMMANDCENTER_TLS_CERT", str(certificates.cert))
    monkeypatch.setenv("COMMANDCENTER_TLS_KEY", str(certificates.key))
    monkeypatch.setenv("COMMANDCENTER_TLS_CA", str(certificates.ca))
    return certificates


async def test_the_api_serves_over_tls_and_nothing_else(records: Records, tls: Certificates) -> None:
    async with serving(create_app(records, {}), port=0) as url:
        assert url.startswith("https://")
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(tls.ca))) as client:
            assert (await client.get(f"{url}/health")).json()["status"] == "ok"
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(tls.other_ca))) as client:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get(f"{url}/health")
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.HTTPError):
                await client.get(url.replace("https", "http") + "/health")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(str(tls.ca))
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        async with httpx.AsyncClient(verify=old) as client:
            assert (await client.get(f"{url}/health")).is_success


def test_a_certificate_that_cannot_be_used_is_refused(tls: Certificates) -> None:
    for cert, key in (("", "x"), (str(tls.cert), ""), (str(tls.ca), str(tls.key)), ("/nowhere", "/nowhere")):
        with pytest.raises(TlsError, match="COMMANDCENTER_TLS_"):
            ServerCertificate.load({"COMMANDCENTER_TLS_CERT": cert, "COMMANDCENTER_TLS_KEY": key})
    assert ServerCertificate.load({}) is None


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["-m", "api", "--host", "0.0.0.0"], "the API would listen on '0.0.0.0' in plain text"),
        (["-m", "deployments.prefect_server", "--host", "0.0.0.0"], "Prefect's API would listen on '0.0.0.0'"),
        (["-m", "deployments.cli", "up", "--host", "0.0.0.0"], "Prefect's API would listen on '0.0.0.0'"),
        (["-m", "triggers"], "NATS at 'nats.example.org' would be spoken to in plain text"),
        (["-m", "deployments.worker"], "Prefect's API at 'prefect.example.org' would be spoken to in plain text"),
        (["-m", "deployments.cli", "people", "list"], "the database at 'db.example.org' would be spoken to"),
    ],
)
def test_parts_refuse_plain_text_at_their_start(tmp_path: Path, command: list[str], said: str) -> None:
    elsewhere = {
        "triggers": {"NATS_URL": "nats://u:top-secret@nats.example.org"},
        "deployments.worker": {"PREFECT_API_URL": "http://prefect.example.org/api"},
        "people": {"DATABASE_URL": "postgresql://u:top-secret@db.example.org/records"},
    }
    environment = {
        **os.environ,
        "COMMANDCENTER_STATE": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/records.db",
        "PREFECT_HOME": str(tmp_path),
        **{name: value for key, more in elsewhere.items() if key in command for name, value in more.items()},
    }
    if command[1] == "deployments.cli":
        command = ["-c", "from deployments.cli.main import main; main()", *command[2:]]
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert "top-secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def nats_server(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("nats"), free_port()
    (folder / "nats.conf").write_text(
        f'listen: "127.0.0.1:{port}"\nauthorization {{ user: u, password: top-secret }}\n'
        f'tls {{ cert_file: "{certificates.cert}", key_file: "{certificates.key}" }}\n'
    )
    binary = Path(sys.executable).with_name("nats-server")
    with subprocess.Popen([binary, "-c", folder / "nats.conf"], stderr=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.kill()


async def test_nats_is_spoken_to_over_tls_by_its_own_authority(
    nats_server: int,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"tls://u:top-secret@127.0.0.1:{nats_server}"
    options = {"connect_timeout": 10, "max_reconnect_attempts": 50, "reconnect_time_wait": 0.2}
    monkeypatch.setenv("COMMANDCENTER_TLS_CA", str(certificates.ca))
    client = await open_once(url, **options)
    subscription = await client.subscribe("a")
    # More than asyncio keeps for a reader before it holds back the sender.
    for size in (1, 900_000, 900_000):
        await client.publish("a", b"1" * size)
    assert [len((await subscription.next_msg(10)).data) for _ in range(3)] == [1, 900_000, 900_000]
    await client.close()
    await asyncio.sleep(0)  # the transport closes in the next turn of the loop
    assert [each.message for each in caplog.records if each.name == "asyncio"] == []
    monkeypatch.setenv("COMMANDCENTER_TLS_CA", str(certificates.other_ca))
    with pytest.raises((nats.errors.Error, ssl.SSLError)):
        await open_once(url, connect_timeout=10, allow_reconnect=False)


async def test_a_certificate_that_is_refused_is_said_to_be_so(
    nats_server: int,
    records: Records,
    tls: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A person would look for a server that does not run."""
    now = datetime.now(UTC)
    elsewhere = tls.authority.issue_cert("elsewhere.example")
    expired = tls.authority.issue_cert(
        "127.0.0.1", not_before=now - timedelta(days=2), not_after=now - timedelta(days=1)
    )
    for issued, reason in ((elsewhere, "not valid for '127.0.0.1'"), (expired, "has expired"), (None, "issuer")):
        if issued is None:
            monkeypatch.setenv("COMMANDCENTER_TLS_CERT", str(tls.cert))
            monkeypatch.setenv("COMMANDCENTER_TLS_KEY", str(tls.key))
            monkeypatch.setenv("COMMANDCENTER_TLS_CA", str(tls.other_ca))
        else:
            with (tmp_path / "both.pem").open("wb") as both:
                both.write(issued.private_key_and_cert_chain_pem.bytes())
            monkeypatch.setenv("COMMANDCENTER_TLS_CERT", str(tmp_path / "both.pem"))
            monkeypatch.setenv("COMMANDCENTER_TLS_KEY", str(tmp_path / "both.pem"))
        async with serving(create_app(records, {}), port=0) as url:
            with pytest.raises(ServerUnreachable, match="shows a certificate that is refused") as refused:
                await require_prefect(f"{url}/api", "admin:top-secret")
        assert reason in str(refused.value)
        assert "COMMANDCENTER_TLS_CA" in str(refused.value)
        assert "top-secret" not in str(refused.value)
    with pytest.raises(ServerUnreachable, match=r"shows a certificate that is refused .*issuer"):
        await require_nats(f"tls://u:top-secret@127.0.0.1:{nats_server}")


async def test_no_password_is_sent_to_a_server_that_says_it_has_no_tls() -> None:
    """Whoever is on the way can say so."""
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,"auth_required":true}\r\n')
        heard.append(await reader.read(4096))
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(pretend, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(nats.errors.Error):
            await open_once(f"tls://u:top-secret@127.0.0.1:{port}", connect_timeout=5, allow_reconnect=False)
        await asyncio.wait_for(ended.wait(), 60)
    assert b"top-secret" not in b"".join(heard)


async def test_other_machines_are_not_spoken_to_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlaintextRefused):
        await open_once("nats://u:p@nats.example.org")
    with pytest.raises(DatabaseUnavailable, match="plain text"):
        await Records.open("postgresql://u:p@db.example.org/records")
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example.org/api")
    with pytest.raises(SettingsError, match="plain text"):
        ListenerSettings.load()


async def test_slow_requests_are_ended(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "head_seconds", 0.5)
    monkeypatch.setattr("api.limits.BODY_SECONDS", 0.5)
    server = uvicorn.Server(uvicorn.Config(create_app(records, {}), log_level="warning", **LIMITS))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    serving = asyncio.create_task(server.serve(sockets=[listening]))

    async def say(*pieces: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        try:
            async with asyncio.timeout(60):
                return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    head = b"POST /session HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    whole = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    body = b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    assert await say() == b""
    assert await say(head) == b""
    assert (await say(head, body)).startswith(b"HTTP/1.1 408 ")
    # One whole request, and a second that never ends.
    assert (await say(whole, head)).count(b"HTTP/1.1") == 1
    assert (await say(head, b"X: " + b"a" * 100_000)).startswith(b"HTTP/1.1 400 ")
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/health")).is_success
    server.should_exit = True
    await serving
