"""A repository and a patch for its commit -> what the patch breaks, found in a jail of its own. Not for workflows.

The project's own tests are hostile code, so they run apart from the agent that made the patch: with no network, no
secret, and nothing in reach that anybody takes for more than what it says.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agents.sdk import Agent, Context, RepositoryPath, Schema, bounded

agent = Agent(
    name="patch-verification",
    type="SCRIPT",
    version="1.0.0",
    risk="AUTO",
    description="Applies a patch to a copy and says whether it parses, builds and passes its tests as before",
)
Level = Literal["tests", "build", "parse", "broken"]


class PatchToVerify(Schema):
    """What to verify."""

    repository_path: RepositoryPath
    patch: Annotated[str, bounded(1, 2_000_000)]
    environment_path: Annotated[str, bounded(0, 500)] = ""
    """A folder with packages that the project's tests need; empty: those of the platform."""
    limit_seconds: float = Field(default=60, gt=0, le=600)
    """For one run of the tests."""


class BreakingPart(Schema):
    """One place of a file whose change breaks something."""

    file: str
    hunk: int = Field(ge=0)
    """Which of the file's hunks in the patch, counted from 0."""
    reason: str


class Verification(Schema):
    """What the patched copy does."""

    verified: Level
    """`tests`: they give what they gave before. `build`: compiled as before. `parse`: parsed as before."""
    reason: str
    """One sentence: which tests and how many, or why there were none, or what is broken."""
    breaking: list[str]
    """Files whose change breaks something; without them and the parts the rest is as `verified` says."""
    breaking_parts: list[BreakingPart] = Field(default_factory=list[BreakingPart])
    """Places in other files."""


@agent.action("verify", description="Say what a patch breaks")
def verify(inputs: PatchToVerify, context: Context) -> Verification:
    """Verify all of it; where that breaks something, each file by itself, and in it each place."""
    from agents.builtin.verification.verify import verify_patch

    return verify_patch(inputs, context)
