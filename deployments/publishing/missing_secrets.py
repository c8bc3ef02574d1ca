"""Workflows -> secrets that they name in a node and that have no value where the worker looks for it.

A worker on another machine may have more in its environment than is known here: so it is a warning.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from compiler.plan import Plan
from tasks.project_scope import gets_the_shared, secrets_of
from tasks.secrets import (
    EnvironmentSecrets,
    FileSecrets,
    PrefectSecrets,
    SecretsUnavailable,
    UnknownSecret,
    resolve,
)


async def missing_secrets(plans: Iterable[Plan], *, state: Path, given: Iterable[str]) -> list[str]:
    """A sentence for each secret of each workflow. `given`: variables that the platform's own worker was started with.

    Prefect's settings must say which server is asked for blocks.
    """
    variables = {**os.environ, **dict.fromkeys(given, "given")}
    sources = (EnvironmentSecrets(variables), FileSecrets(state / "secrets"), PrefectSecrets())
    said: list[str] = []
    for plan in plans:
        seen = secrets_of(sources, plan.project_id, shared=gets_the_shared(plan.project_id))
        named: dict[str, list[str]] = {}
        for node in plan.nodes:
            for name in node.required_secrets:
                named.setdefault(name, []).append(node.id)
        for name, nodes in named.items():
            try:
                await resolve(required=[name], optional=(), sources=seen)
            except (UnknownSecret, SecretsUnavailable) as exc:
                said.append(f"{plan.name}: node {', '.join(nodes)}: {exc}")
    return said
