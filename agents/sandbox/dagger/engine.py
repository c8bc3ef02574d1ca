"""Settings -> one session with a Dagger engine, opened when first needed and again when the engine came back."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from agents.sandbox.agent_image import AgentImage
from agents.sandbox.dagger.image import AgentImageMissing, EngineMissing, EngineSettings, prepare
from agents.sandbox.dagger.session import CliSession, SessionFailed, open_session, reason

if TYPE_CHECKING:
    import dagger

OPEN_SECONDS, START_SECONDS = 5.0, 120.0
"""How long a session may take to open: with an engine that is named, and with one that the CLI has to start."""
LOOK_SECONDS = 5.0
"""How often it is seen to that an engine that works on something is still there."""


class EngineSession:
    """One session for all runs of this process. Every question to the engine has a time limit."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._session: CliSession | None = None
        self._bases: dict[AgentImage | None, dagger.Container] = {}

    async def client(self) -> dagger.Client:
        """The session's client; one that does not answer is replaced. Raises EngineMissing."""
        async with self._lock:
            if self._session is not None and not await self._session.answers():
                await self._drop()
            if self._session is None:
                self._session = await self._open()
            return self._session.client

    async def base(self, wanted: AgentImage | None = None) -> dagger.Container:
        """The image with packages and the platform's code: what all runs of an agent share.

        Raises EngineMissing and AgentImageMissing.
        """
        client = await self.client()
        async with self._lock:
            if wanted not in self._bases:
                try:
                    self._bases[wanted] = await self._prepare(client, wanted)
                except (EngineMissing, AgentImageMissing):
                    raise
                except Exception as exc:
                    raise _cannot_be_made(self._settings, wanted, exc) from exc
            return self._bases[wanted]

    async def is_gone(self) -> bool:
        """Whether the engine has stopped to answer; then the next run opens a new session."""
        async with self._lock:
            if self._session is not None and await self._session.answers():
                return False
            await self._drop()
            return True

    async def close(self) -> None:
        """End the session."""
        async with self._lock:
            await self._drop()

    async def _prepare(self, client: dagger.Client, wanted: AgentImage | None) -> dagger.Container:
        """Pulling and installing may take minutes: only an engine that is silent meanwhile is given up."""
        making = asyncio.ensure_future(prepare(client, self._settings, wanted))
        try:
            while not (await asyncio.wait({making}, timeout=LOOK_SECONDS))[0]:
                if self._session is None or not await self._session.answers():
                    await self._drop()
                    raise EngineMissing(f"the engine {self._settings.where} ended while the image was made ready")
            return making.result()
        finally:
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
