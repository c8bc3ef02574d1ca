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
from agents.environments.environment import environment_of, pins_of
from agents.environments.requirements import EnvironmentRefused
from agents.registration.builtin_agents import builtin_spec
from agents.registration.bundle import Bundle, BundleRefused, pack, unpack
from agents.registration.manifest import ManifestError, from_json, to_json
from agents.registration.program_manifest import manifest_of
from agents.registration.risk_floor import with_floor
from agents.runtime.program import PROGRAM_FILE
from agents.sandbox.port import Sandbox
from compiler.catalogue import AgentSpec
from compiler.plan import digest_of
from operations.second_person import NOBODY, Acting, require_second_person
from records import Records


class RegistrationRefused(ValueError):
    """The agent cannot be registered as it is."""


class RiskLowered(Exception):
    """Actions that needed an approval would not any more, and nobody has agreed to that. Nothing was changed."""

    def __init__(self, actions: list[str]) -> None:
        self.actions = tuple(actions)
        super().__init__(f"the manifest lowers the risk of {', '.join(actions)}, which would open gates")


async def register_folder(
    folder: Path,
    *,
    records: Records,
    sandbox: Sandbox,
    project_id: int,
    trust_risk: bool = False,
    by: Acting = NOBODY,
    scratch: Path | None = None,
) -> AgentSpec:
    """Register the agent in the folder. A copy of its code is asked for the manifest, in the jail; a program has one in
    its `agent.yaml`. Its environment is made, and kept in `scratch`, where one is given.

    `trust_risk`: somebody has read the code and takes the risk that it gives itself, below the floor or lower than it
    was. `by`: who registers it; in production mode an agent that reaches anything, has an effect or is trusted needs a
    second person. Raises RegistrationRefused, RiskLowered and SecondPersonNeeded.
    """
    spec, bundle = await read_folder(folder, sandbox=sandbox, scratch=scratch)
    return await _register(
        spec, bundle, None, records=records, project_id=project_id, by=by, trust_risk=trust_risk
    )


async def read_folder(folder: Path, *, sandbox: Sandbox, scratch: Path | None = None) -> tuple[AgentSpec, Bundle]:
    """What would be registered: the agent as it describes itself, and its code. Raises RegistrationRefused."""
    entry = str(folder.absolute())
    try:
        bundle = await asyncio.to_thread(pack, folder)
        described = await _describe(bundle, sandbox, scratch)
        return from_json(described, entry_path=entry, code_digest=bundle.digest), bundle
    except (BundleRefused, ManifestError, EnvironmentRefused) as exc:
        raise RegistrationRefused(f"the agent in {entry!r} cannot be registered: {exc}") from exc


async def register_manifest(
    spec: AgentSpec, *, records: Records, project_id: int, by: Acting = NOBODY
) -> AgentSpec:
    """Register what a manifest says of an agent that is built in, or whose folder is on this machine.

    The digest is that of the code as it is found, whatever the manifest says. Raises RegistrationRefused and
    RiskLowered.
    """
    if not spec.entry_path.startswith("/"):
        shipped = await asyncio.to_thread(_shipped, spec.entry_path)
        if shipped is not None:
            spec = replace(spec, code_digest=shipped.code_digest)
        return await _register(
            spec, None, shipped, records=records, project_id=project_id, by=by, trust_risk=False
        )
    try:
        bundle = await asyncio.to_thread(pack, Path(spec.entry_path))
        await asyncio.to_thread(pins_of, Path(spec.entry_path))
    except (BundleRefused, EnvironmentRefused) as exc:
        raise RegistrationRefused(str(exc)) from exc
    known = replace(spec, code_digest=bundle.digest)
    return await _register(known, bundle, None, records=records, project_id=project_id, by=by, trust_risk=False)


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
    by: Acting,
    trust_risk: bool,
) -> AgentSpec:
    known = (await records.catalogue(project_id)).agents
    if not trust_risk:
        before = known.get(spec.name)
        spec = with_floor(spec, [*known.values(), *([shipped] if shipped else [])])
        if before is not None and (lowered := lowered_actions(before, spec)):
            raise RiskLowered(lowered)
    reason = _needs_second_person(spec, trust_risk=trust_risk)
    if reason is not None:
        await require_second_person(
            "register-agent",
            digest=digest_of(to_json(spec)),
            summary=f"agent {spec.name}: {reason}",
            by=by,
            project_id=project_id,
            records=records,
        )
    if bundle is not None:
        await records.save_bundle(bundle.digest, bundle.content)
    await records.register_agent(project_id, spec)
    return spec


def _needs_second_person(spec: AgentSpec, *, trust_risk: bool) -> str | None:
    """Why no one person may register it; None: it can do nothing outside of its jail."""
    effects = sorted({action.effect for action in spec.actions.values() if action.effect})
    reach = [("has the effect", effects), ("reaches", list(spec.network)), ("is given", list(spec.secrets))]
    found = [f"{what} {', '.join(names)}" for what, names in reach if names]
    if trust_risk:
        found.append("is trusted with the risk that it gives itself")
    return "; ".join(found) or None


async def _describe(bundle: Bundle, sandbox: Sandbox, scratch: Path | None) -> Any:
    with tempfile.TemporaryDirectory(prefix="agent-", ignore_cleanup_errors=True) as temporary:
        copy = Path(temporary) / "agent"
        await asyncio.to_thread(unpack, bundle, copy)
        kept = Path(temporary) if scratch is None else scratch
        environment = await environment_of(copy, store=kept / "environments", sandbox=sandbox)
        if (copy / PROGRAM_FILE).is_file():
            return manifest_of((copy / PROGRAM_FILE).read_text("utf-8", errors="replace"))
        result = await sandbox.describe(str(copy), environment=environment)
    if result.failure is not None:
        raise RegistrationRefused(f"the agent did not describe itself: {result.failure.message}")
    return result.output


def _shipped(entry: str) -> AgentSpec | None:
    """The agent that ships with that entry, if there is one: another digest than its own would never run."""
    name = next((name for name, module in MODULES.items() if module == entry), None)
    return None if name is None else builtin_spec(name)
