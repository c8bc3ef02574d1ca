"""Settings -> one session with a Dagger engine, opened when first needed and again when the engine came back."""

from __future__ import annotations

import asyncio
import collections
import shutil
import time
from typing import TYPE_CHECKING

from agents.sandbox.agent_image import AgentImage
from agents.sandbox.dagger.image import AgentImageMissing, EngineMissing, EngineSettings, prepare
from agents.sandbox.dagger.session import CliSession, SessionFailed, open_session, reason

if TYPE_CHECKING:
    import dagger

OPEN_SECONDS, START_SECONDS = 7.0, 120.0
"""How long a session may take to open: with an engine that is named, and with one that the CLI has to start."""
LOOK_SECONDS = 1.0
"""How often it is seen to that an engine that works on something is still there."""


class EngineSession:
    """One session for all runs of this process. Every question to the engine has a time limit."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._session: CliSession | None = None
        self._failed_at, self._failure = 0.0, ""
        self._bases: dict[AgentImage | None, dagger.Container] = {}
        self._preparing = 0
        self._making: dict[AgentImage | None, asyncio.Lock] = collections.defaultdict(asyncio.Lock)

    async def client(self) -> dagger.Client:
        """The session's client; one that does not answer is replaced. Raises EngineMissing."""
        return (await self._answering(time.monotonic())).client

    async def base(self, wanted: AgentImage | None = None) -> tuple[dagger.Client, dagger.Container]:
        """The session's client and the image with packages and the platform's code: what all runs of an agent share.

        Runs with the same image wait for each other while it is made ready, and nobody else does. Raises EngineMissing
        and AgentImageMissing.
        """
        asked = time.monotonic()
        async with self._making[wanted]:
            session = await self._answering(asked)
            if wanted not in self._bases:
                try:
                    made = await self._prepare(session, wanted)
                except (EngineMissing, AgentImageMissing):
                    raise
                except Exception as exc:
                    raise _cannot_be_made(self._settings, wanted, exc) from exc
                if session is not self._session:
                    raise EngineMissing(self._ended_meanwhile)
                self._bases[wanted] = made
            return session.client, self._bases[wanted]

    async def is_gone(self) -> bool:
        """Whether the engine has stopped to answer; then the next run opens a new session."""
        async with self._lock:
            return self._session is None or not await self._keep(self._session)

    async def close(self) -> None:
        """End the session."""
        async with self._lock:
            await self._drop()

    async def _answering(self, asked: float) -> CliSession:
        """The session, for whoever has `asked` at that moment of the monotonic clock."""
        async with self._lock:
            if self._session is not None and await self._keep(self._session):
                return self._session
            if self._failed_at > asked:
                # Somebody else has tried meanwhile, or it was this one: nobody waits for two attempts.
                raise EngineMissing(self._failure)
            try:
                self._session = await self._open()
            except EngineMissing as exc:
                self._failed_at, self._failure = time.monotonic(), str(exc)
                raise
            return self._session

    async def _keep(self, session: CliSession) -> bool:
        """Whether the session answers; else it is ended. Only one that is silent has cost time."""
        try:
            if await session.answers(busy=self._preparing > 0):
                return True
        except TimeoutError as exc:
            self._failed_at, self._failure = time.monotonic(), f"{self._settings.where}: {exc}"
        await self._drop()
        return False

    @property
    def _ended_meanwhile(self) -> str:
        return f"the engine {self._settings.where} ended while the image was made ready"

    async def _prepare(self, session: CliSession, wanted: AgentImage | None) -> dagger.Container:
        """Pulling and installing may take minutes: only an engine that is silent meanwhile is given up."""
        making = asyncio.ensure_future(prepare(session.client, self._settings, wanted))
        self._preparing += 1
        try:
            while not (await asyncio.wait({making}, timeout=LOOK_SECONDS))[0]:
                async with self._lock:
                    if session is not self._session:
                        raise EngineMissing(self._ended_meanwhile)
                    if not await self._keep(session):
                        raise EngineMissing(self._ended_meanwhile)
            return making.result()
        finally:
            self._preparing -= 1
            making.cancel()

    async def _open(self) -> CliSession:
        settings = self._settings
        if not (settings.cli or shutil.which("dagger") or settings.runner_host or shutil.which("docker")):
            # The SDK would download a program, which was not requested.
            raise EngineMissing("there is no Dagger engine")
        if settings.cli and shutil.which(settings.cli) is None:
            raise EngineMissing(f"the dagger CLI {settings.cli!r} is not there, or cannot be executed")
        cli = settings.cli or shutil.which("dagger")
        if cli is None:
            raise EngineMissing("there is no dagger CLI, which opens the session with the engine")
        # Without an address the CLI starts an engine itself, whose image it may have to pull.
        seconds = OPEN_SECONDS if settings.runner_host else START_SECONDS
        try:
            return await open_session(cli, seconds=seconds)
        except SessionFailed as exc:
            raise EngineMissing(f"no session with a Dagger engine: {exc}") from exc

    async def _drop(self) -> None:
        session, self._session = self._session, None
        self._bases.clear()
        if session is not None:
            await session.close()


def _cannot_be_made(settings: EngineSettings, wanted: AgentImage | None, error: Exception) -> Exception:
    if wanted is None:
        return EngineMissing(f"image {settings.image!r} cannot be made ready: {reason(error)}")
    name = wanted.image or settings.image
    return AgentImageMissing(
        f"image {name!r} of the agent, with its packages, cannot be made ready: {reason(error)}"
    )
