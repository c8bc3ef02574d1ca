"""The embedded default of people: whoever runs the platform on this machine is its admin, with no password asked.

The token lies in the state folder, for its owner only; a browser is signed in by a link that works once.
"""

from __future__ import annotations

import getpass
from pathlib import Path

from deployments.errors import DeploymentError
from deployments.stack.state_folder import StateFolder
from operations.people import add_person, identify, issue_link, issue_token
from records import Records
from records.people.person import Identity
from reliability.mode import is_production

TOKEN_FILE = "admin.token"
_TWO = 2


class NoMachineAdmin(DeploymentError):
    """In production mode nobody becomes an admin by sitting at the machine."""


async def ensure_machine_admin(records: Records, *, state: Path, project_id: int) -> str:
    """Make the user of this machine admin of the project, with a token in the state folder; gives the name.

    Raises NoMachineAdmin in production mode, once there are two admins: it would be a second person of one's own.
    """
    name = getpass.getuser()
    file = state / TOKEN_FILE
    known = await _identity(file, records)
    if known is not None and "admin" in known.roles.get(project_id, ()):
        return known.name
    if is_production() and await records.admins_with_tokens(project_id) >= _TWO:
        raise NoMachineAdmin(
            "in production mode nobody becomes an admin by running this machine: sign in with a token of yours, or by "
            "the provider of your organisation; `commandcenter people add` needs a second person"
        )
    await add_person(name, records=records, project_id=project_id, roles=["admin"], by="this machine")
    if known is None or known.name != name:
        token = await issue_token(
            name, records=records, by="this machine", lifetime=None, label=f"the state folder {state}"
        )
        StateFolder(state).create()
        StateFolder.write(file, token.text + "\n")
    return name


async def console_link(records: Records, *, api_url: str, name: str) -> str:
    """The address at which a browser is signed in as that person, once, within twelve hours.

    The token is in the fragment, which a browser keeps to itself.
    """
    link = await issue_link(name, records=records, by="this machine")
    return f"{api_url.rstrip('/')}/console#token={link.text}"


async def _identity(file: Path, records: Records) -> Identity | None:
    """Whose token the file holds, if it still opens anything in these records."""
    try:
        token = file.read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    found = await identify(token, records=records)
    return found if isinstance(found, Identity) else None
