"""A request -> the launcher's order, the part that is the same in every backend."""

from __future__ import annotations

import logging
from collections.abc import Callable

from agents.sandbox.bubblewrap import host
from agents.sandbox.egress.wiring import Wiring
from agents.sandbox.inside.order import LaunchOrder, WarmMessage
from agents.sandbox.log_lines import LogStream
from agents.sandbox.port import ENVIRONMENT, AgentRequest

_OF_ONE_RUN = "TRACEPARENT"
"""A variable that differs from run to run."""


def order_for(
    request: AgentRequest,
    *,
    mode: str,
    wiring: Wiring,
    module: str,
    entry_path: str,
    copies: list[tuple[str, str]],
    paths: list[str],
    prefix: str,
) -> LaunchOrder:
    """For the user who runs the launcher, with nothing counted outside; a backend changes what it knows better.

    The agent's own packages come after the platform's code (the first of `paths`) and before its dependencies.
    """
    limits = request.limits
    return LaunchOrder(
        request={
            "mode": mode,
            "entry_path": entry_path,
            "action": request.action,
            "propose": request.propose,
            "inputs": dict(request.inputs),
            "idempotency_key": request.idempotency_key,
            "run_id": request.run_id,
            "node_id": request.node_id,
            "attempt": request.attempt,
            "secrets": sorted(request.secrets),
        },
        preload="",
        module=module,
        environment={
            **host.environment(prefix, own=ENVIRONMENT if request.environment else ""),
            **request.settings,
            **dict(wiring.environment),
            **({_OF_ONE_RUN: request.traceparent} if request.traceparent else {}),
        },
        secrets=dict(request.secrets),
        limits={
            "memory_mb": limits.memory_mb,
            "cpu_seconds": limits.cpu_seconds,
            "processes": limits.processes,
            "open_files": limits.open_files,
            "file_size_mb": limits.file_size_mb,
            "tmp_mb": limits.tmp_mb,
            "result_bytes": limits.result_bytes,
        },
        uid=None,
        memory_counted=False,
        watch_memory=False,
        network=bool(request.network),
        listen=list(wiring.listeners),
        copies=copies,
        paths=[*paths[:1], ENVIRONMENT, *paths[1:]] if request.environment else paths,
        prefix=prefix,
    )


def warm_order(order: LaunchOrder) -> LaunchOrder:
    """The same order without what it is to do: nothing of the request is in a warm jail before it is used."""
    assert order["request"] is not None
    preload = "" if order["secrets"] else order["request"]["entry_path"]
    environment = {name: value for name, value in order["environment"].items() if name != _OF_ONE_RUN}
    return {**order, "environment": environment, "request": None, "secrets": {}, "preload": preload}


def warm_message(order: LaunchOrder) -> WarmMessage:
    """What `warm_order` left out."""
    assert order["request"] is not None
    environment = {name: value for name, value in order["environment"].items() if name == _OF_ONE_RUN}
    return WarmMessage(request=order["request"], environment=environment, secrets=order["secrets"])


def attempts(stream: LogStream) -> Callable[[str, str | None], None]:
    """What the egress proxy calls: each attempt becomes a line of the agent's log."""

    def tell(target: str, reason: str | None) -> None:
        if reason is None:
            stream.note(logging.DEBUG, f"egress to {target}")
        else:
            stream.note(logging.WARNING, f"egress to {target} refused: {reason}")

    return tell
