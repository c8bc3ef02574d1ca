"""What an agent proposes as a patch -> the same with a verification, from a jail of its own: no network, no secret.

An agent asks for it by a place for it in its result (`verified`). A verification that cannot be had is said: the
person who decides is told that nothing was verified, and why. Where the operator allows it, the packages that the
project's tests need are installed first, in another jail that reaches the package index alone.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from agents.builtin import verification
from agents.effects.verification import not_verified, wants_verification, with_verification
from agents.environments.environment import ProjectEnvironment, environment_of_project
from agents.environments.requirements import EnvironmentRefused
from agents.registration.manifest import from_json
from agents.repository.repository_copy import RepositoryRefusedError, snapshot
from agents.runtime.description import describe
from agents.sandbox.port import AgentResult, Mount
from compiler.catalogue import AgentSpec
from compiler.plan import PlanNode
from tasks.card import Invocation
from tasks.inputs import kind_of
from tasks.services import RunRef, Workplace

LIMIT_SETTING = "VERIFICATION_SECONDS"
ENVIRONMENT_SETTING = "VERIFICATION_ENVIRONMENT"
"""`yes`: packages that a project declares are installed for its tests."""
DEFAULT_SECONDS = 60.0
_TIMEOUT_SECONDS = 420
_MEMORY_MB = 1024
_MAX_REASON = 240
"""Characters of each of the two parts of what is said; 500 are shown."""
_PACKAGES = "packages"
_MOST_NAMED = 5

Ask = Callable[[Invocation, Sequence[Mount]], Awaitable[AgentResult]]


async def verified(
    invocation: Invocation, result: Mapping[str, Any], *, run: RunRef, workplace: Workplace, ask: Ask
) -> Mapping[str, Any]:
    """The agent's result with the verification on its patch. `ask` runs the verification in its jail, with mounts."""
    if not wants_verification(invocation.node.result_schema) or not result.get("patch"):
        return result
    field = next((name for name in invocation.inputs if kind_of(invocation.node, name) == "repository"), None)
    if field is None:
        return result
    made, remark = await _environment(str(invocation.inputs[field]), run, workplace)
    asked = _verification(invocation, field, result, workplace.settings, made)
    found = await ask(asked, () if made is None else (Mount(name=_PACKAGES, source=made.path),))
    if found.failure is not None:
        return not_verified(result, f"it could not be verified: {found.failure.message}")
    output = cast("dict[str, Any]", found.output)
    if remark:
        output = {**output, "reason": f"{str(output.get('reason', ''))[:_MAX_REASON]}; {remark}"}
    return with_verification(result, output)


async def _environment(
    repository: str, run: RunRef, workplace: Workplace
) -> tuple[ProjectEnvironment | None, str]:
    """What the project's tests need, as far as it is to be had, and what to tell the person who decides of it."""
    said = workplace.settings.get(ENVIRONMENT_SETTING, "").strip().lower()
    if said in ("", "no", "off", "false", "0"):
        return None, ""
    if said not in ("yes", "on", "true", "1"):
        return None, f"no environment was made for its tests: {ENVIRONMENT_SETTING} must be yes or no"
    folder = Path(tempfile.mkdtemp(prefix="project-", dir=workplace.scratch))
    try:
        roots = workplace.repository_roots
        await asyncio.to_thread(snapshot, repository, allowed_roots=roots, into=folder / "copy")
        made = await environment_of_project(
            folder / "copy",
            store=workplace.scratch / "project-environments",
            sandbox=workplace.sandbox,
            tell=workplace.tells_builds(run),
        )
    except (EnvironmentRefused, RepositoryRefusedError, OSError) as exc:
        return None, f"no environment was made for its tests: {str(exc)[:_MAX_REASON]}"
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    if not made.lacking:
        return made, ""
    more = len(made.lacking) - _MOST_NAMED
    named = ", ".join(made.lacking[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return made, f"not installed for its tests: {named}"


def _verification(
    invocation: Invocation,
    field: str,
    result: Mapping[str, Any],
    settings: Mapping[str, str],
    made: ProjectEnvironment | None,
) -> Invocation:
    spec, action = _spec(), _spec().actions["verify"]
    try:
        seconds = min(max(float(settings.get(LIMIT_SETTING) or DEFAULT_SECONDS), 1.0), 600.0)
    except ValueError:
        seconds = DEFAULT_SECONDS
    node = PlanNode(
        id=f"{invocation.node.id}-verification",
        agent=spec.name,
        agent_type=spec.type,
        agent_version=spec.version,
        entry_path=spec.entry_path,
        action="verify",
        risk="AUTO",
        inputs={},
        input_schema=dict(action.input_schema),
        output_schema=dict(action.output_schema),
        timeout_seconds=_TIMEOUT_SECONDS,
        memory_mb=_MEMORY_MB,
    )
    inputs = {
        "repositoryPath": invocation.inputs[field],
        "patch": str(result["patch"]),
        "limitSeconds": seconds,
        "environmentPath": "" if made is None else f"/work/{_PACKAGES}",
    }
    pinned = {"repositoryPath": invocation.bindings[field]}
    return Invocation(node=node, agent=spec, inputs=inputs, network=(), secrets=(), bindings=pinned)


@cache
def _spec() -> AgentSpec:
    return from_json(describe(verification.agent), entry_path=verification.__name__, trusted=True)
