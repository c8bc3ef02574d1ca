"""One breach of a compliance rule: what compliance-checker and report-generator hand on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agents.sdk.schema import Schema


class Violation(Schema):
    """What is broken, where, and how to fix it."""

    rule: str
    """Stable name of the control, as in `change-approval`."""
    severity: Literal["WARNING", "ERROR"]
    location: str
    """Workflow and node, agent, or part of the platform."""
    remediation: str
    description: str = ""
    state: Literal["fail", "not-assessed"] = "fail"
    """`not-assessed`: nothing is shown to be broken, but there is no evidence that it holds."""
    clauses: list[str] = Field(default_factory=list[str])
    """The clauses of the standards that ask for it, as in `SOC2 CC8.1`."""
