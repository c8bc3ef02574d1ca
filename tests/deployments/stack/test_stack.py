"""The whole stack on real parts. One start serves several assertions: each costs seconds."""

import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx
import nats
import pytest
from prefect.client.orchestration import PrefectClient

from deployments.errors import PortTaken, ProcessFailed, StateInUse
from deployments.stack import supervised_process
from deployments.stack.addresses import running
from deployments.stack.doctor import examine, examine_platform
from deployments.stack.given_servers import ServerUnreachable, require_nats, require_prefect
from deployments.stack.stack import Stack
from records import upgrade
from reliability.settings import StackSettings

HERE = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def is_alive(pid: int | None) -> bool:
    assert pid is not None
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def settings(tmp_path, monkeypatch, prefect_home):
    shutil.copytree(prefect_home, tmp_path / "state" / "prefect")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    return StackSettings(state=tmp_path / "state")  # pyright: ignore[reportCallIssue]


def secrets_of(pid: int | None) -> set[str]:
    """The variables of a process, as the kernel has them, that open something."""
    names = {each.partition("=")[0] for each in Path(f"/proc/{pid}/environ").read_text().split("\0")}
    opens = ("_SECRET", "TOKEN", "AUTH_STRING", "DATABASE_URL", "CONNECTION_URL", "NATS_")
    return {name for name in names if any(part in name for part in opens)}


async def further_worker_is_told_the_same(state: Path, elsewhere: Path) -> None:
    """What a shell hands on that has nothing but the output of `commandcenter env`."""
    read = (
        "import os; from reliability.settings import WorkerSettings; found = WorkerSettings.load();"
        "print(*found.repository_roots, os.environ['COMMANDCENTER_SETTING_SMTP_HOST'], 'VALUE' in str(os.environ))"
    )
    script = f"""eval "$({BIN / "commandcenter"} env --state {state})" && {BIN / "python"} -c "{read}" """
    process = await asyncio.create_subprocess_exec(
        "env", "-i", f"PATH={os.environ['PATH']}", "bash", "-c", script, cwd=elsewhere, stdout=-1, stderr=-1
    )
    out, error = await process.communicate()
    assert out.decode().split() == [str(Path.cwd() / "repositories"), "it's", "a", "host", "False"], error.decode()
    assert "COMMANDCENTER_SECRET_TOKEN" in error.decode()
    assert "VALUE" not in error.decode()


async def test_it_starts_answers_mends_itself_remembers_and_leaves_nothing_behind(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("COMMANDCENTER_REPOSITORIES", "repositories")
    monkeypatch.setenv("COMMANDCENTER_SETTING_SMTP_HOST", "it's a host")
    monkeypatch.setenv("COMMANDCENTER_SECRET_TOKEN", "VALUE")
    for name in ("COMMANDCENTER_TOKEN", "COMMANDCENTER_OIDC_CLIENT_SECRET", "COMMANDCENTER_SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "VALUE")
    events: list[tuple[str, str]] = []
    prepared = []
    # A user's own folder `agents` where `up` is started is no part of the platform, nor is one of Prefect's.
    for name in ("agents", "tasks", "prefect"):
        (tmp_path / "project" / name).mkdir(parents=True)
        (tmp_path / "project" / name / "__init__.py").write_text("raise SystemExit('somebody else is imported')")
    monkeypatch.chdir(tmp_path / "project")

    async def prepare(addresses):
        prepared.append(addresses)
        await upgrade(addresses.database_url)

    async with Stack(settings, prepare=prepare, report=lambda *event: events.append(event)) as stack:
        addresses = stack.addresses
        assert prepared == [addresses]
        assert running(settings.state) == addresses
        assert {part for part, event in events if event == "ready"} == {"nats", "prefect", "worker", "listener"}
        assert stat.S_IMODE((settings.state / "run" / "nats.conf").stat().st_mode) == 0o600

        bus = await nats.connect(addresses.nats_url, connect_timeout=5)
        await bus.jetstream().add_stream(name="kept", subjects=["kept.>"])
        await bus.jetstream().publish("kept.thing", b"1")
        await bus.close()

        async with PrefectClient(addresses.api_url, auth_string=addresses.prefect_auth) as client:
            workers = await client.read_workers_for_work_pool("commandcenter")
            assert [worker.status for worker in workers] == ["ONLINE"]
            pool = await client.read_work_pool("commandcenter")
            assert (pool.type, pool.status) == ("commandcenter", "READY")

        with pytest.raises(StateInUse):
            async with Stack(settings):
                pass
        assert {name: secrets_of(part.pid) for name, part in stack.parts.items()} == {
            "nats": set(),
            "prefect": {"PREFECT_SERVER_API_AUTH_STRING"},
            "worker": {"COMMANDCENTER_SECRET_TOKEN", "DATABASE_URL", "PREFECT_API_AUTH_STRING"},
            "listener": {"DATABASE_URL", "NATS_URL", "PREFECT_API_AUTH_STRING"},
        }
        await further_worker_is_told_the_same(settings.state, tmp_path)

        first = stack.parts["nats"].pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while events.count(("nats", "ready")) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        bus = await nats.connect(addresses.nats_url, connect_timeout=5)
        assert (await bus.jetstream().stream_info("kept")).state.messages == 1
        await bus.close()
        pids = [part.pid for part in stack.parts.values()]

    assert not any(is_alive(pid) for pid in pids)
    assert running(settings.state) is None
    assert not httpx_answers(addresses.api_url)
    again = Stack(settings)
    again._state.acquire()
    assert again._choose_addresses() == addresses
    again._state.release()


def httpx_answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{url}/health", trust_env=False).is_success
    return False


async def test_a_taken_port_is_one_clear_message(settings):
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(PortTaken, match=rf"port {port} for Prefect's server .* --prefect-port"):
            async with Stack(settings.model_copy(update={"prefect_port": port})):
                pass


async def test_a_part_that_cannot_start_is_named_and_the_others_are_stopped(settings, tmp_path):
    broken = settings.model_copy(update={"prefect_database_url": "sqlite+aiosqlite:////no/such/folder/prefect.db"})
    stack = Stack(broken)
    with pytest.raises(ProcessFailed, match=r"^prefect ended .*prefect\.log") as failed:
        async with stack:
            pass
    assert "unable to open database file" in str(failed.value)
    assert not is_alive(stack.parts["nats"].pid)


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("COMMANDCENTER_NATS_PORT", "4999")
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/records")
    found = StackSettings()  # pyright: ignore[reportCallIssue]
    assert (found.nats_port, found.database_url) == (4999, "postgresql://localhost/records")


def test_children_compile_byte_code_and_bypass_proxies(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("NO_PROXY", "example.org")
    stack = Stack(StackSettings(state=tmp_path))  # pyright: ignore[reportCallIssue]
    stack._state.acquire()
    env = stack._choose_addresses().child_env(os.environ, part="listener")
    stack._state.release()
    assert "PYTHONDONTWRITEBYTECODE" not in env
    assert env["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert json.loads((tmp_path / "stack.json").read_text())["addresses"]["nats_url"] == env["NATS_URL"]


async def test_a_part_that_answers_and_fails_at_every_pass_is_reported_by_the_stack_and_by_doctor(
    settings, monkeypatch
):
    monkeypatch.setattr(supervised_process, "LOOK_SECONDS", 0.3)
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS", "1")
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS", "1")
    alone = settings.model_copy(update={"worker": False, "listener": False})
    events: list[tuple[str, str]] = []

    def told() -> list[str]:
        return [event for name, event in events if name == "prefect" and event.startswith("logs errors")]

    async with Stack(alone, report=lambda part, event: events.append((part, event))):
        assert not [each for each in await examine(alone.state) if each.what == "part prefect"]
        database = sqlite3.connect(alone.state / "prefect" / "prefect.db", timeout=30)
        with closing(database):
            database.execute("ALTER TABLE deployment_schedule RENAME TO gone")
            database.commit()
        deadline = time.monotonic() + 60
        while not told():
            assert time.monotonic() < deadline, (alone.state / "logs" / "prefect.log").read_text()[-3000:]
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        found = [each for each in await examine(alone.state) if each.what == "part prefect"]
    assert "deployment_schedule" in told()[0]
    assert "prefect.log" in told()[0]
    assert [(each.ok, each.needed) for each in found] == [(False, True)]
    assert "deployment_schedule" in found[0].detail


async def test_servers_that_are_there_are_used_and_one_that_is_not_is_named(settings, tmp_path, monkeypatch):
    async def prepare(addresses):
        await upgrade(addresses.database_url)

    servers = settings.model_copy(update={"worker": False, "listener": False})
    with pytest.raises(ServerUnreachable, match=r"no NATS server answers at 127\.0\.0\.1:9 "):
        async with Stack(servers.model_copy(update={"given_nats_url": "nats://u:secret@127.0.0.1:9"})):
            pass
    async with Stack(servers) as theirs:
        monkeypatch.setenv("PREFECT_API_AUTH_STRING", theirs.addresses.prefect_auth)
        given = StackSettings(  # pyright: ignore[reportCallIssue]
            state=tmp_path / "mine",
            given_nats_url=theirs.addresses.nats_url,
            given_prefect_api_url=theirs.addresses.api_url,
        )
        async with Stack(given, prepare=prepare) as mine:
            assert set(mine.parts) == {"worker", "listener"}
            assert mine.addresses.nats_url == theirs.addresses.nats_url
            assert mine.addresses.ui_url == theirs.addresses.ui_url
            assert not (tmp_path / "mine" / "run" / "nats.conf").exists()
            assert "PREFECT_API_URL" in mine.addresses.env()
        # A wrong address or password is a sentence, at once, and no start that never ends.
        api_url, auth = theirs.addresses.api_url, theirs.addresses.prefect_auth
        # What a part is told by its environment alone, as in a container, is what `doctor` asks there.
        monkeypatch.setenv("PREFECT_API_URL", api_url)
        for database, of_this_version in (
            (mine.addresses.database_url, True),
            (f"sqlite:///{tmp_path}/new.db", False),
        ):
            monkeypatch.setenv("DATABASE_URL", database)
            asked = await examine_platform(tmp_path / "part")
            assert [(each.what, each.ok) for each in asked] == [("platform", True), ("records", of_this_version)]
        with monkeypatch.context() as wrong:
            wrong.setenv("PREFECT_API_AUTH_STRING", "admin:wrong")
            assert (await examine_platform(tmp_path / "part"))[0].ok is False
        monkeypatch.delenv("PREFECT_API_URL")
        nats_at = theirs.addresses.nats_url.rpartition("@")[2]
        for url, password, told in (
            (api_url, "admin:wrong", "refuses the password in PREFECT_API_AUTH_STRING"),
            (api_url, "", "refuses requests without a password: set PREFECT_API_AUTH_STRING"),
            (api_url.removesuffix("/api"), auth, f"did you mean {api_url}?"),
            (api_url.removeprefix("http://"), auth, "write http://HOST:4200/api"),
        ):
            with pytest.raises(ServerUnreachable, match=re.escape(told)):
                await require_prefect(url, password)
        for url in (f"nats://{nats_at}", f"nats://platform:not-it@{nats_at}"):
            with pytest.raises(ServerUnreachable, match="refuses this user: give one that may make") as refused:
                await require_nats(url)
            assert "not-it" not in str(refused.value)
        with pytest.raises(ServerUnreachable, match="has no JetStream for this user"):
            await require_nats(theirs.addresses.publisher_url)
