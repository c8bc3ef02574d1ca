"""Request file -> result file: runs one action (or describes an agent) inside the jail.

`python -I -m agents.runtime.runner`, with the paths in `COMMANDCENTER_REQUEST`, `COMMANDCENTER_RESULT` and
`COMMANDCENTER_ARTIFACTS`, secrets as JSON on the descriptor in `COMMANDCENTER_SECRETS_FD`. What the agent prints
is log; only the result file counts. Exit status 0: the result is good; 1: the result file says why not.
"""

from __future__ import annotations

import sys
from types import ModuleType


def main() -> int:
    """Run what the environment points at. Returns the exit status."""
    _skip_plugins()
    from agents.runtime.execution import run

    return run()


def _skip_plugins() -> None:
    """Pydantic looks for plug-ins in the metadata of every installed package; that reader alone takes 15 ms."""
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(loader.__name__, loader)


if __name__ == "__main__":
    sys.exit(main())
