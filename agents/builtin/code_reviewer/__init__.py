"""code-reviewer: the changes between two commits -> comments, a score, improvements. Reads only.

Comments come from rules; where a model is configured, it adds its own, each checked to be about a changed line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from agents.builtin.model_settings import MODEL_SETTINGS
from agents.sdk import Agent, Context, Instructions, RepositoryPath, Schema, ShortText

if TYPE_CHECKING:
    from agents.builtin.code_reviewer.review import Review

agent = Agent(
    name="code-reviewer",
    type="LLM",
    version="1.0.0",
    risk="AUTO",
    description="Reviews changes of a repository: comments, quality score, improvements",
    network=("{LLM_BASE_URL}",),
    secrets=("LLM_API_KEY",),
    settings=MODEL_SETTINGS,
)

Level = Literal["INFO", "WARNING", "ERROR"]
Category = Literal["security", "correctness", "complexity", "tests", "style", "size"]
Engine = Literal["rules", "model"]


class ReviewInput(Schema):
    """Which changes to look at."""

    repository_path: RepositoryPath
    base_commit: ShortText
    """Before the changes."""
    head_commit: ShortText = "HEAD"
    """After them."""
    guidelines: Instructions = ""
    """What the project asks of its code; followed by the model, where there is one."""


class Comment(Schema):
    """A remark on one changed line."""

    file: str
    line: int = Field(ge=1)
    severity: Level
    category: Category
    rule: str
    """Which rule says so; `model` for the model's own."""
    message: str
    suggestion: str | None = None


class ReviewOutput(Schema):
    """The review."""

    comments: list[Comment]
    summary: str
    quality_score: int = Field(ge=0, le=100)
    recommendation: Literal["APPROVE", "COMMENT", "REQUEST_CHANGES"]
    """What the review comes to; it is advice and decides nothing."""
    files_reviewed: int = Field(ge=0)
    lines_added: int = Field(ge=0)
    lines_removed: int = Field(ge=0)
    engine: Engine
    rules_used: list[str]


class Breakdown(Schema):
    """Points by category, 100 each where there is nothing to say."""

    security: int = Field(ge=0, le=100)
    correctness: int = Field(ge=0, le=100)
    complexity: int = Field(ge=0, le=100)
    tests: int = Field(ge=0, le=100)
    style: int = Field(ge=0, le=100)
    size: int = Field(ge=0, le=100)


class ScoreOutput(Schema):
    """The score."""

    score: int = Field(ge=0, le=100)
    grade: Literal["A", "B", "C", "D", "F"]
    breakdown: Breakdown
    engine: Engine
    rules_used: list[str]


class Improvement(Schema):
    """Something worth doing."""

    title: str
    detail: str
    priority: Literal["LOW", "MEDIUM", "HIGH"]
    places: list[str]
    """`file:line`, up to twenty."""


class ImprovementsOutput(Schema):
    """What to do next, most important first."""

    improvements: list[Improvement]
    engine: Engine
    rules_used: list[str]


@agent.action("reviewPR", description="Review the changes between two commits")
def review_pr(inputs: ReviewInput, context: Context) -> ReviewOutput:
    """Comment on every changed line that asks for it."""
    from agents.builtin.code_reviewer.score import recommendation_of, score_of, summary_of

    review = _review(inputs, context)
    return ReviewOutput(
        comments=review.comments,
        summary=summary_of(review),
        quality_score=score_of(review),
        recommendation=recommendation_of(review),
        files_reviewed=len(review.changes.files),
        lines_added=review.changes.added,
        lines_removed=review.changes.removed,
        engine=review.engine,
        rules_used=review.rules_used,
    )


@agent.action("scorePR", description="Score the quality of the changes between two commits")
def score_pr(inputs: ReviewInput, context: Context) -> ScoreOutput:
    """Points by category, and a grade."""
    from agents.builtin.code_reviewer.score import breakdown_of, grade_of, score_of

    review = _review(inputs, context)
    score = score_of(review)
    return ScoreOutput(
        score=score,
        grade=grade_of(score),
        breakdown=Breakdown(**breakdown_of(review)),
        engine=review.engine,
        rules_used=review.rules_used,
    )


@agent.action("suggestImprovements", description="Suggest improvements to the changes between two commits")
def suggest_improvements(inputs: ReviewInput, context: Context) -> ImprovementsOutput:
    """Comments of one kind become one improvement."""
    from agents.builtin.code_reviewer.score import improvements_of

    review = _review(inputs, context)
    return ImprovementsOutput(
        improvements=improvements_of(review), engine=review.engine, rules_used=review.rules_used
    )


def _review(inputs: ReviewInput, context: Context) -> Review:
    from agents.builtin.code_reviewer.changes import changes
    from agents.builtin.code_reviewer.review import review

    found = changes(inputs.repository_path, inputs.base_commit, inputs.head_commit)
    context.log.info("reviewing %d file(s), %d line(s) added", len(found.files), found.added)
    return review(found, inputs.guidelines, context)
