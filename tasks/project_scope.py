"""A project -> the secrets, settings and repository roots that are its own; no name of one project opens another's.

| | of one project | of all |
|---|---|---|
| secrets | variable `COMMANDCENTER_SECRET_PROJECT_<ID>_<NAME>`, file `PROJECT_<ID>_<NAME>`, such a block | without |
| settings | `COMMANDCENTER_SETTING_PROJECT_<ID>_<NAME>` | without |
| repositories | `COMMANDCENTER_REPOSITORIES_PROJECT_<ID>` | `COMMANDCENTER_REPOSITORIES` |

In production what is of no project goes to the platform's first one alone; embedded, where one operator runs
everything, to all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reliability.mode import is_production
from tasks.secrets import SecretSource

REPOSITORIES = "COMMANDCENTER_REPOSITORIES_PROJECT_"
SETTINGS = "COMMANDCENTER_SETTING_"
FIRST_PROJECT = "COMMANDCENTER_PROJECT_ID"
_OF_A_PROJECT = re.compile(r"PROJECT_\d+_", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


def gets_the_shared(project_id: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what is of no project goes to that one as well."""
    return not is_production(environment) or str(project_id) == environment.get(FIRST_PROJECT, "1").strip()


@dataclass(frozen=True)
class ProjectSecrets:
    """One place where secrets are kept, as one project sees it: its own first."""

    source: SecretSource
    project_id: int
    shared: bool
    """Whether it is also given what is of no project."""

    async def get(self, name: str) -> str | None:
        """The value, or None where this place does not have it for this project."""
        # A workflow names its secrets: `PROJECT_2_TOKEN` must not be how project 1 asks for another's `TOKEN`.
        if not _NAME.fullmatch(name) or _OF_A_PROJECT.match(name):
            return None
        own = await self.source.get(f"PROJECT_{self.project_id}_{name}")
        if own is not None or not self.shared:
            return own
        return await self.source.get(name)


def secrets_of(sources: Sequence[SecretSource], project_id: int, *, shared: bool) -> tuple[SecretSource, ...]:
    """The places as one project sees them. What is its own, wherever it is, comes before what is everybody's."""
    own = tuple(ProjectSecrets(each, project_id, shared=False) for each in sources)
    return own + tuple(ProjectSecrets(each, project_id, shared=True) for each in sources if shared)


def settings_of(settings: Mapping[str, str], project_id: int, *, shared: bool) -> dict[str, str]:
    """The settings of agents as one project sees them, by their plain names."""
    prefix = f"PROJECT_{project_id}_"
    found = {name: value for name, value in settings.items() if shared and not _OF_A_PROJECT.match(name)}
    own = {name.removeprefix(prefix): value for name, value in settings.items() if name.startswith(prefix)}
    return found | own


def roots_of(
    roots: Sequence[Path], project_id: int, *, shared: bool, environment: Mapping[str, str] = os.environ
) -> tuple[Path, ...]:
    """The folders that its repositories may lie in. A list of its own stands for itself: the shared ones are not added.

    Of the shared ones, none that holds a folder of another project.
    """
    given = environment.get(f"{REPOSITORIES}{project_id}")
    if given is not None:
        return _folders(given)
    if not shared:
        return ()
    foreign = [
        folder.resolve()
        for name, value in environment.items()
        if name.startswith(REPOSITORIES)
        for folder in _folders(value)
    ]
    return tuple(root for root in roots if not any(each.is_relative_to(root.resolve()) for each in foreign))


def _folders(value: str) -> tuple[Path, ...]:
    return tuple(Path(each).absolute() for each in value.split(os.pathsep) if each)
