"""What the tasks of one worker share: opened once in `flows.runtime`, passed to every node as an argument."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from agents.sandbox.port import Sandbox
from agents.sandbox.throttle import Share, Throttle
from compiler.catalogue import AgentSpec
from observability.environment_build import EnvironmentBuild, TellBuild
from records import Records
from tasks.agent_code import AgentCode, runnable
from tasks.project_scope import gets_the_shared, roots_of, secrets_of, settings_of
from tasks.secrets import SecretSource


class ArtifactSource(Protocol):
    """Where the files are that agents have saved."""

    def artifact(self, ref: str, *, project_id: int | None = None) -> Coroutine[Any, Any, bytes]:
        """The content behind an `artifact:…` reference. Raises NotFound."""
        ...


class Workplace(Protocol):
    """What one action of an agent needs around it, in a workflow and from the command line alike."""

    async def code_of(self, agent: AgentSpec, run: RunRef) -> AgentCode:
        """What runs for this run, with its environment: see `tasks.agent_code`. Raises CodeRefused."""
        ...

    def tells_builds(self, run: RunRef, agent: str | None = None) -> TellBuild | None:
        """Who is told of the environments that are made for this run; None: nobody."""
        ...

    @property
    def records(self) -> ArtifactSource:
        """Artifacts of earlier actions."""
        ...

    @property
    def sandbox(self) -> Sandbox:
        """What it runs in."""
        ...

    @property
    def secrets(self) -> tuple[SecretSource, ...]:
        """Asked in order; the first that has a name wins."""
        ...

    @property
    def settings(self) -> Mapping[str, str]:
        """Non-secret settings of agents, by name."""
        ...

    @property
    def repository_roots(self) -> tuple[Path, ...]:
        """Folders that repositories may lie in."""
        ...

    @property
    def scratch(self) -> Path:
        """Folder for snapshots and materialised artifacts."""
        ...


@dataclass(frozen=True, kw_only=True)
class Services:
    """The real parts a node is run with."""

    records: Records
    sandbox: Sandbox
    secrets: tuple[SecretSource, ...]
    """Asked in order; the first that has a name wins."""
    settings: Mapping[str, str]
    """Non-secret settings of agents, by name."""
    repository_roots: tuple[Path, ...]
    """Folders that repositories named by events may lie in; anything else is refused."""
    scratch: Path
    """Folder for snapshots and materialised artifacts; each execution has one of its own below it."""
    backend: str = "in-memory"
    """Name of the sandbox, as it is recorded with each run."""

    async def of_project(self, project_id: int) -> Services:
        """The same as one project gets it: its secrets, settings and repositories, and its share of the slots."""
        limits = await self.records.project_limits(project_id)
        sandbox, shared = self.sandbox, gets_the_shared(project_id)
        if isinstance(sandbox, Throttle):
            share = Share(project_id=project_id, weight=limits.weight, at_most=limits.agents_at_once)
            sandbox = sandbox.share(share)
        return replace(
            self,
            sandbox=sandbox,
            secrets=secrets_of(self.secrets, project_id, shared=shared),
            settings=settings_of(self.settings, project_id, shared=shared),
            repository_roots=roots_of(self.repository_roots, project_id, shared=shared),
        )

    async def code_of(self, agent: AgentSpec, run: RunRef) -> AgentCode:
        """Exactly the registered code of the agent, with its environment. Raises CodeRefused."""
        tell = self.tells_builds(run, agent.name)
        return await runnable(agent, records=self.records, scratch=self.scratch, sandbox=self.sandbox, tell=tell)

    def tells_builds(self, run: RunRef, agent: str | None = None) -> TellBuild:
        """The records: each is a span of the run, and counted. `agent`: whose it is; None: the run's project's own."""

        async def tell(build: EnvironmentBuild) -> None:
            await self.records.note_environment_build(
                build,
                project_id=run.project_id,
                agent=agent,
                flow_run_id=run.flow_run_id,
                reopened=run.attempt - 1,
            )

        return tell


@dataclass(frozen=True, kw_only=True)
class RunRef:
    """The run a node belongs to."""

    run_id: str
    """Id of the `WorkflowRun` row."""
    flow_run_id: str
    project_id: int
    workflow: str
    trigger: str
    triggered_by: str
    context: Mapping[str, Any]
    attempt: int
    """1, and one more for each time a person had the failed run tried again. Waits and crashes do not count: what
    was approved must stay the same over them."""
    times_done: Mapping[tuple[str, int | None], int] = field(default_factory=dict[tuple[str, int | None], int])
    """How often nodes, and items, had ended well before a person had them run again."""
    by_clock: bool
    """Whether Prefect's scheduler made the run."""
    due_by_clock: datetime | None = None
    """When such a run was to start, where Prefect has made it before that time; else None."""
    fencing_token: int
    """Number of this execution. The records refuse what an earlier one still tries to write."""
