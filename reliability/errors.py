"""Errors that say themselves whether a retry may help."""

from __future__ import annotations


class Unavailable(Exception):
    """A service does not answer. `transient`: it answered before, so it is worth waiting for."""

    transient: bool = False
