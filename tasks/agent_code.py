"""A registered agent -> the code that runs: the copy made at registration, never the folder it was made from.

The copy of each agent is unpacked once on each machine and compared with its digest before every run: for first tries,
retries and items alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agents.builtin import MODULES
from agents.environments.environment import environment_of
from agents.environments.requirements import EnvironmentRefused, EnvironmentUnavailable
from agents.registration.bundle import Bundle, BundleRefused, is_intact, unpack
from agents.registration.code_digest import digest_of_module
from agents.sandbox.port import Sandbox
from compiler.catalogue import AgentSpec
from observability.environment_build import TellBuild


class CodeRefused(ValueError):
    """The code that was registered is not to be had."""


class CodeUnavailable(CodeRefused):
    """What it needs is not to be had now; another try may help."""


@dataclass(frozen=True, kw_only=True)
class AgentCode:
    """What runs."""

    entry_path: str
    """The module, or the folder that holds exactly the registered code."""
    environment: Path | None = None
    """The packages that it brings; None: it needs none but ours."""


class BundleSource(Protocol):
    """Where bundles are kept."""

    def bundle(self, digest: str) -> Coroutine[Any, Any, bytes | None]:
        """The archive of that digest, or None."""
        ...


async def code_of(agent: AgentSpec, *, records: BundleSource, store: Path) -> str:
    """The module, or the folder below `store`, that holds exactly the registered code. Raises CodeRefused."""
    if not agent.entry_path.startswith("/"):
        await asyncio.to_thread(_check_module, agent)
        return agent.entry_path
    folder = store / agent.code_digest.removeprefix("sha256:")
    if not agent.code_digest.startswith("sha256:") or folder.parent != store:
        raise _not_kept(agent)
    if not await asyncio.to_thread(is_intact, folder, agent.code_digest):
        content = await records.bundle(agent.code_digest)
        if content is None:
            raise _not_kept(agent)
        bundle = Bundle(digest=agent.code_digest, content=content)
        try:
            await asyncio.to_thread(unpack, bundle, folder)
        except (BundleRefused, OSError) as exc:
            raise CodeRefused(f"the code of agent {agent.name!r} cannot be used: {exc}") from exc
        if not await asyncio.to_thread(is_intact, folder, agent.code_digest):
            raise CodeRefused(
                f"the code of agent {agent.name!r} in {str(folder)!r} is changed while it is unpacked"
            )
    return str(folder)


async def runnable(
    agent: AgentSpec, *, records: BundleSource, scratch: Path, sandbox: Sandbox, tell: TellBuild | None = None
) -> AgentCode:
    """The code of the agent, with its environment, which is made where this machine has none yet.

    `scratch`: folder for both, `agents/` and `environments/`; `tell`: is told of an environment that is made.
    Raises CodeRefused, CodeUnavailable.
    """
    entry = await code_of(agent, records=records, store=scratch / "agents")
    if not entry.startswith("/"):
        return AgentCode(entry_path=entry)
    try:
        made = await environment_of(Path(entry), store=scratch / "environments", sandbox=sandbox, tell=tell)
    except EnvironmentUnavailable as exc:
        raise CodeUnavailable(f"agent {agent.name!r}: {exc}") from exc
    except (EnvironmentRefused, OSError) as exc:
        raise CodeRefused(f"agent {agent.name!r}: {exc}") from exc
    return AgentCode(entry_path=entry, environment=made)


def _check_module(agent: AgentSpec) -> None:
    """A built-in agent of another version than the registered one must be registered first."""
    if agent.entry_path in MODULES.values() and digest_of_module(agent.entry_path) != agent.code_digest:
        raise CodeRefused(
            f"the code of agent {agent.name!r} on this machine is not that which is registered: bring both to one "
            "version (`commandcenter up` registers the agents that ship with it)"
        )


def _not_kept(agent: AgentSpec) -> CodeRefused:
    return CodeRefused(
        f"the code of agent {agent.name!r} is not kept with the platform; "
        f"register it again (`commandcenter agents register {agent.entry_path}`)"
    )
