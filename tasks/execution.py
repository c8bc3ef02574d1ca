"""One attempt of one node: invocation -> sandbox -> effect -> checked output, or a proposal and, later, its effect."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from pydantic import JsonValue

from agents.effects import EffectContext, EffectError, TransientEffectError, effect_of
from agents.sandbox.port import AgentFailure, AgentRequest, AgentResult, Limits, LogLine, Mount
from compiler.plan import digest_of
from compiler.schemas.validation import validate_bounded
from observability.traces.ids import agent_span_id, trace_id, traceparent
from observability.traces.parts import AttemptPart
from observability.traces.settings import is_traced
from records import NotFound, PayloadRefused
from reliability.fault_points import fault_point
from tasks.agent_code import CodeRefused, CodeUnavailable
from tasks.card import Invocation
from tasks.egress_policy import allowed_hosts, refused_hosts
from tasks.inputs import InputRefused, prepare
from tasks.model_limits import BadLimit, kept_to_limits, limits_of
from tasks.proposal import Proposal, proposal_of
from tasks.secrets import SecretsUnavailable, UnknownSecret, resolve
from tasks.services import RunRef, Services, Workplace
from tasks.verify import verified

SaveFile = Callable[[str, bytes, str], Awaitable[str]]
"""Name, bytes, media type -> the reference of the artifact."""
_EFFECT_NUMBER = 1 << 53
Log = logging.Logger | logging.LoggerAdapter[Any]


def idempotency_key(run: RunRef, invocation: Invocation, item: int | None) -> str:
    """Equal for every attempt at the same work of the same run, different for anything else.

    What was done and is run again is other work: under the same key its receiver would drop it as a repetition.
    """
    node = invocation.node.id
    work: dict[str, JsonValue] = {"run": run.run_id, "node": node, "item": item, "intent": invocation.digest}
    if (times := run.times_done.get((node, item), 0)) > 0:
        work["again"] = times
    return digest_of(work)


async def execute(
    invocation: Invocation,
    *,
    run: RunRef,
    item: int | None,
    execution_id: str,
    attempt: int = 1,
    services: Services,
    on_log: Callable[[LogLine], None],
    log: Log,
) -> AgentResult:
    """Run the action once. What the agent does wrong comes back as a failure; only bugs of ours raise."""
    result, proposal = await propose(
        invocation,
        run=run,
        item=item,
        execution_id=execution_id,
        attempt=attempt,
        services=services,
        on_log=on_log,
    )
    if proposal is None:
        return result
    # Below the risk of a gate: carried out at once.
    done = await carry_out(
        invocation,
        proposal,
        key=idempotency_key(run, invocation, item),
        run=run,
        workplace=services,
        save=saver(run, services),
        log=log,
    )
    # The effect comes first: of too many parts the last ones are dropped.
    return replace(result, output=done.output, failure=done.failure, parts=(*done.parts, *result.parts))


async def propose(
    invocation: Invocation,
    *,
    run: RunRef,
    item: int | None,
    execution_id: str,
    attempt: int = 1,
    services: Services,
    on_log: Callable[[LogLine], None],
) -> tuple[AgentResult, Proposal | None]:
    """Run the action once in the jail, and read the effect that it proposes. Nothing is carried out.

    No proposal: it failed, or the action has no effect.
    """
    result = await answer(
        invocation,
        run=run,
        item=item,
        execution_id=execution_id,
        attempt=attempt,
        workplace=services,
        on_log=on_log,
    )
    await _keep_artifacts(result, run=run, services=services)
    if not result.ok or invocation.node.effect is None:
        return result, None
    found = await with_verification(invocation, result, run=run, item=item, workplace=services, on_log=on_log)
    result = replace(result, output=found)
    try:
        return result, await asyncio.to_thread(proposal_of, invocation, found, run=run, workplace=services)
    except EffectError as exc:
        return replace(result, output=None, failure=AgentFailure(kind="bad-request", message=str(exc))), None


async def with_verification(
    invocation: Invocation,
    result: AgentResult,
    *,
    run: RunRef,
    item: int | None,
    workplace: Workplace,
    on_log: Callable[[LogLine], None],
) -> dict[str, Any]:
    """The agent's result; a patch in it verified in a jail of its own."""

    async def ask(verification: Invocation, mounts: Sequence[Mount]) -> AgentResult:
        return await answer(
            verification,
            run=run,
            item=item,
            execution_id=uuid4().hex,
            workplace=workplace,
            mounts=mounts,
            on_log=on_log,
        )

    found = cast("dict[str, Any]", result.output)
    return dict(await verified(invocation, found, run=run, workplace=workplace, ask=ask))


def saver(run: RunRef, services: Services) -> SaveFile:
    """What keeps the files of an effect with its run."""

    async def save(name: str, content: bytes, media_type: str) -> str:
        return await services.records.save_artifact(content, name=name, media_type=media_type, run_id=run.run_id)

    return save


async def carry_out(
    invocation: Invocation,
    proposal: Proposal,
    *,
    key: str,
    run: RunRef,
    workplace: Workplace,
    save: SaveFile,
    log: Log,
) -> AgentResult:
    """Do what was proposed, once for each key; the agent is not run again. The output is that of the node."""
    node = invocation.node
    spec = effect_of(proposal.effect)
    began, began_at = time.monotonic(), time.time_ns()
    output = dict(proposal.output)
    secrets: dict[str, str] = {}
    if proposal.request is not None:
        try:
            hosts = spec.hosts(node.network, invocation.settings)
            if refused := refused_hosts(hosts, run.project_id):
                log.info("the operator does not let project %s reach %s", run.project_id, ", ".join(refused))
            names = [each for each in node.secrets if each in spec.secrets or each in node.required_secrets]
            required = [each for each in node.required_secrets if each in names]
            optional = [*names, *spec.own_secrets]
            secrets = await resolve(required=required, optional=optional, sources=workplace.secrets)
            context = EffectContext(
                key=key,
                run_id=run.run_id,
                node_id=node.id,
                repository_roots=workplace.repository_roots,
                settings=invocation.settings,
                secrets=secrets,
                hosts=allowed_hosts(hosts, run.project_id),
                artifact=lambda reference: workplace.records.artifact(reference, project_id=run.project_id),
                save=save,
                log=log,
            )
            output |= await spec.perform(dict(proposal.request), context)
        except (TransientEffectError, SecretsUnavailable) as exc:
            return _refused("transient", _masked(exc, secrets), parts=_part(proposal, began_at, failed=True))
        except (EffectError, UnknownSecret, NotFound, PayloadRefused, ValueError) as exc:
            return _refused("bad-request", _masked(exc, secrets), parts=_part(proposal, began_at, failed=True))
        if "patch" in proposal.request:
            fault_point("branch-published")
        else:
            fault_point("message-sent")
    duration = round((time.monotonic() - began) * 1000)
    parts = _part(proposal, began_at) if proposal.request is not None else ()
    if problems := await asyncio.to_thread(validate_bounded, output, node.output_schema):
        message = f"what {proposal.effect!r} made of the result does not fit the output schema: {problems[0]}"
        failure = AgentFailure(kind="invalid-output", message=message)
        return AgentResult(failure=failure, duration_ms=duration, parts=parts)
    return AgentResult(output=output, duration_ms=duration, parts=parts)


def _part(proposal: Proposal, began_at: int, *, failed: bool = False) -> tuple[AttemptPart, ...]:
    """The effect within its attempt, for the trace. Its number lies beyond those of an agent's own parts."""
    effect = AttemptPart(
        name=f"effect.{proposal.effect}",
        start_ms=began_at // 1_000_000,
        end_ms=time.time_ns() // 1_000_000,
        kind="client",
        attributes={"effect.kind": proposal.effect, "effect.digest": proposal.digest},
        failed=failed,
        number=_EFFECT_NUMBER,
    )
    return (effect,)


async def answer(
    invocation: Invocation,
    *,
    run: RunRef,
    item: int | None,
    execution_id: str,
    attempt: int = 1,
    workplace: Workplace,
    mounts: Sequence[Mount] = (),
    on_log: Callable[[LogLine], None],
) -> AgentResult:
    """What the agent says: inputs checked and mounted, secrets resolved by name, run in the jail. No effect follows.

    `mounts`: what it is shown besides its inputs.
    The command line's `agents run` calls it too: an agent sees the same there as in a workflow.
    """
    node = invocation.node
    folder = Path(tempfile.mkdtemp(prefix=f"{node.id}-", dir=workplace.scratch))
    try:
        limits_of(workplace.settings)
        if problems := await asyncio.to_thread(validate_bounded, dict(invocation.inputs), node.input_schema):
            return _refused(
                "invalid-input", f"inputs of node {node.id!r} do not fit {node.action!r}: {problems[0]}"
            )
        prepared = await prepare(
            node, invocation.inputs, invocation.bindings, folder=folder, run=run, services=workplace
        )
        secrets = await resolve(
            required=_required(invocation), optional=invocation.secrets, sources=workplace.secrets
        )
        code = await workplace.code_of(invocation.agent, run)
        request = _request(invocation, prepared.inputs, run=run, item=item)
        request = replace(
            request,
            entry_path=code.entry_path,
            environment=code.environment,
            execution_id=execution_id,
            attempt=attempt,
            secrets=secrets,
            mounts=(*prepared.mounts, *mounts),
            traceparent=_trace(run, node.id, item, attempt),
        )
        result = await workplace.sandbox.run(request, on_log=on_log)
        return kept_to_limits(result, workplace.settings, node_id=node.id)
    except (SecretsUnavailable, CodeUnavailable) as exc:
        return _refused("transient", str(exc))
    except (InputRefused, UnknownSecret, CodeRefused, BadLimit) as exc:
        return _refused("bad-request", str(exc))
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _keep_artifacts(result: AgentResult, *, run: RunRef, services: Services) -> None:
    fault_point("sandbox-answered")
    for artifact in result.artifacts if result.ok else ():
        await services.records.save_artifact(
            artifact.content, name=artifact.name, media_type=artifact.media_type, run_id=run.run_id
        )


def _trace(run: RunRef, node_id: str, item: int | None, attempt: int) -> str:
    """The trace context of this attempt, as the records will export it; empty without tracing."""
    if not is_traced():
        return ""
    return traceparent(trace_id(run.flow_run_id), agent_span_id(run.flow_run_id, node_id, item, attempt))


def _request(
    invocation: Invocation, inputs: Mapping[str, JsonValue], *, run: RunRef, item: int | None
) -> AgentRequest:
    node = invocation.node
    return AgentRequest(
        run_id=run.run_id,
        node_id=node.id,
        entry_path=invocation.agent.entry_path,
        action=node.action,
        propose=node.effect is not None,
        inputs=inputs,
        result_schema=node.result_schema or node.output_schema,
        idempotency_key=idempotency_key(run, invocation, item),
        limits=Limits(
            memory_mb=node.memory_mb, timeout_seconds=node.timeout_seconds, cpu_seconds=node.timeout_seconds
        ),
        network=invocation.network,
        settings={
            name: invocation.settings[name] for name in invocation.agent.settings if name in invocation.settings
        },
    )


def _masked(error: Exception, secrets: Mapping[str, str]) -> str:
    """What a receiver answered may hold what it was sent."""
    text = str(error)
    for secret in secrets.values():
        text = text.replace(secret, "***")
    return text


def _required(invocation: Invocation) -> tuple[str, ...]:
    """Secrets that the workflow names and that this agent gets; those of an effect are not its own."""
    return tuple(each for each in invocation.node.required_secrets if each in invocation.secrets)


def _refused(kind: Any, message: str, *, parts: tuple[AttemptPart, ...] = ()) -> AgentResult:
    return AgentResult(failure=AgentFailure(kind=kind, message=message), parts=parts)
