"""Which role may use which route: one table. A route that is not in it is for admins, and fails a test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Literal

from records.people.person import Role

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Right(Enum):
    """What a route asks for."""

    OPEN = "open"
    """Nothing: nobody has to sign in."""
    SIGNED_IN = "signed in"
    """Any role in any project."""
    READ = "read"
    AUTHOR = "author"
    OPERATE = "operate"
    APPROVE = "approve"
    ADMIN = "admin"


ALLOWED: Mapping[Right, frozenset[Role]] = {
    Right.READ: frozenset({"viewer", "author", "operator", "approver", "admin"}),
    Right.AUTHOR: frozenset({"author", "admin"}),
    Right.OPERATE: frozenset({"operator", "admin"}),
    Right.APPROVE: frozenset({"approver", "admin"}),
    Right.ADMIN: frozenset({"admin"}),
}
"""The roles that have a right; each other role does not."""

ROUTES: Mapping[tuple[Method, str], Right] = {
    ("GET", "/health"): Right.OPEN,
    ("GET", "/metrics"): Right.OPEN,  # asks for a token of its own
    ("GET", "/asyncapi.json"): Right.OPEN,
    ("GET", "/docs"): Right.OPEN,
    ("GET", "/docs/start.js"): Right.OPEN,
    ("GET", "/docs/{name}"): Right.OPEN,
    # The console's page is the same for everybody; what it shows comes from the routes below.
    ("GET", "/"): Right.OPEN,
    ("GET", "/console"): Right.OPEN,
    ("GET", "/console/{path:path}"): Right.OPEN,
    # People
    ("POST", "/session"): Right.OPEN,
    ("DELETE", "/session"): Right.OPEN,
    ("PATCH", "/session"): Right.SIGNED_IN,
    ("GET", "/sign-in"): Right.OPEN,
    ("GET", "/sign-in/oidc"): Right.OPEN,
    ("GET", "/sign-in/oidc/callback"): Right.OPEN,
    ("POST", "/sign-in/device"): Right.OPEN,
    ("POST", "/sign-in/device/token"): Right.OPEN,
    ("GET", "/me"): Right.SIGNED_IN,
    ("GET", "/changes"): Right.READ,
    ("POST", "/changes/{change_id}/confirm"): Right.ADMIN,
    # Agents
    ("GET", "/agents"): Right.READ,
    ("GET", "/agents/{name}"): Right.READ,
    ("GET", "/agents/{name}/history"): Right.READ,
    ("POST", "/agents"): Right.ADMIN,
    ("DELETE", "/agents/{name}"): Right.ADMIN,
    ("POST", "/agents/review"): Right.ADMIN,
    ("POST", "/agents/upload"): Right.ADMIN,
    # Workflows
    ("GET", "/workflows"): Right.READ,
    ("GET", "/workflows/{name}"): Right.READ,
    ("PUT", "/workflows/{name}"): Right.AUTHOR,
    ("GET", "/workflows/{name}/missed"): Right.READ,
    ("POST", "/workflows/{name}/backfill"): Right.OPERATE,
    ("POST", "/workflows/{name}/archive"): Right.AUTHOR,
    ("POST", "/workflows/{name}/rename"): Right.AUTHOR,
    ("POST", "/workflows/{name}/review"): Right.READ,
    ("GET", "/workflows/{name}/versions"): Right.READ,
    ("GET", "/workflows/{name}/versions/{number}"): Right.READ,
    ("GET", "/drafts"): Right.READ,
    ("GET", "/workflows/{name}/draft"): Right.READ,
    ("PUT", "/workflows/{name}/draft"): Right.AUTHOR,
    ("DELETE", "/workflows/{name}/draft"): Right.AUTHOR,
    ("POST", "/compile"): Right.READ,
    ("POST", "/compile/complete"): Right.READ,
    ("POST", "/compile/offers"): Right.READ,
    ("POST", "/compile/connections"): Right.READ,
    ("POST", "/compile/dry-run"): Right.READ,
    ("POST", "/compile/schedule"): Right.READ,
    ("POST", "/compile/past-events"): Right.READ,
    ("POST", "/workflows/{name}/runs"): Right.OPERATE,
    # Runs
    ("GET", "/runs"): Right.READ,
    ("GET", "/runs/{run_id}"): Right.READ,
    ("GET", "/runs/{run_id}/logs"): Right.READ,
    ("GET", "/runs/{run_id}/logs/stream"): Right.READ,
    ("POST", "/runs/{run_id}/cancel"): Right.OPERATE,
    ("POST", "/runs/{run_id}/retry"): Right.OPERATE,
    ("GET", "/runs/{run_id}/rerun"): Right.READ,
    ("POST", "/runs/{run_id}/rerun"): Right.OPERATE,
    ("POST", "/runs/{run_id}/replay"): Right.OPERATE,
    ("GET", "/runs/{run_id}/artifacts"): Right.READ,
    ("GET", "/runs/{run_id}/artifacts/{artifact}"): Right.READ,
    # Approvals
    ("GET", "/approvals"): Right.READ,
    ("GET", "/approvals/{approval_id}"): Right.READ,
    ("GET", "/approvals/{approval_id}/slack-message"): Right.READ,
    ("POST", "/approvals/{approval_id}/decision"): Right.APPROVE,
    ("POST", "/slack/actions"): Right.OPEN,  # asks for the signature of Slack, and for a person
    # All
    ("GET", "/stream"): Right.READ,
    ("GET", "/statistics"): Right.READ,
    # Events
    ("GET", "/events"): Right.READ,
    ("POST", "/events/try-filter"): Right.READ,
    ("GET", "/events/{event_id}"): Right.READ,
    ("GET", "/events/{event_id}/why"): Right.READ,
    ("GET", "/dead-letters"): Right.READ,
    ("POST", "/dead-letters/{letter_id}/replay"): Right.OPERATE,
    ("POST", "/dead-letters/{letter_id}/discard"): Right.OPERATE,
}
"""Method and path, as the route is written, -> the right it needs."""


def right_of(method: str, path: str) -> Right:
    """What that route asks for. What is not in the table is closed to all but admins."""
    return next((right for route, right in ROUTES.items() if route == (method, path)), Right.ADMIN)


def may(roles: Collection[str], right: Right) -> bool:
    """Whether somebody with these roles has that right."""
    if right in (Right.OPEN, Right.SIGNED_IN):
        return True
    return any(role in ALLOWED[right] for role in roles)
