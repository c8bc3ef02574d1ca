"""What can go wrong on the way from a message to a run: either it passes, or it never will."""

from __future__ import annotations


class TriggerError(Exception):
    """An event could not be turned into runs."""


class TransientTriggerError(TriggerError):
    """A part that is needed did not answer; the event is delivered again later, however often it takes."""


class PermanentTriggerError(TriggerError):
    """No later attempt can succeed; the event becomes a dead letter with this sentence as its reason."""
