"""A workflow as it is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

WorkflowStatus = Literal["ACTIVE", "DRAFT", "ARCHIVED"]


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One row of Workflow."""

    id: str
    project_id: int
    name: str
    description: str
    trigger: Any
    """As in the YAML."""
    status: WorkflowStatus
    plan_digest: str | None
    """The plan that new runs take; None for a row that another program wrote."""
    source: str | None
    """Absolute path of the file it was deployed from; None where it came by another way."""
    file_digest: str | None
    """Of the text in that file when the file was deployed last, whatever was deployed by another way since then."""
    created_at: datetime
    updated_at: datetime
