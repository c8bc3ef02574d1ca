"""A deployment's entrypoint → the flow that this process can execute.

Whoever has Prefect's password writes entrypoints, and to load one is to import its module: so only those of the
platform are loaded, none of the other modules that are installed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from prefect.flows import Flow, load_flow_from_entrypoint

from deployments.errors import DeploymentError
from flows import entrypoints


class FlowNotRunnable(DeploymentError):
    """The deployment's flow cannot run inside the worker; says what to change."""


class FlowLoader:
    """Loads the flow of each workflow once for the life of the worker.

    `test_module`: one whose flows are loaded as well; only tests have one.
    """

    def __init__(self, *, test_module: str = "") -> None:
        self._test_module = test_module
        self._flows: dict[str, Flow[..., Any]] = {}

    async def load(self, entrypoint: str | None, *, deployment: str) -> Flow[..., Any]:
        """The flow; made on first use. Raises `FlowNotRunnable`."""
        if not entrypoint or not self._is_allowed(entrypoint):
            raise FlowNotRunnable(
                f"deployment {deployment!r} has the entrypoint {entrypoint!r}, and this worker executes workflows "
                f"only, like '{entrypoints.MODULE}.my_workflow': deploy a workflow with 'commandcenter deploy', or "
                "this flow to a work pool of the type 'process'"
            )
        if entrypoint not in self._flows:
            # Imports can take a second, in which the worker must not miss a heartbeat.
            self._flows[entrypoint] = await asyncio.to_thread(self._import, entrypoint, deployment)
        return self._flows[entrypoint]

    def _is_allowed(self, entrypoint: str) -> bool:
        module, _, attribute = entrypoint.rpartition(".")
        if module == entrypoints.MODULE:
            return entrypoints.is_workflow(attribute)
        return bool(self._test_module) and module == self._test_module and attribute.isidentifier()

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
