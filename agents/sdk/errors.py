"""Errors of an action, as the SDK reports them to the platform."""

from __future__ import annotations

from typing import ClassVar


class AgentError(Exception):
    """The action cannot do what was asked; a retry would not help. The message is shown unchanged."""

    kind: ClassVar[str] = "exit"


class TransientError(AgentError):
    """A transient error (a server that does not answer, a rate limit): the platform may retry."""

    kind = "transient"


class BadRequestError(AgentError):
    """The agent or the action is unknown, or a required setting or secret is missing."""

    kind = "bad-request"


class InvalidInputError(AgentError):
    """The input does not fit the action's schema."""

    kind = "invalid-input"


class InvalidOutputError(AgentError):
    """The action returned what its schema forbids."""

    kind = "invalid-output"
