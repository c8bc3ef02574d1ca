"""Who sits at this terminal: the person of `COMMANDCENTER_TOKEN`, verified, or the user of the operating system."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from deployments.cli.options import person
from deployments.errors import DeploymentError
from operations.people import identify
from operations.second_person import Acting
from records import Records
from records.people.person import NotSignedIn, Role

VARIABLE = "COMMANDCENTER_TOKEN"
CommandRight = Literal["author", "operator", "approver", "admin"]
_ROLES: dict[CommandRight, frozenset[Role]] = {
    "author": frozenset({"author", "admin"}),
    "operator": frozenset({"operator", "admin"}),
    "approver": frozenset({"approver", "admin"}),
    "admin": frozenset({"admin"}),
}


class NotAllowed(DeploymentError):
    """The token opens nothing here, or its person may not do this."""


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """Who acts at the terminal."""

    name: str
    verified: bool

    @property
    def acting(self) -> Acting:
        """As operations take it."""
        return Acting(name=self.name, verified=self.verified)


async def acting(records: Records, *, project_id: int, right: CommandRight, by: str | None = None) -> Terminal:
    """Who acts: each command that does something asks. Without a token it is whoever runs this machine.

    `by`: a name that was typed; it does not go together with a token. Raises NotAllowed.
    """
    token = os.environ.get(VARIABLE, "").strip()
    if not token:
        return Terminal(name=by or person(), verified=False)
    if by is not None:
        raise NotAllowed(f"--by does not go together with {VARIABLE}: the token says who you are")
    found = await identify(token, records=records)
    if isinstance(found, NotSignedIn):
        raise NotAllowed(f"the token in {VARIABLE} opens nothing here: it is {found.reason}")
    roles = found.roles.get(project_id, ())
    if not _ROLES[right] & set(roles):
        held = ", ".join(roles) or "nothing"
        needed = " or ".join(sorted(_ROLES[right]))
        raise NotAllowed(f"{found.name!r} is {held} in project {project_id}; this needs {needed}")
    return Terminal(name=found.name, verified=True)
