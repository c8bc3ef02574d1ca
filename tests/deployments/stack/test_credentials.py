"""What the parts of the embedded platform ask of whoever comes, on a real stack."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import nats
import nats.errors
import pytest
from nats.aio.client import Client

from deployments.stack.addresses import Addresses
from deployments.stack.stack import Stack
from records import upgrade
from reliability.settings import StackSettings


@pytest.fixture
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    settings = StackSettings(state=tmp_path_factory.mktemp("credentials") / "state")  # pyright: ignore[reportCallIssue]

    async def prepare(addresses: Addresses) -> None:
        await upgrade(addresses.database_url)

    async with Stack(settings, prepare=prepare) as started:
        yield started


async def _as(url: str, errors: list[Exception]) -> Client:
    async def failed(error: Exception) -> None:
        errors.append(error)

    return await nats.connect(url, connect_timeout=5, error_cb=failed)


async def test_nobody_gets_in_without_what_the_parts_were_given(stack: Stack):
    addresses = stack.addresses

    # Prefect: nothing without the password, from wherever it comes.
    filter_url = f"{addresses.api_url}/flow_runs/filter"
    user, _, password = addresses.prefect_auth.partition(":")
    own, foreign = {"origin": addresses.ui_url}, {"origin": "https://attacker.example"}
    async with httpx.AsyncClient(trust_env=False) as web:
        assert (await web.post(filter_url, json={})).status_code == 401
        assert (await web.post(filter_url, json={}, auth=(user, "wrong"))).status_code == 401
        assert (await web.post(filter_url, json={}, auth=(user, password))).status_code == 200
        assert (await web.get(f"{addresses.api_url}/health")).status_code == 200
        # Even a browser that knows the password does not lend it to other pages.
        assert (await web.post(filter_url, json={}, auth=(user, password), headers=own)).status_code == 200
        refused = await web.post(filter_url, json={}, auth=(user, password), headers=foreign)
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
        assert (await web.get(addresses.ui_url, headers={"host": "attacker.example"})).status_code == 400

        # Nor does somebody without it hold up the others: more bodies that never come than are read at a time.
        host, port = addresses.ui_url.rpartition("/")[2].split(":")
        slow = [await asyncio.open_connection(host, int(port)) for _ in range(9)]
        head = f"POST /api/flow_runs/filter HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\n".encode()
        for reader, writer in slow:
            writer.write(head)
            assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 401 ")
        assert (await web.post(filter_url, json={}, auth=(user, password))).status_code == 200
        for _, writer in slow:
            writer.close()

    # NATS: nobody without a password; a publisher publishes and does nothing else.
    port = addresses.nats_url.rpartition(":")[2]
    assert "Authorization Violation" in await _without_a_password(int(port))
    platform = await _as(addresses.nats_url, [])
    await platform.jetstream().add_stream(name="kept", subjects=["commandcenter.in.1.publisher.kept.>"])
    errors: list[Exception] = []
    publisher = await _as(addresses.publisher_url, errors)
    assert (await publisher.jetstream().publish("kept.thing", b"1")).stream == "kept"
    for forbidden in (
        lambda: publisher.jetstream().purge_stream("kept"),
        lambda: publisher.jetstream().delete_stream("kept"),
        lambda: publisher.jetstream().add_stream(name="mine", subjects=["mine"]),
    ):
        with pytest.raises((nats.errors.Error, TimeoutError)):
            await asyncio.wait_for(forbidden(), 2)
    heard = await platform.subscribe("workflow.approval.*")
    await platform.flush()
    await publisher.publish("workflow.approval.decided", b"{}")
    await publisher.flush()
    with pytest.raises(nats.errors.TimeoutError):
        await heard.next_msg(timeout=0.5)
    assert any("permissions violation" in str(error).lower() for error in errors), errors
    assert (await platform.jetstream().stream_info("kept")).state.messages == 1
    await publisher.close()
    await platform.close()

    # Each part has its own credentials in its environment, and no other part's.
    secrets = {"nats": _password_of(addresses.nats_url), "prefect": password}
    given = {name: _environment(part.pid) for name, part in stack.parts.items()}
    has = {name: {which for which, secret in secrets.items() if secret in text} for name, text in given.items()}
    assert has == {"nats": set(), "prefect": {"prefect"}, "worker": {"prefect"}, "listener": {"nats", "prefect"}}
    for name, part in stack.parts.items():
        line = Path(f"/proc/{part.pid}/cmdline").read_text()
        assert not any(secret in line for secret in secrets.values()), name
    for log in (Path(addresses.state) / "logs").iterdir():
        assert not any(secret in log.read_text() for secret in secrets.values()), log


async def test_a_password_that_an_operator_sets_is_used_by_every_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "ops:chosen-by-somebody")
    settings = StackSettings(state=tmp_path / "state")  # pyright: ignore[reportCallIssue]

    async def prepare(addresses: Addresses) -> None:
        await upgrade(addresses.database_url)

    async with Stack(settings, prepare=prepare) as stack:
        assert stack.addresses.prefect_auth == "ops:chosen-by-somebody"
        async with httpx.AsyncClient(trust_env=False, auth=("ops", "chosen-by-somebody")) as web:
            url = f"{stack.addresses.api_url}/work_pools/commandcenter/workers/filter"
            assert [each["status"] for each in (await web.post(url, json={})).json()] == ["ONLINE"]
        listener = (Path(stack.addresses.state) / "logs" / "listener.log").read_text()
        assert "401" not in listener
        assert os.environ["PREFECT_SERVER_API_AUTH_STRING"] == "ops:chosen-by-somebody"


async def _without_a_password(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await reader.readline()
        writer.write(b'CONNECT {"verbose": true}\r\nPING\r\n')
        return (await reader.readline()).decode()
    finally:
        writer.close()
        await writer.wait_closed()


def _password_of(url: str) -> str:
    return url.partition("://")[2].rpartition("@")[0].partition(":")[2]


def _environment(pid: int | None) -> str:
    return Path(f"/proc/{pid}/environ").read_text()
