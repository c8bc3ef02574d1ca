"""One attempt of one node: intent -> sandbox -> effect -> checked output, on record from start to end."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from agents.repository.publish import PublishError, publish_branch
from agents.sandbox.port import AgentFailure, AgentRequest, AgentResult, Limits, LogLine
from compiler.plan import digest_of
from compiler.schemas.validation import validate
from observability.traces.ids import agent_span_id, trace_id, traceparent
from observability.traces.settings import is_traced
from reliability.fault_points import fault_point
from tasks.card import Invocation
from tasks.inputs import InputRefused, kind_of, prepare
from tasks.secrets import SecretsUnavailable, UnknownSecret, resolve
from tasks.services import Run, Services, Workplace


def idempotency_key(run: Run, intent: Invocation, item: int | None) -> str:
    """Equal for every attempt at the same work of the same run, different for anything else."""
    return digest_of({"run": run.run_id, "node": intent.node.id, "item": item, "intent": intent.digest})


async def execute(
    intent: Invocation,
    *,
    run: Run,
    item: int | None,
    execution_id: str,
    attempt: int = 1,
    services: Services,
    on_log: Callable[[LogLine], None],
) -> AgentResult:
    """Run the action once. What the agent does wrong comes back as a failure; only bugs of ours raise."""
    result = await answer(
        intent, run=run, item=item, execution_id=execution_id, attempt=attempt, workplace=services, on_log=on_log
    )
    fault_point("sandbox-answered")
    return await _finish(intent, result, run=run, item=item, services=services)


async def answer(
    intent: Invocation,
    *,
    run: Run,
    item: int | None,
    execution_id: str,
    attempt: int = 1,
    workplace: Workplace,
    on_log: Callable[[LogLine], None],
) -> AgentResult:
    """What the agent says: inputs checked and mounted, secrets resolved by name, run in the jail. No effect follows.

    The command line's `agents run` calls it too: an agent sees the same there as in a workflow.
    """
    node = intent.node
    folder = Path(tempfile.mkdtemp(prefix=f"{node.id}-", dir=workplace.scratch))
    try:
        if problems := validate(dict(intent.inputs), node.input_schema):
            return _refused(
                "invalid-input", f"inputs of node {node.id!r} do not fit {node.action!r}: {problems[0]}"
            )
        prepared = await prepare(node, intent.inputs, intent.bindings, folder=folder, run=run, services=workplace)
        secrets = await resolve(required=node.required_secrets, optional=node.secrets, sources=workplace.secrets)
        request = _request(intent, prepared.inputs, run=run, item=item, workplace=workplace)
        request = replace(
            request,
            execution_id=execution_id,
            attempt=attempt,
            secrets=secrets,
            mounts=prepared.mounts,
            traceparent=_trace(run, node.id, item, attempt),
        )
        return await workplace.sandbox.run(request, on_log=on_log)
    except (InputRefused, UnknownSecret) as exc:
        return _refused("bad-request", str(exc))
    except SecretsUnavailable as exc:
        return _refused("transient", str(exc))
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _finish(
    intent: Invocation, result: AgentResult, *, run: Run, item: int | None, services: Services
) -> AgentResult:
    """Keep the artifacts, carry out the effect, check what later nodes will see."""
    node = intent.node
    if not result.ok:
        return result
    for artifact in result.artifacts:
        await services.records.save_artifact(
            artifact.content, name=artifact.name, media_type=artifact.media_type, run_id=run.run_id
        )
    if node.effect is None:
        return result
    try:
        output = await _publish(intent, result.output, key=idempotency_key(run, intent, item), services=services)
    except PublishError as exc:
        return replace(result, output=None, failure=AgentFailure(kind="bad-request", message=str(exc)))
    fault_point("branch-published")
    if problems := validate(output, node.output_schema):
        message = f"what {node.effect!r} made of the result does not fit the output schema: {problems[0]}"
        return replace(result, output=None, failure=AgentFailure(kind="invalid-output", message=message))
    return replace(result, output=output)


async def _publish(intent: Invocation, result: Any, *, key: str, services: Services) -> dict[str, JsonValue]:
    """The `publish-branch` effect: the approved branch name and repository, never the agent's own wish."""
    field = next(name for name in intent.inputs if kind_of(intent.node, name) == "repository")
    proposal = {**cast("dict[str, Any]", result), "branch": intent.inputs["targetBranch"]}
    if proposal.get("baseCommit") != intent.bindings[field]:
        raise PublishError(
            f"the fix is made for commit {proposal.get('baseCommit')!r:.60}, "
            f"but what was allowed is one for {intent.bindings[field]}"
        )
    return await publish_branch(
        proposal,
        repository=Path(cast("str", intent.inputs[field])),
        idempotency_key=key,
        allowed_roots=services.repository_roots,
    )


def _trace(run: Run, node_id: str, item: int | None, attempt: int) -> str:
    """The trace context of this attempt, as the records will export it; empty without tracing."""
    if not is_traced():
        return ""
    return traceparent(trace_id(run.flow_run_id), agent_span_id(run.flow_run_id, node_id, item, attempt))


def _request(
    intent: Invocation, inputs: Mapping[str, JsonValue], *, run: Run, item: int | None, workplace: Workplace
) -> AgentRequest:
    node = intent.node
    return AgentRequest(
        run_id=run.run_id,
        node_id=node.id,
        entry_path=intent.agent.entry_path,
        action=node.action,
        inputs=inputs,
        result_schema=node.result_schema or node.output_schema,
        idempotency_key=idempotency_key(run, intent, item),
        limits=Limits(
            memory_mb=node.memory_mb, timeout_seconds=node.timeout_seconds, cpu_seconds=node.timeout_seconds
        ),
        network=intent.network,
        settings={name: workplace.settings[name] for name in intent.agent.settings if name in workplace.settings},
    )


def _refused(kind: Any, message: str) -> AgentResult:
    return AgentResult(failure=AgentFailure(kind=kind, message=message))
