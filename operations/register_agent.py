"""A manifest, with the code it belongs to -> a registered agent, the same for the command line and for HTTP.

The code is copied when the agent is registered; only the copy runs (see `agents.registration.bundle`).
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from agents.builtin import MODULES
from agents.registration.builtin_agents import builtin_spec
from agents.registration.bundle import Bundle, BundleRefused, pack, unpack
from agents.registration.manifest import ManifestError, from_json
from agents.registration.risk_floor import with_floor
from agents.sandbox.port import Sandbox
from compiler.catalogue import AgentSpec
from records import Records


class RegistrationRefused(ValueError):
    """The agent cannot be registered as it is."""


class RiskLowered(Exception):
    """Actions that needed an approval would not any more, and nobody has agreed to that. Nothing was changed."""

    def __init__(self, actions: list[str]) -> None:
        self.actions = tuple(actions)
        super().__init__(f"the manifest lowers the risk of {', '.join(actions)}, which would open gates")


async def register_folder(
    folder: Path, *, records: Records, sandbox: Sandbox, project_id: int, trust_risk: bool = False
) -> AgentSpec:
    """Register the agent in the folder. A copy of its code is asked for the manifest, in the jail.

    `trust_risk`: somebody has read the code and takes the risk that it gives itself, below the floor or lower than it
    was. Raises RegistrationRefused and RiskLowered.
    """
    entry = str(folder.absolute())
    try:
        bundle = await asyncio.to_thread(pack, folder)
        described = await _describe(bundle, sandbox)
        spec = from_json(described, entry_path=entry, code_digest=bundle.digest)
    except (BundleRefused, ManifestError) as exc:
        raise RegistrationRefused(f"the agent in {entry!r} cannot be registered: {exc}") from exc
    return await _register(spec, bundle, None, records=records, project_id=project_id, trust_risk=trust_risk)


async def register_manifest(spec: AgentSpec, *, records: Records, project_id: int) -> AgentSpec:
    """Register what a manifest says of an agent that is built in, or whose folder is on this machine.

    The digest is that of the code as it is found, whatever the manifest says. Raises RegistrationRefused and
    RiskLowered.
    """
    if not spec.entry_path.startswith("/"):
        shipped = await asyncio.to_thread(_shipped, spec.entry_path)
        if shipped is not None:
            spec = replace(spec, code_digest=shipped.code_digest)
        return await _register(spec, None, shipped, records=records, project_id=project_id, trust_risk=False)
    try:
        bundle = await asyncio.to_thread(pack, Path(spec.entry_path))
    except BundleRefused as exc:
        raise RegistrationRefused(str(exc)) from exc
    known = replace(spec, code_digest=bundle.digest)
    return await _register(known, bundle, None, records=records, project_id=project_id, trust_risk=False)


def lowered_actions(before: AgentSpec, after: AgentSpec) -> list[str]:
    """Actions that needed an approval and would not any more."""
    return [
        f"{after.name}.{name}"
        for name in after.actions
        if after.action_risk(name) == "AUTO"
        and (before.action_risk(name) if name in before.actions else before.risk) == "APPROVAL_REQUIRED"
    ]


async def _register(
    spec: AgentSpec,
    bundle: Bundle | None,
    shipped: AgentSpec | None,
    *,
    records: Records,
    project_id: int,
    trust_risk: bool,
) -> AgentSpec:
    known = (await records.catalogue(project_id)).agents
    if not trust_risk:
        before = known.get(spec.name)
        spec = with_floor(spec, [*known.values(), *([shipped] if shipped else [])])
        if before is not None and (lowered := lowered_actions(before, spec)):
            raise RiskLowered(lowered)
    if bundle is not None:
        await records.save_bundle(bundle.digest, bundle.content)
    await records.register_agent(project_id, spec)
    return spec


async def _describe(bundle: Bundle, sandbox: Sandbox) -> Any:
    with tempfile.TemporaryDirectory(prefix="agent-") as scratch:
        copy = Path(scratch) / "agent"
        await asyncio.to_thread(unpack, bundle, copy)
        result = await sandbox.describe(str(copy))
    if result.failure is not None:
        raise RegistrationRefused(f"the agent did not describe itself: {result.failure.message}")
    return result.output


def _shipped(entry: str) -> AgentSpec | None:
    """The agent that ships with that entry, if there is one: another digest than its own would never run."""
    name = next((name for name, module in MODULES.items() if module == entry), None)
    return None if name is None else builtin_spec(name)
