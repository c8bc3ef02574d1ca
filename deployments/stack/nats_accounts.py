"""Publishers and their projects → the accounts of a NATS server, as its settings say them.

The platform has an account with the streams. Each publisher has one without any: whatever it sends is a request to the
platform's account, under a subject that begins with its project and its name. It sees neither the streams nor others;
the answer says whether the event is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compiler.trigger_types.subjects import OUTGOING, RESERVED
from triggers.nats.project_streams import IN, OUT, incoming_prefix

ACCOUNT = "COMMANDCENTER"
_NOT_FOR_PUBLISHERS = (*RESERVED, *OUTGOING)
"""What only the platform may publish: what manages streams, and the events by which it tells what happened."""


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """A program that publishes events of one project."""

    name: str
    password: str
    """As NATS takes it: the password, or its bcrypt hash."""
    project_id: int


def account_of(publisher: Publisher) -> str:
    """The name of a publisher's account."""
    return f"PROJECT_{publisher.project_id}_{publisher.name}"


def accounts(*, platform: tuple[str, str], publishers: Iterable[Publisher]) -> dict[str, Any]:
    """The `accounts` of the server's settings. `platform`: user and password of the platform's parts."""
    user, password = platform
    own: dict[str, Any] = {
        "jetstream": "enabled",
        "users": [{"user": user, "password": password}],
        # Which part of it an account sees is said where that account is: by these settings, never by a publisher.
        "exports": [{"service": f"{IN}.>"}, {"stream": f"{OUT}.>"}],
    }
    return {ACCOUNT: own} | {account_of(each): _account(each) for each in publishers}


def _account(publisher: Publisher) -> dict[str, Any]:
    permissions = {
        "publish": {"allow": [">"], "deny": list(_NOT_FOR_PUBLISHERS)},
        "subscribe": {"allow": ["_INBOX.>", *OUTGOING]},
    }
    incoming = incoming_prefix(publisher.project_id, publisher.name)
    return {
        "users": [{"user": publisher.name, "password": publisher.password, "permissions": permissions}],
        "imports": [
            {"service": {"account": ACCOUNT, "subject": f"{incoming}.>"}, "to": ">"},
            {"stream": {"account": ACCOUNT, "subject": f"{OUT}.{publisher.project_id}.>"}, "to": ">"},
        ],
    }
