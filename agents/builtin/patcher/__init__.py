"""patcher: weaknesses of a repository -> a branch that fixes them, or suggestions. Writes nothing itself.

Fixes come from rules; where a model is configured, it is asked for what the rules leave, and its answer is checked
before it is taken. The branch is published by the platform, outside of the jail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from agents.builtin.model import configured
from agents.builtin.model_settings import MODEL_SETTINGS
from agents.builtin.scanning import Vulnerability
from agents.sdk import Agent, Context, RepositoryPath, Schema, ShortText, bounded

if TYPE_CHECKING:
    from agents.builtin.patcher.original import Original
    from agents.builtin.patcher.repair import Repair

agent = Agent(
    name="patcher",
    type="LLM",
    version="1.0.0",
    risk="APPROVAL_REQUIRED",
    description="Writes fixes for weaknesses that the security-scanner found, on a branch of their own",
    network=("{LLM_BASE_URL}",),
    secrets=("LLM_API_KEY",),
    settings=MODEL_SETTINGS,
)

Impact = Literal["LOW", "MEDIUM", "HIGH"]
Engine = Literal["rules", "model"]
Vulnerabilities = Annotated[list[Vulnerability], bounded(0, 10_000)]


class FixInput(Schema):
    """What to fix, where, and how to call the branch."""

    vulnerabilities: Vulnerabilities
    repository_path: RepositoryPath
    target_branch: Annotated[ShortText, Field(json_schema_extra={"x-editable": True})]
    """Who approves may choose another name."""


class SuggestInput(Schema):
    """What to suggest fixes for."""

    vulnerabilities: Vulnerabilities
    repository_path: RepositoryPath


class FixedFinding(Schema):
    """A weakness that the patch removes."""

    rule: str
    file: str
    line: int
    what: str
    """What was done."""
    note: str = ""
    """What has to be thought of when it is merged."""


class UnfixedFinding(Schema):
    """A weakness that the patch does not remove."""

    rule: str
    file: str
    line: int
    reason: str
    suggestion: str = ""
    """What a person may do."""


class Suggestion(Schema):
    """Fixes as a patch, not applied anywhere."""

    patch: str
    """In git's format; empty where nothing could be fixed."""
    files_modified: list[str]
    fixed: list[FixedFinding]
    unfixed: list[UnfixedFinding]
    estimated_impact: Impact
    engine: Engine
    """`model` where a model's fix is among them, else `rules`."""
    rules_used: list[str]
    """The rules whose fix is in the patch."""


Verified = Literal["tests", "build", "parse", "none"]


class FixProposal(Suggestion):
    """What the platform makes a branch of."""

    verified: Verified = "none"
    """Filled in by the platform, which verifies the patch in a jail of its own before anybody is asked."""
    verification: str = ""
    """Which tests, and how many; or why nothing could be verified."""

    branch: str
    base_commit: str
    commit_message: str


class FixPullRequest(Schema):
    """The published branch and its proposal."""

    pr_number: int = Field(ge=0)
    """0: nothing was published, as there was nothing to fix."""
    pr_url: str
    branch: str
    files_modified: list[str]
    estimated_impact: Impact
    base_commit: str
    commit: str
    """The fix commit; empty where nothing was published."""
    fixed: list[FixedFinding]
    unfixed: list[UnfixedFinding]
    engine: Engine
    rules_used: list[str]
    verified: Verified = "none"
    """What was found before it was proposed: `tests` give what they gave, it compiles (`build`), or it parses."""
    verification: str = ""


@agent.action(
    "generateFixPR",
    description="Create a branch and a pull request with security fixes",
    effect="publish-branch",
    output=FixPullRequest,
)
def generate_fix_pr(inputs: FixInput, context: Context) -> FixProposal:
    """Make the patch and say what the branch is to be."""
    from agents.builtin.patcher.message import commit_message
    from agents.builtin.patcher.original import original

    source = original(inputs.repository_path)
    done = _repair(source, inputs.vulnerabilities, context)
    suggestion = _suggestion(done)
    return FixProposal(
        **suggestion.model_dump(),
        branch=inputs.target_branch,
        base_commit=source.commit,
        commit_message=commit_message(done),
    )


@agent.action("suggestFix", description="Suggest fixes as a patch, without creating anything", risk="AUTO")
def suggest_fix(inputs: SuggestInput, context: Context) -> Suggestion:
    """Make the patch only."""
    from agents.builtin.patcher.original import original

    return _suggestion(_repair(original(inputs.repository_path), inputs.vulnerabilities, context))


def _repair(source: Original, vulnerabilities: list[Vulnerability], context: Context) -> Repair:
    from agents.builtin.patcher.repair import repair

    done = repair(vulnerabilities, source.read, context.log, source.environment_names())
    context.log.info("rules fixed %d of %d weakness(es)", len(done.fixed), len(done.fixed) + len(done.left))
    model = configured(context)
    if model is not None and done.left:
        from agents.builtin.patcher.model_fixes import improve

        improve(done, source.read, model)
        context.log.info("model %s fixed %d more", model.name, sum(one.by_model for one in done.fixed))
    for left in done.left:
        one = left.vulnerability
        context.log.info("not fixed: %s:%d %s: %s", one.file, one.line, one.rule, left.reason)
    return done


def _suggestion(done: Repair) -> Suggestion:
    from agents.builtin.patcher.patch import changed_lines, patch

    text = patch(done.changes)
    impact: Impact = "LOW"
    if any(one.note for one in done.fixed) or changed_lines(text) > 40:
        impact = "MEDIUM"
    if len(done.changes) > 10 or changed_lines(text) > 400:
        impact = "HIGH"
    by_rules = [one for one in done.fixed if not one.by_model]
    return Suggestion(
        patch=text,
        files_modified=sorted(done.changes),
        fixed=[
            FixedFinding(
                rule=one.vulnerability.rule,
                file=one.vulnerability.file,
                line=one.vulnerability.line,
                what=one.what,
                note=one.note,
            )
            for one in done.fixed
        ],
        unfixed=[
            UnfixedFinding(
                rule=left.vulnerability.rule,
                file=left.vulnerability.file,
                line=left.vulnerability.line,
                reason=left.reason,
                suggestion=left.vulnerability.recommendation,
            )
            for left in done.left
        ],
        estimated_impact=impact,
        engine="rules" if len(by_rules) == len(done.fixed) else "model",
        rules_used=sorted({one.vulnerability.rule for one in by_rules}),
    )
