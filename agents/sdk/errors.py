"""Why an agent's action did not end well, as the SDK tells it to the platform."""

from __future__ import annotations

from typing import ClassVar


class AgentError(Exception):
    """The action cannot do what was asked; trying again would not help. The message is shown as it stands."""

    kind: ClassVar[str] = "exit"


class TransientError(AgentError):
    """Something that may pass (a server that does not answer, a rate limit): the platform may try again."""

    kind = "transient"


class BadRequestError(AgentError):
    """The agent or the action is unknown, or a setting or secret it cannot do without was not given."""

    kind = "bad-request"


class InvalidInputError(AgentError):
    """The input does not fit the action's schema."""

    kind = "invalid-input"


class InvalidOutputError(AgentError):
    """The action returned what its schema forbids."""

    kind = "invalid-output"
