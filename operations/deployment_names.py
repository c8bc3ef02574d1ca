"""A workflow and a project -> the name of their deployment; a message -> the key of the run that it starts."""

from __future__ import annotations

import hashlib


def project_name(project_id: int) -> str:
    """The last part of a deployment's name: deployments of one project share it."""
    return f"project-{project_id}"


def deployment_name(workflow: str, project_id: int) -> str:
    """`<workflow>/project-<id>`, as `prefect deployment run` takes it: the flow is the workflow."""
    return f"{workflow}/{project_name(project_id)}"


def idempotency_key(stream: str, seq: int, workflow: str) -> str:
    """The same for every delivery of a message: Prefect answers a second creation with the first run."""
    return hashlib.sha256(f"{stream}\n{seq}\n{workflow}".encode()).hexdigest()
