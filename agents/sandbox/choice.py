"""The name of a backend -> its sandbox, and never another one."""

from __future__ import annotations

import os
from collections.abc import Mapping

from agents.sandbox.port import Sandbox

BACKENDS = ("bubblewrap", "dagger")
DEFAULT = "bubblewrap"


class UnknownSandbox(ValueError):
    """The setting names no backend."""


def open_sandbox(
    name: str | None = None, *, environment: Mapping[str, str] | None = None, warm: int = 0
) -> Sandbox:
    """The backend called `name`; else what COMMANDCENTER_SANDBOX or SANDBOX says; else bubblewrap.

    What a backend needs is looked for at the first run: where it is missing, runs fail as `sandbox-unavailable`;
    nothing falls back to something weaker. `warm` jails may be started ahead of requests, where the backend can.
    Raises UnknownSandbox.
    """
    variables = os.environ if environment is None else environment
    chosen = name or variables.get("COMMANDCENTER_SANDBOX") or variables.get("SANDBOX") or DEFAULT
    match chosen:
        case "bubblewrap":
            from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox

            return BubblewrapSandbox(warm=warm)
        case "dagger":
            from agents.sandbox.dagger.sandbox import DaggerSandbox

            return DaggerSandbox.from_environment(variables)
        case _:
            raise UnknownSandbox(f"there is no sandbox {chosen!r}; set SANDBOX to one of: {', '.join(BACKENDS)}")
