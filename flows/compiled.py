"""Dotted entrypoints of deployments: `flows.compiled.security_audit_deploy` is the flow `security-audit-deploy`."""

from __future__ import annotations

from functools import cache
from typing import Any

from prefect import Flow

from flows.entrypoints import workflow_name
from flows.run import workflow_flow


@cache
def _flow(name: str) -> Flow[..., Any]:
    return workflow_flow(name)


def __getattr__(attribute: str) -> Flow[..., Any]:
    return _flow(workflow_name(attribute))
