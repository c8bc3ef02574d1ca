"""Changes -> comments: by rules, by the security scanner, and by the model where there is one."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agents.builtin.code_reviewer import Comment
from agents.builtin.code_reviewer.changes import Changes
from agents.builtin.code_reviewer.rules import Remark, remarks, whole
from agents.builtin.model import configured
from agents.builtin.scanning.scan import scan
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
    comments += _security(changes, context)
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
    """The weaknesses that were not there before: those of the new text, less those of the old one."""
    before = Counter(_key(one, text) for one, text in _scanned(changes, "before", context))
    brought: list[Comment] = []
    for one, text in _scanned(changes, "after", context):
        if before[_key(one, text)] > 0:
            before[_key(one, text)] -= 1
        else:
            brought.append(_weakness(one))
    return brought


def _scanned(
    changes: Changes, side: Literal["before", "after"], context: Context
) -> Iterator[tuple[Vulnerability, str]]:
    """Weaknesses of the changed files on one side of the change, in every language that the scanner knows, each with
    its file's text."""
    texts = {
        file.name: file.after if side == "after" else file.before
        for file in changes.differences
        if file.after is not None and file.before != file.after
    }
    present = {name: text for name, text in texts.items() if text}
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        for name, text in present.items():
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8", newline="")
        for one in scan(Path(folder), list(present), context.log).vulnerabilities:
            yield one, present.get(one.file, "")


def _key(one: Vulnerability, text: str) -> tuple[str, str, str]:
    """Equal for the same weakness on both sides, also where the line has moved."""
    lines = text.split("\n")
    line = lines[one.line - 1] if one.line <= len(lines) else ""
    return one.file, one.rule, "".join(line.split())


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
