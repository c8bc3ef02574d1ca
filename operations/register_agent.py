"""A manifest, with the code it belongs to -> a registered agent, the same for the command line and for HTTP.

The code is copied when the agent is registered; only the copy runs (see `agents.registration.bundle`).
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
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
from observability.environment_build import EnvironmentBuild, TellBuild
from operations.second_person import NOBODY, Acting, require_second_person
from records import Records


class RegistrationRefused(ValueError):
    """The agent cannot be registered as it is."""


class RiskLowered(Exception):
    """Actions that needed an approval would not any more, and nobody has agreed to that. Nothing was changed."""

    def __init__(self, actions: list[str]) -> None:
        self.actions = tuple(actions)
        super().__init__(f"the manifest lowers the risk of {', '.join(actions)}, which would open gates")


@dataclass(frozen=True, kw_only=True)
class AgentReview:
    """What registering code would mean. Nothing was registered."""

    spec: AgentSpec
    """As it would be registered, with the risk raised to its floor."""
    replaces: str | None
    """The version that is registered under the name now."""
    raised: tuple[str, ...]
    """Actions that need an approval whatever the manifest says."""
    lowered: tuple[str, ...]
    """Actions that needed an approval and would not any more, which is refused."""
    second_person: str | None
    """Why, in production mode, a second person must confirm it."""


async def review_files(
    files: Mapping[str, str], *, records: Records, sandbox: Sandbox, project_id: int
) -> AgentReview:
    """Ask uploaded code for its manifest, in the jail, and say what registering it would mean.

    `files`: path in the agent's folder -> text. Raises RegistrationRefused.
    """
    spec, _ = await _uploaded(files, sandbox, _teller(records, project_id))
    # Those that were removed, too: an agent is not registered anew with less risk by removing it first.
    known = (await records.catalogue(project_id, archived=True)).agents
    before = known.get(spec.name)
    floored = with_floor(spec, list(known.values()))
    return AgentReview(
        spec=floored,
        replaces=None if before is None else before.version,
        raised=tuple(
            name for name in spec.actions if spec.action_risk(name) == "AUTO" != floored.action_risk(name)
        ),
        lowered=() if before is None else tuple(lowered_actions(before, floored)),
        second_person=_needs_second_person(floored, trust_risk=False),
    )


async def register_files(
    files: Mapping[str, str],
    *,
    code_digest: str,
    records: Records,
    sandbox: Sandbox,
    project_id: int,
    by: Acting = NOBODY,
) -> AgentSpec:
    """Register uploaded code, if it is that of the review. Raises as `register_folder` does."""
    spec, bundle = await _uploaded(files, sandbox, _teller(records, project_id))
    if spec.code_digest != code_digest:
        raise RegistrationRefused(
            f"the files are not those that were reviewed ({code_digest}, now {spec.code_digest}): review them again"
        )
    return await _register(spec, bundle, None, records=records, project_id=project_id, by=by, trust_risk=False)


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
    tell = _teller(records, project_id)
    spec, bundle = await read_folder(folder, sandbox=sandbox, scratch=scratch, tell=tell)
    return await _register(
        spec, bundle, None, records=records, project_id=project_id, by=by, trust_risk=trust_risk
    )


async def read_folder(
    folder: Path, *, sandbox: Sandbox, scratch: Path | None = None, tell: TellBuild | None = None
) -> tuple[AgentSpec, Bundle]:
    """What would be registered: the agent as it describes itself, and its code. Raises RegistrationRefused."""
    entry = str(folder.absolute())
    try:
        bundle = await asyncio.to_thread(pack, folder)
        described = await _describe(bundle, sandbox, scratch, tell)
        return from_json(described, entry_path=entry, code_digest=bundle.digest), bundle
    except (BundleRefused, ManifestError, EnvironmentRefused) as exc:
        raise RegistrationRefused(f"the agent in {entry!r} cannot be registered: {exc}") from exc


def program_in(folder: Path) -> AgentSpec:
    """The agent as the `agent.yaml` in the folder describes it; nothing of it runs. Raises RegistrationRefused."""
    try:
        text = (folder / PROGRAM_FILE).read_text("utf-8")
        return from_json(manifest_of(text), entry_path=str(folder))
    except (OSError, UnicodeDecodeError, ManifestError) as exc:
        reason = f"it has no readable {PROGRAM_FILE}" if isinstance(exc, OSError) else exc
        raise RegistrationRefused(f"the agent in {str(folder)!r} cannot be registered: {reason}") from exc


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
    known = (await records.catalogue(project_id, archived=True)).agents
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


async def _uploaded(files: Mapping[str, str], sandbox: Sandbox, tell: TellBuild) -> tuple[AgentSpec, Bundle]:
    for name in files:
        path = PurePosixPath(name)
        if not name or "\0" in name or path.is_absolute() or ".." in path.parts or name != path.as_posix():
            raise RegistrationRefused(f"{name[:80]!r} is no path inside of the agent's folder, such as 'agent.py'")
    with tempfile.TemporaryDirectory(prefix="upload-") as scratch:
        folder = Path(scratch) / "agent"
        try:
            await asyncio.to_thread(_write, files, folder)
            spec, bundle = await read_folder(folder, sandbox=sandbox, tell=tell)
        except RegistrationRefused as exc:
            raise RegistrationRefused(str(exc).replace(str(folder), "uploaded")) from exc
        except OSError as exc:
            raise RegistrationRefused(f"the files cannot be written: {exc.strerror}") from exc
    # Only the copy in the records runs; the path says where the code came from.
    return replace(spec, entry_path=f"/uploaded/{spec.name}"), bundle


def _write(files: Mapping[str, str], folder: Path) -> None:
    folder.mkdir()
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogatepass"))


async def _describe(bundle: Bundle, sandbox: Sandbox, scratch: Path | None, tell: TellBuild | None) -> Any:
    with tempfile.TemporaryDirectory(prefix="agent-", ignore_cleanup_errors=True) as temporary:
        copy = Path(temporary) / "agent"
        await asyncio.to_thread(unpack, bundle, copy)
        kept = Path(temporary) if scratch is None else scratch
        environment = await environment_of(copy, store=kept / "environments", sandbox=sandbox, tell=tell)
        if (copy / PROGRAM_FILE).is_file():
            return manifest_of((copy / PROGRAM_FILE).read_text("utf-8", errors="replace"))
        result = await sandbox.describe(str(copy), environment=environment)
    if result.failure is not None:
        raise RegistrationRefused(f"the agent did not describe itself: {result.failure.message}")
    return result.output


def _teller(records: Records, project_id: int) -> TellBuild:
    async def tell(build: EnvironmentBuild) -> None:
        await records.note_environment_build(build, project_id=project_id)

    return tell


def _shipped(entry: str) -> AgentSpec | None:
    """The agent that ships with that entry, if there is one: another digest than its own would never run."""
    name = next((name for name, module in MODULES.items() if module == entry), None)
    return None if name is None else builtin_spec(name)
