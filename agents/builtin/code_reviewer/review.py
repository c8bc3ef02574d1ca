"""Changes -> comments: by rules, by the security scanner, and by the model where there is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from agents.builtin.code_reviewer import Comment
from agents.builtin.code_reviewer.changes import Changes
from agents.builtin.code_reviewer.rules import Remark, remarks, whole
from agents.builtin.model import configured
from agents.builtin.scanning.brought import brought
from agents.builtin.scanning.source_files import source_names
from agents.builtin.scanning.vulnerability import Vulnerability
from agents.sdk.context import Context

_LEVEL: dict[str, Literal["INFO", "WARNING", "ERROR"]] = {
    "CRITICAL": "ERROR",
    "HIGH": "ERROR",
    "MEDIUM": "WARNING",
    "LOW": "INFO",
}
_RANK = {"ERROR": 0, "WARNING": 1, "INFO": 2}


@dataclass(frozen=True, kw_only=True)
class Review:
    """All comments, most important first."""

    changes: Changes
    comments: list[Comment]
    engine: Literal["rules", "model"]

    @property
    def rules_used(self) -> list[str]:
        """The rules that had something to say."""
        return sorted({comment.rule for comment in self.comments} - {"model"})


def review(changes: Changes, guidelines: str, context: Context) -> Review:
    """Comment on the new lines."""
    comments = [_comment(file.source.name, remark) for file in changes.files for remark in remarks(file)]
    comments += [_comment(name, remark) for name, remark in whole(changes)]
    weaknesses = _security(changes, context)
    # What the scanner names in its own words is not said twice.
    known = {(one.file, one.line) for one in weaknesses}
    comments = [one for one in comments if one.rule != "switched-off" or (one.file, one.line) not in known]
    comments += weaknesses
    model = configured(context)
    said: list[Comment] = []
    if model is not None and changes.files:
        from agents.builtin.code_reviewer.model_review import ask

        said = ask(changes, guidelines, model)
    ordered = sorted(_once([*comments, *said]), key=lambda one: (_RANK[one.severity], one.file, one.line))
    return Review(changes=changes, comments=ordered, engine="model" if said else "rules")


def _comment(file: str, remark: Remark) -> Comment:
    fields: dict[str, Any] = {"category": remark.category, "severity": remark.severity}
    return Comment(
        file=file,
        line=remark.line,
        rule=remark.rule,
        message=remark.message,
        suggestion=remark.suggestion,
        **fields,
    )


def _security(changes: Changes, context: Context) -> list[Comment]:
    """The weaknesses that were not there before, in files of every language that the scanner reads."""
    changed = [one for one in (*changes.differences, *changes.texts) if one.before != one.after]
    before = {one.name: one.before for one in changed}
    after = {one.name: one.after for one in changed if one.after is not None}
    folder = None if changes.git is None else changes.git.folder
    around = () if folder is None else source_names(folder)
    found = brought(before, after, context.log, around, folder)
    # A password in a manual or an example is not one that somebody uses.
    texts = {one.name for one in changes.texts}
    return [_weakness(one) for one in found if one.file not in texts or one.place == "production"]


def _weakness(one: Vulnerability) -> Comment:
    return Comment(
        file=one.file,
        line=one.line,
        severity=_LEVEL[one.severity],
        category="security",
        rule=one.rule,
        message=one.description,
        suggestion=one.recommendation,
    )


def _once(comments: Iterable[Comment]) -> list[Comment]:
    return list({(one.file, one.line, one.rule, one.message): one for one in comments}.values())
