"""Where people reach the API and its console in a browser: for links in events and messages."""

from __future__ import annotations

import os
from urllib.parse import quote

VARIABLE = "COMMANDCENTER_API_URL"


def approval_link(approval_id: str) -> str | None:
    """The address of an approval's page, which decides nothing by being opened; None where none is known."""
    address = os.environ.get(VARIABLE, "").strip().rstrip("/")
    if not address.startswith(("http://", "https://")):
        return None
    return f"{address}/console/approvals/{quote(approval_id, safe='')}"
