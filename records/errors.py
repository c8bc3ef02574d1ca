"""Errors of the records; each message is one sentence."""

from __future__ import annotations

from reliability.errors import Unavailable


class RecordsError(Exception):
    """Base of all errors of the records."""


class DatabaseUnavailable(RecordsError, Unavailable):
    """The database cannot be reached, or is not one that we know."""

    def __init__(self, message: str, *, transient: bool = False, away: bool = False) -> None:
        super().__init__(message)
        self.transient = transient
        """Whether the error is transient."""
        self.away = away
        """Whether a server does not answer, which it may do later; else the URL or the file is wrong."""


class NotMigrated(RecordsError):
    """The database does not have the tables of this version."""


class NewerDatabase(RecordsError):
    """The database was migrated by a newer version: this one must not write to it."""


class NotFound(RecordsError):
    """There is no such row (in that project)."""

    def __init__(self, what: str, which: object, hint: str) -> None:
        super().__init__(f"{what} {which!r} is not recorded: {hint}")
        self.what = what
        self.which = which


class RowForged(RecordsError):
    """A row is not what the platform wrote: a client of the database has changed it."""


class PayloadRefused(RecordsError):
    """A value that cannot be stored: too large, not JSON, or text that no database stores."""


class NameRefused(RecordsError):
    """A name that cannot be a token of a NATS subject."""


class LimitReached(RecordsError):
    """The project has as many of them as it may have; nothing was changed."""

    def __init__(self, what: str, project_id: int, limit: int) -> None:
        super().__init__(
            f"project {project_id} has {limit} {what}, which is all it may have: remove some, or allow more with "
            f"`commandcenter projects set {project_id} --{what} …`"
        )


class StaleAttempt(RecordsError):
    """The writer's run or node was taken over by a later attempt; nothing was changed."""


class NotApproved(RecordsError):
    """The node must not run: there is no approval for exactly what would run now."""


class NodeFinished(RecordsError):
    """The node has succeeded already; its recorded result counts and it is not run again."""


class VersionConflict(RecordsError):
    """Somebody has saved another version of the workflow meanwhile; nothing was changed."""
