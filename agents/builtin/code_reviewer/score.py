"""A review -> score, grade, recommendation, summary and improvements."""

from __future__ import annotations

from typing import Literal

from agents.builtin.code_reviewer import Improvement
from agents.builtin.code_reviewer.review import Review

_CATEGORIES = ("security", "correctness", "complexity", "tests", "style", "size")
_WEIGHT = {"security": 35, "correctness": 25, "complexity": 15, "tests": 15, "style": 5, "size": 5}
_COST = {"ERROR": 40, "WARNING": 15, "INFO": 4}
_PRIORITY: dict[str, Literal["LOW", "MEDIUM", "HIGH"]] = {"ERROR": "HIGH", "WARNING": "MEDIUM", "INFO": "LOW"}
_ORDER = ("HIGH", "MEDIUM", "LOW")
_MOST_PLACES = 20
_MOST_WITH_A_HOLE = 59
"""The best score of a change that opens a hole."""


def breakdown_of(review: Review) -> dict[str, int]:
    """Points of each category: 100, less what its comments cost."""
    cost = dict.fromkeys(_CATEGORIES, 0)
    for comment in review.comments:
        cost[comment.category] += _COST[comment.severity]
    return {category: max(0, 100 - cost[category]) for category in _CATEGORIES}


def score_of(review: Review) -> int:
    """The weighted mean of the categories, held down by the worst: good style does not make up for a hole."""
    points = breakdown_of(review)
    mean = round(sum(points[category] * _WEIGHT[category] for category in _CATEGORIES) / 100)
    hole = any(one.category == "security" and one.severity == "ERROR" for one in review.comments)
    return min(mean, min(points.values()) + 50, _MOST_WITH_A_HOLE if hole else 100)


def grade_of(score: int) -> Literal["A", "B", "C", "D", "F"]:
    """As at school."""
    if score >= 90:
        return "A"
    if score >= 80:
        return "B"
    if score >= 70:
        return "C"
    return "D" if score >= 60 else "F"


def recommendation_of(review: Review) -> Literal["APPROVE", "COMMENT", "REQUEST_CHANGES"]:
    """By the worst comment."""
    if any(comment.severity == "ERROR" for comment in review.comments):
        return "REQUEST_CHANGES"
    return "COMMENT" if review.comments else "APPROVE"


def summary_of(review: Review) -> str:
    """One sentence."""
    counts = {level: sum(one.severity == level for one in review.comments) for level in _COST}
    files, added, removed = len(review.changes.files), review.changes.added, review.changes.removed
    size = f"{files} source file(s), +{added} -{removed} lines"
    if not review.comments:
        return f"{size}: nothing to remark."
    return f"{size}: {counts['ERROR']} error(s), {counts['WARNING']} warning(s), {counts['INFO']} note(s)."


def improvements_of(review: Review) -> list[Improvement]:
    """Comments of one rule together, the most important first."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, comment in enumerate(review.comments):
        known = comment.message if comment.rule == "model" else ""
        groups.setdefault((comment.rule, known), []).append(index)
    made: list[Improvement] = []
    for indices in groups.values():
        comments = [review.comments[index] for index in indices]
        first = comments[0]
        made.append(
            Improvement(
                title=first.suggestion or first.message,
                detail=first.message,
                priority=_PRIORITY[first.severity],
                places=[f"{one.file}:{one.line}" for one in comments[:_MOST_PLACES]],
            )
        )
    return sorted(made, key=lambda one: (_ORDER.index(one.priority), -len(one.places)))
