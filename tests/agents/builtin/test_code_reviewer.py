"""The code reviewer without a model: rules over what two commits changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.builtin.code_reviewer import agent
from agents.repository.git import Git
from agents.sdk.errors import AgentError


def reviewed(
    folder: Path, context, before: dict[str, str], after: dict[str, str], action: str = "reviewPR"
) -> Any:
    git = Git(folder=folder, config=("user.name=x", "user.email=x@example.org"))
    git.run("init", "--quiet")
    commits = []
    for files in (before, after):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        git.run("add", "--all")
        git.run("commit", "--quiet", "--allow-empty", "--message", "x")
        commits.append(git.text("rev-parse", "HEAD"))
    inputs = {"repositoryPath": str(folder), "baseCommit": commits[0], "headCommit": commits[1]}
    return agent.execute(action, inputs, context)


RULES = [
    ("a.py", "try:\n    f()\nexcept:\n    raise\n", "bare-except", 3),
    ("a.py", "try:\n    f()\nexcept ValueError:\n    pass\n", "swallowed-exception", 3),
    ("a.py", "def f(a=[]):\n    return a\n", "mutable-default", 1),
    ("a.py", "from os import *\n", "star-import", 1),
    ("a.py", "breakpoint()\n", "left-over-debugging", 1),
    ("a.py", "ok = a == None\n", "none-by-equality", 1),
    ("a.py", "# TODO: more\n", "work-left", 1),
    ("a.py", "<<<<<<< ours\n", "merge-conflict", 1),
    ("a.py", "def (:\n", "invalid-syntax", 1),
    ("a.py", "def f(x):\n" + "    if x: pass\n" * 12, "many-branches", 1),
    ("a.py", "def f(x):\n" + "    x += 1\n" * 70, "long-function", 1),
    ("a.py", "def f(a, b, c, d, e, f, g, h): pass\n", "many-parameters", 1),
    ("a.py", "def f(x):\n" + "    x += 1\n" * 10, "no-docstring", 1),
    ("a.py", f"x = '{'y' * 200}'\n", "long-line", 1),
    ("a.py", "x = 1\n" * 500, "large-change", 1),
    ("a.py", "x = 1\n", "no-tests", 1),
    ("a.js", "debugger\n", "left-over-debugging", 1),
    ("a.js", "var x = 1\n", "var", 1),
    ("a.ts", "if (a == b) { f() }\n", "loose-equality", 1),
    ("a.js", "try { f() } catch (e) {}\n", "swallowed-exception", 1),
    ("a.js", "function {{{\n", "invalid-syntax", 1),
    ("a.js", "eval(x)\n", "js/eval", 1),
]


LOOP = "for (let i = 0; i < items.length; i++) {\n  use(items[i]);\n}\n"
CHANGED = [
    ("a.py", "try:\n    f()\nexcept OSError:\n    raise\n", "raise", "pass", "swallowed-exception", 4),
    ("a.js", LOOP, "i < items", "i <= items", "past-the-end", 1),
    ("a.go", "for i := 0; i < len(a); i++ {\n}\n", "i < len", "i <= len", "past-the-end", 1),
    ("deploy.yaml", "db:\n  password: $PASSWORD\n", "$PASSWORD", "Wq8-zT42-kfLp", "secrets/value", 2),
    ("Dockerfile", "FROM a:1@sha256:0\nUSER 1000\n", "USER 1000", "USER root", "infra/docker-root", 2),
    ("requirements.txt", "flask==3.0.0\n", "3.0.0\n", "3.0.0\ncolorama\n", "unpinned-dependency", 2),
]
"""File, text, what of it became what, the rule that says so, and where."""


@pytest.mark.parametrize(("name", "text", "old", "new", "rule", "line"), CHANGED)
def test_a_change_of_one_line_in_any_kind_of_file_is_remarked_on(
    tmp_path, context, name, text, old, new, rule, line
):
    output = reviewed(tmp_path, context, {name: text}, {name: text.replace(old, new)})

    assert (rule, line) in {(one["rule"], one["line"]) for one in output["comments"]}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("README.md", "# a\n", "# a\n\n    password: Wq8-zT42-kfLp\n"),
        ("requirements.txt", "flask==3.0.0\nsix\n", "flask==3.0.0\nsix\ncolorama\n"),
        ("requirements.txt", "flask==3.0.0\n", "flask==3.0.3\n"),
        ("a.go", "package a\n", "package a\n\nfunc f() { for i := 1; i <= len(a); i++ {} }\n"),
    ],
)
def test_what_is_usual_there_is_not_remarked_on(tmp_path, context, name, before, after):
    output = reviewed(tmp_path, context, {name: before}, {name: after})

    assert {one["rule"] for one in output["comments"]} <= {"no-tests"}


@pytest.mark.parametrize(("name", "text", "rule", "line"), RULES)
def test_a_rule_remarks_on_a_new_line(tmp_path, context, name, text, rule, line):
    output = reviewed(tmp_path, context, {}, {name: text})

    assert (rule, line) in {(one["rule"], one["line"]) for one in output["comments"]}
    assert (output["engine"], rule in output["rulesUsed"]) == ("rules", True)


def test_lines_that_did_not_change_are_not_remarked_on(tmp_path, context):
    old = "eval(x)\n\n# TODO\n"

    output = reviewed(tmp_path, context, {"a.py": old}, {"a.py": f"{old}y = 1\n", "test_a.py": "assert True\n"})

    assert output["comments"] == []
    assert (output["recommendation"], output["qualityScore"]) == ("APPROVE", 100)
    assert output["summary"] == "2 source file(s), +2 -0 lines: nothing to remark."


def test_a_security_hole_holds_the_score_down(tmp_path, context):
    after = {"a.py": "eval(x)\neval(y)\neval(z)\n", "test_a.py": "assert True\n"}

    output = reviewed(tmp_path, context, {}, after, "scorePR")

    assert output["breakdown"]["security"] == 0
    assert (output["score"], output["grade"]) == (50, "F")


def test_remarks_of_one_kind_are_one_improvement(tmp_path, context):
    after = {"a.py": "eval(x)\n# TODO\neval(y)\n", "test_a.py": "assert True\n"}

    output = reviewed(tmp_path, context, {}, after, "suggestImprovements")

    assert [(one["priority"], one["places"]) for one in output["improvements"]] == [
        ("HIGH", ["a.py:1", "a.py:3"]),
        ("LOW", ["a.py:2"]),
    ]


def test_an_unknown_commit_is_named(shop, context):
    with pytest.raises(AgentError, match="no commit 'nowhere'"):
        agent.execute("reviewPR", {"repositoryPath": str(shop.path), "baseCommit": "nowhere"}, context)


def test_a_removed_file_and_a_link_are_no_trouble(tmp_path, context):
    (tmp_path / "b.py").symlink_to("/etc/passwd")
    git_before = {"a.py": "x = 1\n"}

    output = reviewed(tmp_path, context, git_before, {"test_c.py": "assert True\n"})

    assert output["filesReviewed"] == 1


def test_weaknesses_in_languages_without_rules_of_the_reviewer_are_those_that_the_scanner_finds(tmp_path, context):
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    old = f'package a\n\nconst old = "{token[:-1]}9"\n'
    after = {"a.go": f'{old}const token = "{token}"\n', "b.rb": "puts 1\n"}

    output = reviewed(tmp_path, context, {"a.go": old}, after)

    found = [
        (one["file"], one["line"], one["category"]) for one in output["comments"] if one["category"] == "security"
    ]
    assert found == [("a.go", 4, "security")], "the one that was there before is no news"
