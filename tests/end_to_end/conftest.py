"""A whole platform, started as a user starts it (`commandcenter up`), shared by the tests of this folder."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import nats
import psutil
import pytest
import pytest_asyncio
from forked_command import COMMAND, run_command
from prefect_home import fill_prefect_home

from deployments.demo.sample_repository import DemoRepository, make_repository
from deployments.demo.sinks import ChatSink, MailSink
from deployments.stack.addresses import Addresses, running
from deployments.stack.connection import StackConnection, connect_to
from operations.run_detail import RunDetail, run_detail

WORKFLOWS = Path(__file__).parents[2] / "workflows"
CANARY = "xoxb-canary-5f0c8f1e"
"""The secret the notifier is given; it must be found nowhere."""


@dataclass
class Platform:
    """A running `commandcenter up`, and what its agents sent."""

    addresses: Addresses
    state: Path
    repositories: Path
    mail: MailSink
    chat: ChatSink
    process: subprocess.Popen[bytes]
    env: dict[str, str] = field(repr=False)
    options: tuple[str, ...] = ()
    command: str = COMMAND
    canary: str = CANARY

    def kill_everything(self) -> None:
        """`kill -9` of the command and of all that it has started."""
        main = psutil.Process(self.process.pid)
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(30)

    def start_again(self) -> None:
        """The same command on the same state."""
        self.process = _up(self.state, self.env, self.options)
        self.addresses = _wait_until_up(self.state, self.process)

    async def publish(self, subject: str, event: dict[str, Any]) -> None:
        """Publish as the Python backend would, and wait until the stream has it."""
        client = await nats.connect(self.addresses.nats_url)
        try:
            await client.jetstream().publish(subject, json.dumps(event).encode())
        finally:
            await client.close()

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `commandcenter …` against it."""
        done = run_command(arguments, env={**self.env, "COMMANDCENTER_STATE": str(self.state)})
        if check and done.returncode:
            raise AssertionError(f"commandcenter {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done


@pytest.fixture(scope="session")
def loop_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of its own thread for the sinks, which serve across tests."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def running_platform(
    factory: pytest.TempPathFactory, state: Path, loop_thread: asyncio.AbstractEventLoop, *options: str
) -> Generator[Platform]:
    """`commandcenter up` on a state folder, with local ends for what its agents send.

    Prefect's tables are there already; the tests of the demo begin without.
    """
    fill_prefect_home(factory, state / "prefect")
    repositories = state / "repositories"
    repositories.mkdir()
    mail, chat = MailSink(), ChatSink()
    for sink in (mail, chat):
        asyncio.run_coroutine_threadsafe(sink.start(), loop_thread).result(10)
    env = {
        **os.environ,
        "COMMANDCENTER_SETTING_SLACK_API_URL": f"http://127.0.0.1:{chat.port}/api/",
        "COMMANDCENTER_SETTING_SMTP_HOST": "127.0.0.1",
        "COMMANDCENTER_SETTING_SMTP_PORT": str(mail.port),
        "COMMANDCENTER_SETTING_MAIL_FROM": "commandcenter@localhost",
        "COMMANDCENTER_SECRET_SLACK_BOT_TOKEN": CANARY,
    }
    process = _up(state, env, options)
    started = None
    try:
        started = Platform(
            addresses=_wait_until_up(state, process),
            state=state,
            repositories=repositories,
            mail=mail,
            chat=chat,
            process=process,
            env=env,
            options=options,
        )
        yield started
    finally:
        process = process if started is None else started.process
        process.terminate()
        process.wait(30)
        for sink in (mail, chat):
            asyncio.run_coroutine_threadsafe(sink.stop(), loop_thread).result(10)


@pytest.fixture(scope="session")
def platform(
    tmp_path_factory: pytest.TempPathFactory, loop_thread: asyncio.AbstractEventLoop
) -> Iterator[Platform]:
    """The platform on its embedded defaults; a session has one."""
    with running_platform(tmp_path_factory, tmp_path_factory.mktemp("platform"), loop_thread) as started:
        yield started


@pytest.fixture
def own_platform(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, loop_thread: asyncio.AbstractEventLoop
) -> Iterator[Platform]:
    """A platform that nobody else uses, so that it can be killed."""
    with running_platform(tmp_path_factory, tmp_path, loop_thread) as started:
        yield started


@pytest.fixture
def platform_on_postgres(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_url: str,
    loop_thread: asyncio.AbstractEventLoop,
) -> Iterator[Platform]:
    """A platform whose records are in PostgreSQL."""
    with running_platform(tmp_path_factory, tmp_path, loop_thread, "--database-url", postgres_url) as started:
        yield started


@pytest.fixture
def platform_with(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, loop_thread: asyncio.AbstractEventLoop
) -> Iterator[Callable[..., Platform]]:
    """Starts a platform of one's own with the given options of `up`."""
    with ExitStack() as started:
        yield lambda *options: started.enter_context(
            running_platform(tmp_path_factory, tmp_path, loop_thread, *options)
        )


def _up(state: Path, env: dict[str, str], options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    command = [COMMAND, "up", "--state", str(state), "--repositories", str(state / "repositories"), *options]
    with (state / "up.log").open("wb") as log:
        return subprocess.Popen(
            [*command, "--workflows", str(WORKFLOWS)], env=env, stdout=log, stderr=subprocess.STDOUT
        )


def _wait_until_up(state: Path, process: subprocess.Popen[bytes]) -> Addresses:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        found = running(state)
        if found is not None and "Prefect UI" in (state / "up.log").read_text():
            return found
        time.sleep(0.1)
    raise AssertionError(f"the platform did not come up:\n{(state / 'up.log').read_text()}")


@pytest_asyncio.fixture
async def connection(platform: Platform) -> AsyncIterator[StackConnection]:
    """Records and a Prefect client of the platform."""
    async with connect_to(platform.addresses) as opened:
        yield opened


Until = Callable[[RunDetail], bool]


@dataclass(frozen=True)
class Watch:
    """Waits for runs to get where a test wants them."""

    connection: StackConnection

    async def until(self, key: dict[str, Any], reached: Until, *, seconds: float = 240) -> RunDetail:
        """The run whose context has these fields, once it is as `reached` says."""
        deadline = time.monotonic() + seconds
        detail: RunDetail | None = None
        while time.monotonic() < deadline:
            for run in await self.connection.records.runs(1, limit=50):
                if key.items() <= run.context.items():
                    detail = await run_detail(self.connection.records, run.id, project_id=1)
                    if reached(detail):
                        return detail
            await asyncio.sleep(0.1)
        raise AssertionError(f"no run with {key} came so far; last seen: {detail and detail.as_json()}")

    async def ended(self, key: dict[str, Any], *, seconds: float = 240) -> RunDetail:
        """The run, once it is over."""
        return await self.until(key, lambda detail: detail.run.status in ("SUCCESS", "FAILED"), seconds=seconds)

    async def waiting(self, key: dict[str, Any]) -> RunDetail:
        """The run, once Prefect holds it suspended for a person."""

        def suspended(detail: RunDetail) -> bool:
            return detail.run.status == "WAITING_APPROVAL"

        detail = await self.until(key, suspended)
        for _ in range(100):
            flow_run = await self.connection.prefect.read_flow_run(UUID(detail.flow_run_id))
            if flow_run.state is not None and flow_run.state.is_paused():
                return detail
            await asyncio.sleep(0.1)
        raise AssertionError("the run waits on record, but Prefect does not hold it suspended")


@pytest.fixture
def watch_with() -> Callable[[StackConnection], Watch]:
    """Makes a watch over any platform."""
    return Watch


@pytest.fixture
def watch(connection: StackConnection) -> Watch:
    """Waits for runs of the platform."""
    return Watch(connection)


@dataclass(frozen=True)
class Change:
    """A commit to a fresh copy of the sample application, and the event that tells of it."""

    repository: DemoRepository
    event: dict[str, Any]

    @property
    def key(self) -> dict[str, Any]:
        """What only this change's run has in its context."""
        return {"repositoryPath": self.event["repositoryPath"]}

    def branches(self) -> list[str]:
        """Branches of the remote."""
        found = subprocess.run(
            ["git", "-C", str(self.repository.remote), "for-each-ref", "--format=%(refname:short)", "refs/heads"],
            check=True,
            capture_output=True,
            text=True,
        )
        return found.stdout.split()


@pytest_asyncio.fixture
async def change(platform: Platform, tmp_path: Path) -> Change:
    """Commit the change and publish `graph.file.updated`."""
    return await _commit_a_change(platform, tmp_path.name)


@pytest.fixture
def commit_a_change() -> Callable[[Platform, str], Awaitable[Change]]:
    """The same on any platform, in a repository of that name."""
    return _commit_a_change


async def _commit_a_change(platform: Platform, name: str) -> Change:
    repository = make_repository(platform.repositories / name)
    event = {
        "projectId": 1,
        "repositoryPath": str(repository.path),
        "filePath": next(each for each in repository.changed_files if each.endswith((".py", ".js"))),
        "branch": "main",
        "commit": repository.commit,
        "previousCommit": repository.base_commit,
    }
    await platform.publish("graph.file.updated", event)
    return Change(repository=repository, event=event)
