"""What can keep a database from being copied."""

from records.errors import RecordsError


class CopyRefused(RecordsError):
    """A database that cannot be copied from or to; nothing was changed."""
