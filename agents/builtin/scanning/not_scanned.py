"""A file that a scan did not look into, and why: what is not said to be missing would count as clean."""

from __future__ import annotations

from agents.sdk import Schema


class NotScanned(Schema):
    """One file."""

    file: str
    reason: str
