"""The agents that ship with the platform -> a Catalogue."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from agents.builtin import MODULES
from agents.registration.code_digest import digest_of_module
from agents.registration.manifest import from_json
from agents.runtime.description import describe
from agents.sdk.agent import Agent
from compiler.catalogue import AgentSpec, Catalogue


def builtin_catalogue(settings: Mapping[str, str] | None = None) -> Catalogue:
    """All built-in agents. `settings` (as in `SLACK_API_URL`, `SMTP_HOST`) decide which hosts they may reach.

    Without settings, network entries that depend on one stay as they are; `agents.registration.network.resolve`
    fills them later.
    """
    specs = [builtin_spec(name, settings) for name in MODULES]
    return Catalogue(agents={spec.name: spec for spec in specs})


def builtin_spec(name: str, settings: Mapping[str, str] | None = None) -> AgentSpec:
    """One built-in agent, by its name in workflows. Raises KeyError."""
    module = MODULES[name]
    agent: Agent = importlib.import_module(module).agent
    return from_json(
        describe(agent),
        entry_path=module,
        code_digest=digest_of_module(module),
        settings=settings,
        trusted=True,
    )
