"""A deployment's entrypoint → the flow that this process can execute."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect.flows import Flow, load_flow_from_entrypoint

from deployments.errors import DeploymentError


class FlowNotRunnable(DeploymentError):
    """The deployment's flow cannot run inside the worker; says what to change."""


class FlowLoader:
    """Loads each flow once for the life of the worker."""

    def __init__(self) -> None:
        self._flows: dict[str, Flow[..., Any]] = {}

    async def load(self, entrypoint: str | None, *, deployment: str) -> Flow[..., Any]:
        """The flow; imports its module on first use. Raises `FlowNotRunnable`."""
        if not entrypoint or ":" in entrypoint or "/" in entrypoint:
            raise FlowNotRunnable(
                f"deployment {deployment!r} has the entrypoint {entrypoint!r}, which is not the dotted path of a "
                "flow in an importable module, like 'flows.compiled.my_workflow': deploy it with such an "
                "entrypoint, or to a work pool of the type 'process'"
            )
        if entrypoint not in self._flows:
            # Imports can take a second, in which the worker must not miss a heartbeat.
            self._flows[entrypoint] = await asyncio.to_thread(self._import, entrypoint, deployment)
        return self._flows[entrypoint]

    @staticmethod
    def _import(entrypoint: str, deployment: str) -> Flow[..., Any]:
        try:
            flow = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
        except Exception as exc:
            raise FlowNotRunnable(
                f"the entrypoint {entrypoint!r} of deployment {deployment!r} could not be loaded: "
                f"{type(exc).__name__}: {exc}"
            ) from exc
        if not flow.isasync or flow.isgenerator:
            raise FlowNotRunnable(
                f"the flow {flow.name!r} of deployment {deployment!r} is not an asynchronous function "
                "('async def'): make it one, or deploy it to a work pool of the type 'process'"
            )
        return flow
