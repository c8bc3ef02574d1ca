"""Dotted entrypoints of deployments: `flows.compiled.security_audit_deploy` is the flow `security-audit-deploy`."""

# No public name stands here: it would hide the workflow of that name.
from functools import cache as _cache
from typing import Any as _Any

from prefect import Flow as _Flow

from flows.entrypoints import workflow_name as _workflow_name
from flows.run import workflow_flow as _workflow_flow


@_cache
def _flow(name: str) -> _Flow[..., _Any]:
    return _workflow_flow(name)


def __getattr__(attribute: str) -> _Flow[..., _Any]:
    return _flow(_workflow_name(attribute))
