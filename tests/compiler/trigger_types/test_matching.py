"""Which events start a workflow."""

from __future__ import annotations

from typing import Any

import pytest

from compiler import EventTrigger, matches
from compiler.trigger_types.globs import GlobError, expand, glob_matches
from compiler.trigger_types.subjects import subject_fault, subject_matches

MISSION = "**.{ts,tsx,js,jsx,py}"


@pytest.mark.parametrize("path", ["app.py", "src/app.py", "a/b/c/d.tsx", "src/.hidden.js"])
def test_the_missions_filter_matches_files_at_top_level_and_in_sub_folders(path: str) -> None:
    trigger = EventTrigger(event="graph.file.updated", filters={"filePath": MISSION, "branch": "main"})

    assert matches(trigger, "graph.file.updated", {"filePath": path, "branch": "main"})
    assert not matches(trigger, "graph.file.updated", {"filePath": path, "branch": "dev"})
    assert not matches(trigger, "graph.symbol.changed", {"filePath": path, "branch": "main"})


@pytest.mark.parametrize("path", ["app.pyc", "app.md", "py", "src/ts", "app.py/readme"])
def test_the_missions_filter_leaves_other_files_alone(path: str) -> None:
    assert not glob_matches(MISSION, path)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*.py", "a.py", True),
        ("*.py", "a/b.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/a/b/c.py", True),
        ("src/**/*.py", "lib/a.py", False),
        ("**/test_?.py", "test_a.py", True),
        ("**/test_?.py", "x/y/test_a.py", True),
        ("**/test_?.py", "x/y/test_ab.py", False),
        ("**", "a/b", True),
        ("**", "", True),
        ("*", "", True),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[!a-c]x", "/x", True),
        ("a{b,c{d,e}}f", "acef", True),
        ("a{b,c{d,e}}f", "acf", False),
        (r"\*.py", "*.py", True),
        (r"\*.py", "a.py", False),
        ("release/*", "release/1.0", True),
        ("ä*", "äö", True),
    ],
)
def test_globs(pattern: str, text: str, expected: bool) -> None:
    assert glob_matches(pattern, text) is expected


@pytest.mark.parametrize("pattern", ["a{b", "[a", "a\\", "", "{a,b}" * 9, "x" * 1001, "[z-a]"])
def test_a_pattern_that_cannot_be_read_says_why(pattern: str) -> None:
    with pytest.raises(GlobError):
        glob_matches(pattern, "a")


def test_no_pattern_is_catastrophic() -> None:
    assert not glob_matches("**a" * 300 + "b", "a" * 10_000)
    assert len(expand("{a,b}" * 8)) == 256


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ("HIGH", "HIGH", True),
        ("HIGH", "high", False),
        (["HIGH", "CRIT*"], "CRITICAL", True),
        (["HIGH", "CRIT*"], "LOW", False),
        (3, 3.0, True),
        (1, True, False),
        (True, 1, False),
        (None, None, True),
        ({"gte": 3}, 3, True),
        ({"gte": 3, "lt": 5}, 5, False),
        ({"gt": 3}, "4", False),
        ({"gt": "a"}, "b", True),
        ({"in": [1, 2]}, 2, True),
        ({"notIn": [1, 2]}, 2, False),
        ({"ne": "x"}, "y", True),
        ({"glob": "*.py"}, "a.py", True),
        ({"eq": "*.py"}, "a.py", False),
        ({"exists": True}, None, True),
    ],
)
def test_filters(wanted: Any, found: Any, expected: bool) -> None:
    trigger = EventTrigger(event="audit.result.*", filters={"result.level": wanted})

    assert matches(trigger, "audit.result.fail", {"result": {"level": found}}) is expected


def test_a_missing_field_matches_only_what_asks_for_its_absence() -> None:
    def accepts(wanted: Any) -> bool:
        return matches(EventTrigger(event="x", filters={"a.b": wanted}), "x", {"a": "text"})

    assert not accepts("**")
    assert not accepts(None)
    assert not accepts({"eq": None})
    assert accepts({"exists": False})
    assert accepts({"ne": 1})


def test_the_expression_must_hold_as_well_and_never_raises() -> None:
    trigger = EventTrigger(
        event="hub.health.status", expression="context.errors > 3 and context.service != 'demo'"
    )

    assert matches(trigger, "hub.health.status", {"errors": 4, "service": "api"})
    assert not matches(trigger, "hub.health.status", {"errors": 4, "service": "demo"})
    assert not matches(trigger, "hub.health.status", {"errors": "many"})


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a", True),
        ("*.b", "a.b", True),
        ("a.b", "a.b", True),
        ("a.b", "a", False),
    ],
)
def test_subjects_match_as_in_nats(pattern: str, subject: str, expected: bool) -> None:
    assert subject_matches(pattern, subject) is expected


@pytest.mark.parametrize("subject", ["", ".a", "a.", "a..b", "a b", "a.>.b", "a.b*", "x" * 300, "a.\x00"])
def test_what_nats_would_refuse_is_no_subject(subject: str) -> None:
    assert subject_fault(subject)


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ({"gte": "2026-01-01T12:00:00+01:00"}, "2026-01-01T11:00:00Z", True),
        ({"gt": "2026-01-01T12:00:00+01:00"}, "2026-01-01T11:00:00Z", False),
        ({"lte": "2026-01-01T10:00:00Z"}, "2026-01-01T09:30:00-02:00", False),
        ({"lt": "2026-01-01T10:00:00.5Z"}, "2026-01-01T10:00:00Z", True),
        ({"gte": "2026-01-01"}, "2026-01-01T00:00:00", True),
        ({"gte": "2026-01-01"}, "soon", False),
        ({"lte": "2026-01-01"}, 3, False),
        ({"gte": 3}, "2026-01-01", False),
        ({"gte": 10}, 9, False),
        ({"gte": "10"}, "9", True),
    ],
)
def test_moments_compare_as_moments_numbers_as_numbers_and_kinds_never_mix(
    wanted: Any, found: Any, expected: bool
) -> None:
    assert matches(EventTrigger(event="x", filters={"at": wanted}), "x", {"at": found}) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.0.b", True),
        ("a.1.b", False),
        ("a.9.b", False),
        ("a.-1.b", False),
        ("labels.app.io/name", True),
        ("labels.app.io/name.deep", True),
        ("dotted.key", True),
        ("both.way", True),
    ],
)
def test_a_path_reaches_into_lists_and_keys_with_dots(path: str, expected: bool) -> None:
    event = {
        "a": [{"b": "yes"}, {"b": "no"}],
        "labels": {"app.io/name": "yes", "app": {"io/name": {"deep": "yes"}}}
        if "deep" in path
        else {"app.io/name": "yes"},
        "dotted.key": "yes",
        "both": {"way": "yes"},
        "both.way": "no",
    }

    assert matches(EventTrigger(event="x", filters={path: "yes"}), "x", event) is expected
