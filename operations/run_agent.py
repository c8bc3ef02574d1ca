"""One action of one agent, run once by a person -> its result, with the files it saved kept in a folder.

The agent sees what it would in a workflow: repositories as snapshots, secrets by name, its limits and its network.
Nothing goes on record. An effect that needs an approval is shown and not carried out; one that needs none is.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import cast
from uuid import uuid4

from pydantic import JsonValue

from agents.effects import EffectError
from agents.registration.bundle import Bundle
from agents.repository.remote import RemoteRefusedError, origin
from agents.sandbox.port import AgentFailure, AgentResult, Artifact, LogLine, Sandbox
from compiler.catalogue import AgentSpec
from compiler.plan import PlanNode
from observability.environment_build import TellBuild
from records import NotFound
from reliability.mode import is_production
from tasks.agent_code import AgentCode, BundleSource, runnable
from tasks.card import Invocation
from tasks.egress_policy import refused_hosts
from tasks.execution import answer, carry_out, with_verification
from tasks.inputs import ARTIFACT_PREFIX, InputRefused, bindings, complete, kind_of
from tasks.proposal import Proposal, proposal_of
from tasks.secrets import SecretSource
from tasks.services import RunRef, Services
from tasks.work import reach, settings_used


@dataclass(frozen=True, kw_only=True)
class KeptArtifacts:
    """A folder in which the files of earlier runs by hand lie, each below its digest."""

    folder: Path

    async def artifact(self, ref: str, *, project_id: int | None = None) -> bytes:
        """The file's bytes. Raises NotFound."""
        path = self.place(ref)
        if path is None or not path.is_file():
            hint = f"{str(self.folder)!r} does not hold it; name the folder it was kept in"
            raise NotFound("artifact", ref[:200], hint)
        return await asyncio.to_thread(path.read_bytes)

    def place(self, reference: str) -> Path | None:
        """Where the file of a reference lies; None for what is no reference."""
        parts = PurePosixPath(reference.removeprefix(ARTIFACT_PREFIX)).parts
        plain = len(parts) == 2 and all(part not in ("..", "/") for part in parts)
        return self.folder.joinpath(*parts) if reference.startswith(ARTIFACT_PREFIX) and plain else None

    def keep(self, artifact: Artifact) -> Path:
        """Write a file that an agent saved."""
        digest = hashlib.sha256(artifact.content).hexdigest()
        path = self.folder / digest / (Path(artifact.name).name or "file")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content)
        return path


@dataclass(frozen=True, kw_only=True)
class AgentWorkplace:
    """What the action gets around it."""

    sandbox: Sandbox
    secrets: tuple[SecretSource, ...]
    settings: Mapping[str, str]
    repository_roots: tuple[Path, ...]
    """Empty: the repositories that the person named, and no others."""
    scratch: Path
    records: KeptArtifacts
    bundle: Bundle | None = None
    """The code of an agent that is not registered; None: the platform keeps it."""
    store: Path | None = None
    """Folder that keeps code and environments of agents; None: `scratch`."""
    platform: Services | None = None
    """The running platform, which keeps the code of registered agents; None: built-in agents only."""

    async def code_of(self, agent: AgentSpec, run: RunRef) -> AgentCode:
        """See `tasks.agent_code`. Raises CodeRefused."""
        kept: BundleSource = self.platform.records if self.platform and not self.bundle else OneBundle(self.bundle)
        return await runnable(agent, records=kept, scratch=self.store or self.scratch, sandbox=self.sandbox)

    def tells_builds(self, run: RunRef, agent: str | None = None) -> TellBuild | None:
        """Nobody: what is tried from the command line is on no record."""
        return None


@dataclass(frozen=True)
class OneBundle:
    """Where nothing is running, no code is kept but that of the agent at hand."""

    kept: Bundle | None = None

    async def bundle(self, digest: str) -> bytes | None:
        """Its archive, or None."""
        return self.kept.content if self.kept is not None and self.kept.digest == digest else None


@dataclass(frozen=True, kw_only=True)
class AgentOutcome:
    """What came of it."""

    result: AgentResult
    files: tuple[Path, ...] = ()
    effect: str | None = None
    """What the platform would do next in a workflow; it was not done."""
    proposal: Proposal | None = None
    """Exactly what it would do."""


class RefusedByHand(Exception):
    """Only a workflow may do that, as its gate asks somebody first."""


def require_by_hand(
    spec: AgentSpec, action: str, *, registered: bool, network: Sequence[str] = (), secrets: Sequence[str] = ()
) -> None:
    """Raises RefusedByHand for what would need a second person or an approval, in production mode."""
    if not is_production():
        return
    chosen = spec.actions[action]
    reason = None
    if spec.action_risk(action) != "AUTO" and chosen.effect is None:
        reason = f"{spec.name}.{action} needs an approval, and acts by itself"
    elif network or secrets:
        reason = f"{', '.join((*network, *secrets))} would be given to it besides what it asks for"
    elif not registered and (spec.network or spec.secrets or chosen.effect):
        reason = "its code is not registered, and it reaches something or has an effect"
    if reason is not None:
        raise RefusedByHand(f"in production mode this is not run by hand: {reason}; run it in a workflow")


async def run_agent(
    spec: AgentSpec,
    action: str,
    inputs: Mapping[str, JsonValue],
    *,
    workplace: AgentWorkplace,
    project_id: int,
    network: Sequence[str] = (),
    secrets: Sequence[str] = (),
    with_effects: bool = True,
    platform: Services | None = None,
    on_log: Callable[[LogLine], None],
) -> AgentOutcome:
    """Run it. `network` and `secrets` are those that a workflow's node would name besides the agent's own.

    `with_effects`: whether an effect that needs no approval is carried out. `platform`: the running one, whose records
    fill in what the platform knows of the project.
    """
    node = _node(spec, action, network=network, secrets=secrets)
    settled = _settled(node, inputs)
    run = _run(project_id)
    if platform is not None:
        settled = await complete(node, settled, run=run, services=platform)
    place = workplace if workplace.repository_roots else _with_roots(workplace, node, settled)
    try:
        pinned = await bindings(node, settled, services=place)
        hosts, names = reach(node, workplace.settings)
        if refused := refused_hosts(hosts, project_id):
            raise ValueError(f"the operator does not let project {project_id} reach {', '.join(refused)}")
    except (InputRefused, ValueError) as exc:
        return AgentOutcome(result=AgentResult(failure=AgentFailure(kind="bad-request", message=str(exc))))
    invocation = Invocation(
        node=node,
        agent=spec,
        inputs=settled,
        network=hosts,
        secrets=names,
        bindings=pinned,
        settings=settings_used(node, spec, workplace.settings),
    )
    result = await answer(invocation, run=run, item=None, execution_id=run.run_id, workplace=place, on_log=on_log)
    files = [await asyncio.to_thread(workplace.records.keep, each) for each in result.artifacts]
    if node.effect is None or not result.ok:
        return AgentOutcome(result=result, files=tuple(files))
    checked = await with_verification(invocation, result, run=run, item=None, workplace=place, on_log=on_log)
    result = replace(result, output=checked)
    try:
        proposal = proposal_of(invocation, checked, run=run, workplace=place)
    except EffectError as exc:
        refused = replace(result, failure=AgentFailure(kind="bad-request", message=str(exc)))
        return AgentOutcome(result=refused, files=tuple(files), effect=node.effect)
    if node.risk != "AUTO" or not with_effects:
        return AgentOutcome(result=result, files=tuple(files), effect=node.effect, proposal=proposal)

    async def save(name: str, content: bytes, media_type: str) -> str:
        path = workplace.records.keep(Artifact(name=name, media_type=media_type, content=content))
        files.append(path)
        return f"{ARTIFACT_PREFIX}{path.parent.name}/{path.name}"

    done = await carry_out(
        invocation, proposal, key=run.run_id, run=run, workplace=place, save=save, log=logging.getLogger(__name__)
    )
    return AgentOutcome(result=replace(result, output=done.output, failure=done.failure), files=tuple(files))


def _node(spec: AgentSpec, action: str, *, network: Sequence[str], secrets: Sequence[str]) -> PlanNode:
    """The action as a workflow of one node would have it."""
    chosen = spec.actions[action]
    return PlanNode(
        id="once",
        agent=spec.name,
        agent_type=spec.type,
        agent_version=spec.version,
        agent_digest=spec.code_digest,
        entry_path=spec.entry_path,
        action=action,
        description=chosen.description,
        effect=chosen.effect,
        risk=spec.action_risk(action),
        inputs={},
        input_schema=dict(chosen.input_schema),
        output_schema=dict(chosen.output_schema),
        result_schema=dict(chosen.result_schema) if chosen.result_schema else None,
        timeout_seconds=spec.timeout_seconds,
        memory_mb=spec.memory_mb,
        network=(*spec.network, *network),
        secrets=tuple(dict.fromkeys((*spec.secrets, *secrets))),
        required_secrets=tuple(secrets),
        settings=spec.settings,
    )


def _settled(node: PlanNode, inputs: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Paths of repositories as absolute ones: who types them means the folder they stand in."""
    return {
        name: str(Path(value).expanduser().absolute())
        if kind_of(node, name) == "repository" and isinstance(value, str)
        else value
        for name, value in inputs.items()
    }


def _with_roots(workplace: AgentWorkplace, node: PlanNode, inputs: Mapping[str, JsonValue]) -> AgentWorkplace:
    fields = (name for name, value in inputs.items() if kind_of(node, name) == "repository" and value)
    named = [Path(cast("str", inputs[name])) for name in fields]
    remotes = [place for each in named if (place := _local_remote(each)) is not None]
    return replace(workplace, repository_roots=(*named, *remotes))


def _local_remote(repository: Path) -> Path | None:
    """The folder that the repository's branches are pushed to: whoever names the one means the other."""
    try:
        remote = origin(repository, allowed_roots=[Path(repository.anchor)])
    except RemoteRefusedError:
        return None
    return Path(remote.url) if remote.kind == "file" else None


def _run(project_id: int) -> RunRef:
    run_id = f"once-{uuid4().hex}"
    return RunRef(
        run_id=run_id,
        flow_run_id=run_id,
        project_id=project_id,
        workflow="agents-run",
        trigger="manual",
        triggered_by="command line",
        context={},
        attempt=1,
        by_clock=False,
        fencing_token=0,
    )
