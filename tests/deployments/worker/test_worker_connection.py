"""A worker between which and Prefect stands a proxy that takes websockets away, or listens to what is asked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from prefect.states import Cancelling

UPGRADE = b"upgrade: websocket"


class Proxy:
    """Passes connections on; keeps what the worker says; can cut websockets and refuse new ones."""

    def __init__(self, target: str) -> None:
        self.websockets = True
        self.refused = 0
        self.said = bytearray()
        self.goes_on = asyncio.Event()
        """Until it is set, answers to those requests for waiting runs that name no queue do not come."""
        self.goes_on.set()
        self._target = urlsplit(target)
        self._sockets: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in list(self._passing):
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def cut(self) -> None:
        """No websockets from now on."""
        self.websockets = False
        for writer in self._sockets:
            writer.transport.abort()

    def _accept(self, reader, writer) -> None:
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_on(self, reader, writer) -> None:
        head = bytearray()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head += await reader.readuntil(b"\r\n\r\n")
        is_socket = UPGRADE in head.lower()
        if is_socket and not self.websockets:
            self.refused += 1
            writer.transport.abort()
            return
        if is_socket:
            self._sockets.add(writer)
        self.said += head
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
            back.write(bytes(head))
            asked = bytearray(head)
            await asyncio.gather(self._pump(reader, back, keep=asked), self._pump(there, writer, after=asked))

    async def _pump(
        self, reader, writer, *, keep: bytearray | None = None, after: bytearray | None = None
    ) -> None:
        try:
            while chunk := await reader.read(65_536):
                if keep is not None:
                    self.said += chunk
                    keep += chunk
                if after is not None:
                    request = after[after.rfind(b"HTTP/1.1\r\n") - 200 :]
                    if b"/get_scheduled_flow_runs " in request and b"work_queue_names" not in request:
                        await self.goes_on.wait()
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@pytest_asyncio.fixture
async def proxy(server):
    async with Proxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def work(server, proxy):
    """Starts a worker that reaches Prefect by the proxy only."""
    started = []

    async def work(pool):
        process = await asyncio.to_thread(server.start_worker, pool, pool=pool, env={"PREFECT_API_URL": proxy.url})
        started.append(process)
        return process

    yield work
    for process in started:
        process.kill()
        process.wait()


async def test_without_a_websocket_the_worker_falls_back_to_polling_for_new_runs_and_for_cancellations(
    platform, proxy, work, tmp_path
):
    await work("deaf")
    hearing = await platform.start("empty", pool="deaf")
    assert (await platform.until(hearing)).state.name == "Completed"
    proxy.cut()
    began = time.monotonic()
    run = await platform.until(await platform.start("empty", pool="deaf"))
    assert run.state.name == "Completed"
    # Prefect's own polling is every ten seconds.
    assert time.monotonic() - began < 7
    for _ in range(100):  # the worker tries to connect once a second
        if proxy.refused:
            break
        await asyncio.sleep(0.1)
    assert proxy.refused
    working = await platform.start("sleeping", pool="deaf", pid_file=str(tmp_path / "pids"))
    await platform.until(working, "Running")
    await platform.client.set_flow_run_state(working.id, Cancelling())
    await platform.until(working, "Cancelled", seconds=15)
    proxy.websockets = True


async def test_a_run_that_was_found_is_not_looked_for_again(platform, proxy, work):
    await work("once")
    proxy.said.clear()
    for _ in range(5):
        assert (await platform.until(await platform.start("empty", pool="once"))).state.name == "Completed"
        await asyncio.sleep(0.3)
    # One for each run; Prefect's own loop polls every ten seconds, and one look may come before its run is there.
    assert proxy.said.count(b"/get_scheduled_flow_runs ") <= 8
    # Whoever has Prefect's password chooses that storage; runs keep no results.
    assert b"/admin/storage" not in proxy.said


async def test_nothing_is_asked_about_a_suspended_run_until_it_is_resumed(platform, proxy, work, tmp_path):
    await work("quiet")
    answer = tmp_path / "answer"
    run = await platform.start("asking", pool="quiet", answer_file=str(answer))
    await platform.until(run, "Suspended")
    await asyncio.sleep(1)  # what is still to be said of its suspension
    asked = f"/flow_runs/{run.id}".encode()
    assert asked in proxy.said
    proxy.said.clear()
    await asyncio.sleep(6)  # longer than the worker's heartbeat and its look for lost runs
    assert proxy.said, "the worker lives"
    assert asked not in proxy.said
    await platform.resume(run, "yes")
    assert (await platform.until(run)).state.name == "Completed"


async def test_a_run_of_a_project_is_taken_while_the_poll_for_all_of_them_waits_for_its_answer(
    platform, server, proxy, work
):
    await work("polled")
    deployment = await platform.deploy("empty", pool="polled")
    for number in (1, 2):
        await platform.client.create_work_queue(f"project-{number}", work_pool_name="polled")

    async def start(queue: str):
        return await platform.client.create_flow_run_from_deployment(deployment, work_queue_name=queue)

    assert (await platform.until(await start("project-1"))).state.name == "Completed"
    proxy.goes_on.clear()
    # A poll for it begins, and is not answered; or one was under way already, and its queue is asked by itself.
    first = await start("project-1")
    await asyncio.sleep(1)
    other = await start("project-2")
    assert (await platform.until(other, seconds=5)).state.name == "Completed"
    # A queue that is paused gives none.
    await platform.client.update_work_queue((await _queue(platform, "project-2")).id, is_paused=True)
    held_up = await start("project-2")
    await asyncio.sleep(1.5)
    assert (await platform.client.read_flow_run(held_up.id)).state.name == "Scheduled"
    proxy.goes_on.set()
    assert (await platform.until(first)).state.name == "Completed"


async def _queue(platform, name: str):
    (found,) = [
        each for each in await platform.client.read_work_queues(work_pool_name="polled") if each.name == name
    ]
    return found
