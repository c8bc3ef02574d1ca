"""The dagger CLI -> a session with the engine whose opening, questions and end all have time limits.

The SDK's own way to start the CLI reads from it without a limit, and waits for its end for five minutes while a dead
engine keeps it. The process is therefore ours; the SDK talks to the address that it prints.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from agents.sandbox.log_lines import TERMINAL_SEQUENCE

if TYPE_CHECKING:
    import dagger

ANSWER_SECONDS = 6.0
"""How long an engine may take to say its version: it does so from memory, but a busy machine may keep it waiting, and
whoever gives up a session ends every run in it."""
BUSY_SECONDS = 30.0
"""As above, while it takes in an image and packages, which may be hundreds of megabytes."""
CLOSE_SECONDS = 1.0
_SCHEMA_SECONDS = 60.0
_TAIL_LINES = 20
_MAX_REASON = 1_000


class SessionFailed(Exception):
    """No session could be opened; the text says why."""


def reason(error: BaseException) -> str:
    """What an error says; its name, where it says nothing."""
    return (str(error).strip() or type(error).__name__)[:_MAX_REASON]


@dataclass(kw_only=True)
class CliSession:
    """An open session."""

    client: dagger.Client
    connection: contextlib.AsyncExitStack
    process: asyncio.subprocess.Process
    drain: asyncio.Task[None]

    async def answers(self, *, busy: bool = False) -> bool:
        """Whether the engine answers a small question. Raises TimeoutError where it says nothing at all in time."""
        seconds = BUSY_SECONDS if busy else ANSWER_SECONDS
        if self.process.returncode is not None:
            return False
        silent = asyncio.timeout(seconds)
        try:
            async with silent:
                await self.client.version()
        except Exception:
            if silent.expired():
                raise TimeoutError(f"the engine did not answer within {seconds:g} s") from None
            return False
        return True

    async def close(self) -> None:
        """End the session within a few seconds, whatever the engine does."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.connection.aclose()
        await _end(self.process)
        self.drain.cancel()
        await asyncio.gather(self.drain, return_exceptions=True)


async def open_session(cli: str, *, seconds: float) -> CliSession:
    """Start the CLI, have the engine answer within `seconds`, and connect. Raises SessionFailed."""
    for name in ("DO_NOT_TRACK", "DAGGER_NO_NAG", "NO_COLOR"):
        os.environ.setdefault(name, "1")
    # Private modules of a version that is pinned: the public ways all start the CLI themselves.
    import dagger
    from dagger.client._session import ConnectParams, SingleConnection

    try:
        process = await asyncio.create_subprocess_exec(
            *(cli, "session", "--label", "dagger.io/sdk.name:python"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
    except OSError as exc:
        raise SessionFailed(f"the dagger CLI {cli!r} cannot be started: {reason(exc)}") from exc
    assert process.stdout is not None
    assert process.stderr is not None
    said: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
    # Nobody reads what it logs; a full pipe would stop it.
    drain = asyncio.create_task(_drain(process.stderr, said))
    stack = contextlib.AsyncExitStack()
    try:
        async with asyncio.timeout(seconds):
            line = await process.stdout.readline()
            if not line:
                await process.wait()
                await asyncio.wait({drain}, timeout=1)
                told = " ".join(said).strip()[-_MAX_REASON:] or "it gave no reason"
                raise SessionFailed(f"the dagger CLI ended with status {process.returncode}: {told}")
            found = json.loads(line)
            parameters = ConnectParams(port=found["port"], session_token=found["session_token"])
            await _ask_version(str(parameters.url), parameters.session_token)
        # An engine that has answered lives; its schema, which is read now, may take a busy one a while.
        async with asyncio.timeout(_SCHEMA_SECONDS):
            # Not entered as a context: that would set up the SDK's telemetry, logging included, for this whole process.
            connection = SingleConnection(parameters)
            stack.push_async_callback(connection.close)
            await connection.connect()
            client = dagger.Client.from_connection(connection)
            await client.version()
        return CliSession(client=client, connection=stack, process=process, drain=drain)
    except BaseException as exc:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await stack.aclose()
        await _end(process)
        drain.cancel()
        if isinstance(exc, TimeoutError):
            told = f"; the dagger CLI said: {' '.join(said).strip()[-_MAX_REASON:]}" if said else ""
            raise SessionFailed(f"the engine did not answer within {seconds:g} s{told}") from exc
        if isinstance(exc, SessionFailed) or not isinstance(exc, Exception):
            raise
        raise SessionFailed(reason(exc)) from exc


async def _ask_version(url: str, token: str) -> None:
    """One small question, before the SDK asks for the whole schema."""
    async with httpx.AsyncClient(auth=(token, ""), trust_env=False, timeout=None) as client:
        (await client.post(url, json={"query": "{ version }"})).raise_for_status()


@contextlib.contextmanager
def traced(traceparent: str) -> Generator[None]:
    """Whatever the engine is asked for in here belongs to that span; empty: to none."""
    from opentelemetry import context, propagate

    token = context.attach(
        propagate.extract({"traceparent": traceparent} if traceparent else {}, context.Context())
    )
    try:
        yield
    finally:
        context.detach(token)


async def _drain(stream: asyncio.StreamReader, said: collections.deque[str]) -> None:
    while chunk := await stream.read(1 << 16):
        text = TERMINAL_SEQUENCE.sub("", chunk.decode(errors="replace"))
        said.extend(line.strip() for line in text.splitlines() if line.strip())


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()  # how a session is ended
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
