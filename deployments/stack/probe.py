"""How each kind of part is asked whether it answers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from reliability.tls import client_context


class Probe(Protocol):
    """One question to one part."""

    def reset(self) -> None:
        """Forget what an earlier process of the part has left behind."""
        ...

    async def answers(self) -> bool:
        """Whether the part is at work; never raises because it is not yet."""
        ...


@dataclass(frozen=True)
class HttpProbe:
    """Asks whether a GET of the address succeeds."""

    url: str

    def reset(self) -> None:
        """Nothing is left behind."""

    async def answers(self) -> bool:
        """One GET, past any proxy that the environment names."""
        # Authorities take longer to load than the answer, and a part that starts is asked many times.
        trusted = client_context() if self.url.startswith("https:") else False
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2, verify=trusted) as client:
                return (await client.get(self.url)).is_success
        except httpx.HTTPError:
            return False


@dataclass(frozen=True)
class NatsProbe:
    """Asks whether a NATS server with JetStream greets on a port of this machine."""

    port: int

    def reset(self) -> None:
        """Nothing is left behind."""

    async def answers(self) -> bool:
        """One connection; the greeting comes before any authentication."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            async with asyncio.timeout(2):
                greeting = await reader.readline()
        except (TimeoutError, OSError):
            return False
        finally:
            writer.close()
        return greeting.startswith(b"INFO ") and bool(json.loads(greeting[5:]).get("jetstream"))


@dataclass(frozen=True)
class FileProbe:
    """Asks whether a part that has no port has created the file by which it says that it is at work."""

    path: Path

    def reset(self) -> None:
        """Remove the file of the process before."""
        self.path.unlink(missing_ok=True)

    async def answers(self) -> bool:
        """One look."""
        return await asyncio.to_thread(self.path.exists)
