"""The code reviewer on what a change takes away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agents.builtin.code_reviewer import agent
from agents.repository.git import Git

OPEN = """import os

def read(name):
    return open(os.path.join(ROOT, name)).read()
"""
FIXED = """import os

def read(name):
    path = os.path.realpath(os.path.join(ROOT, name))
    if not path.startswith(ROOT + os.sep):
        raise PermissionError(name)
    return open(path).read()
"""


def reviewed(
    folder: Path, context: Any, *states: Mapping[str, str | None], messages: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The review of the last state against the one before it."""
    git = Git(folder=folder, config=("user.name=x", "user.email=x@example.org"))
    git.run("init", "--quiet")
    commits = []
    for at, files in enumerate(states):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                (folder / name).unlink()
            else:
                (folder / name).write_text(text)
        git.run("add", "--all")
        message = messages[at] if at < len(messages) else "x"
        git.run("commit", "--quiet", "--allow-empty", "--message", message)
        commits.append(git.text("rev-parse", "HEAD"))
    inputs = {"repositoryPath": str(folder), "baseCommit": commits[-2], "headCommit": commits[-1]}
    return agent.execute("reviewPR", inputs, context)


def rules(output: dict[str, Any]) -> set[str]:
    return {one["rule"] for one in output["comments"]}


def test_a_commit_that_reverses_a_fix_of_a_path_traversal_is_named(tmp_path, context):
    states = ({"app.py": OPEN}, {"app.py": FIXED}, {"app.py": OPEN})
    output = reviewed(
        tmp_path, context, *states, messages=("Add it", "Fix path traversal (CVE-2026-1)", "Tidy up")
    )

    [found] = [one for one in output["comments"] if one["rule"] == "removed-path-check"]
    assert (found["severity"], found["category"], found["file"]) == ("ERROR", "security", "app.py")
    assert "path traversal" in found["message"]
    assert "from read" in found["message"]
    assert "This reverses commit" in found["message"]
    assert "Fix path traversal (CVE-2026-1)" in found["message"]
    assert output["recommendation"] == "REQUEST_CHANGES"
    assert output["qualityScore"] < 60


PROTECTED = [
    (
        "a.py",
        "def f(n):\n    return (D / n).resolve().read_text()\n",
        "def f(n):\n    return (D / n).read_text()\n",
        "removed-path-check",
    ),
    (
        "a.py",
        "def f(n):\n    if '..' in n:\n        abort(404)\n    return open(n)\n",
        "def f(n):\n    return open(n)\n",
        "removed-path-check",
    ),
    (
        "a.py",
        "def f(n):\n    return open(D + secure_filename(n))\n",
        "def f(n):\n    return open(D + n)\n",
        "removed-path-check",
    ),
    (
        "a.js",
        "app.get('/f', (q, r) => {\n  const p = path.resolve(ROOT, q.query.f);\n"
        "  if (!p.startsWith(ROOT)) return r.status(403).end();\n  r.sendFile(p);\n});\n",
        "app.get('/f', (q, r) => {\n  r.sendFile(ROOT + q.query.f);\n});\n",
        "removed-path-check",
    ),
    (
        "a.go",
        "func read(n string) ([]byte, error) {\n\tp := filepath.Clean(n)\n\treturn os.ReadFile(p)\n}\n",
        "func read(n string) ([]byte, error) {\n\tp := n\n\treturn os.ReadFile(p)\n}\n",
        "removed-path-check",
    ),
    (
        "A.java",
        "class A {\n  public byte[] read(String n) {\n    Path p = root.resolve(n).normalize();\n"
        "    return Files.readAllBytes(p);\n  }\n}\n",
        "class A {\n  public byte[] read(String n) {\n    Path p = root.resolve(n);\n"
        "    return Files.readAllBytes(p);\n  }\n}\n",
        "removed-path-check",
    ),
    (
        "a.py",
        "@app.get('/x')\n@login_required\ndef x():\n    return data()\n",
        "@app.get('/x')\ndef x():\n    return data()\n",
        "removed-auth-check",
    ),
    (
        "a.py",
        "def ok(a, b):\n    return hmac.compare_digest(a, b)\n",
        "def ok(a, b):\n    return a == b\n",
        "removed-auth-check",
    ),
    (
        "a.rb",
        "class A\n  before_action :authenticate_user!\n  def x\n    y\n  end\nend\n",
        "class A\n  def x\n    y\n  end\nend\n",
        "removed-auth-check",
    ),
    (
        "a.py",
        "def f(x):\n    return '<b>' + html.escape(x)\n",
        "def f(x):\n    return '<b>' + x\n",
        "removed-escape",
    ),
    (
        "a.php",
        "function f($x) {\n  echo htmlspecialchars($x);\n}\n",
        "function f($x) {\n  echo $x;\n}\n",
        "removed-escape",
    ),
    (
        "a.js",
        "function f(e, x) {\n  e.textContent = x;\n}\n",
        "function f(e, x) {\n  e.innerHTML = x;\n}\n",
        "removed-escape",
    ),
    (
        "a.py",
        "def f(c, x):\n    c.execute('select ?', (x,))\n",
        "def f(c, x):\n    c.execute('select ' + x)\n",
        "removed-parameters",
    ),
    ("a.py", "def f(u):\n    return get(u, timeout=5)\n", "def f(u):\n    return get(u)\n", "removed-limit"),
    (
        "a.py",
        "def f(n):\n    if n < 0:\n        raise ValueError(n)\n    return pay(n)\n",
        "def f(n):\n    return pay(n)\n",
        "removed-check",
    ),
]


@pytest.mark.parametrize(("name", "before", "after", "rule"), PROTECTED)
def test_a_protection_that_was_taken_away_is_named(tmp_path, context, name, before, after, rule):
    output = reviewed(tmp_path, context, {name: before}, {name: after})

    assert rule in rules(output)


KEPT = [
    # a path check by other means
    (
        {"a.py": FIXED},
        {
            "a.py": "def read(name):\n    path = (ROOT / name).resolve()\n"
            "    if not path.is_relative_to(ROOT):\n        raise PermissionError(name)\n    return path.read_text()\n"
        },
    ),
    # the function is gone, and its check with it
    ({"a.py": FIXED + "\ndef other():\n    return 1\n"}, {"a.py": "def other():\n    return 1\n"}),
    # the function moved to another file
    ({"a.py": FIXED + "\nx = 1\n", "b.py": "y = 1\n"}, {"a.py": "x = 1\n", "b.py": "y = 1\n" + FIXED}),
    # the file is gone
    ({"a.py": FIXED}, {"a.py": None}),
    # only the indentation changed
    ({"a.py": FIXED}, {"a.py": FIXED.replace("\n    ", "\n        ")}),
    # a comment about a check
    (
        {"a.py": "def f(x):\n    # if not realpath(x): raise\n    return x\n"},
        {"a.py": "def f(x):\n    return x\n"},
    ),
    # the guard became another guard
    (
        {"a.py": "def f(n):\n    if n < 0:\n        raise ValueError(n)\n    return n\n"},
        {"a.py": "def f(n):\n    if n <= 0:\n        raise ValueError(n)\n    return n\n"},
    ),
    # a branch that refuses nothing
    ({"a.py": "def f(n):\n    if n:\n        log(n)\n    return n\n"}, {"a.py": "def f(n):\n    return n\n"}),
    # the timeout has another value
    ({"a.py": "def f(u):\n    return get(u, timeout=5)\n"}, {"a.py": "def f(u):\n    return get(u, timeout=T)\n"}),
]


@pytest.mark.parametrize(("before", "after"), KEPT)
def test_what_was_moved_replaced_or_went_with_its_code_is_no_finding(tmp_path, context, before, after):
    output = reviewed(tmp_path, context, before, after)

    assert not {rule for rule in rules(output) if rule.startswith("removed-")}


def test_a_pure_rename_is_no_finding(tmp_path, context):
    text = "import os\n\n# TODO\ndef run(x):\n    eval(x)\n    os.system('ls ' + x)\n    return x == None\n"

    output = reviewed(tmp_path, context, {"old/a.py": text}, {"old/a.py": None, "new/b.py": text})

    assert output["comments"] == []
    assert (output["recommendation"], output["qualityScore"]) == ("APPROVE", 100)


def test_a_rename_with_a_change_is_judged_by_the_change(tmp_path, context):
    text = (
        "\n".join(f"def f{at}(x):\n    return x + {at}\n" for at in range(30))
        + "\ndef g(x):\n    return eval(x)\n"
    )

    output = reviewed(tmp_path, context, {"a.py": text}, {"a.py": None, "b.py": text + "\ny = eval(z)\n"})

    assert [(one["rule"], one["file"]) for one in output["comments"] if one["category"] == "security"] == [
        ("py/eval", "b.py")
    ]


def test_a_weakness_that_only_moved_is_not_told_again(tmp_path, context):
    before = "x = eval(y)\n\n\ndef f():\n    return 1\n"

    output = reviewed(tmp_path, context, {"a.py": before}, {"a.py": "def f():\n    return 1\n\n\nx = eval(y)\n"})

    assert not [one for one in output["comments"] if one["category"] == "security"]


def test_tests_that_were_removed_or_switched_off_are_named(tmp_path, context):
    before = {"a.py": "x = 1\n", "test_a.py": "def test_one():\n    assert x\n\n\ndef test_two():\n    assert x\n"}
    after = {
        "a.py": "x = 2\n",
        "test_a.py": "import pytest\n\n\n@pytest.mark.skip\ndef test_two():\n    assert x\n",
    }

    output = reviewed(tmp_path, context, before, after)

    assert {"removed-test", "disabled-test"} <= rules(output)
    assert any("'test_one'" in one["message"] for one in output["comments"])


def test_a_renamed_test_file_has_lost_no_test(tmp_path, context):
    test = "def test_one():\n    assert True\n"

    output = reviewed(
        tmp_path,
        context,
        {"test_a.py": test, "a.py": "x = 1\n"},
        {"test_a.py": None, "test_b.py": test, "a.py": "x = 2\n"},
    )

    assert "removed-test" not in rules(output)


def test_a_hostile_message_of_a_commit_is_shown_in_one_plain_line(tmp_path, context):
    states = ({"a.py": OPEN}, {"a.py": FIXED}, {"a.py": OPEN})
    output = reviewed(tmp_path, context, *states, messages=("x", "Fix \x1b[31m`it` \u202e", "x"))

    [found] = [one for one in output["comments"] if one["rule"] == "removed-path-check"]
    assert found["message"].isprintable()


def test_generated_files_are_not_remarked_on(tmp_path, context):
    output = reviewed(tmp_path, context, {}, {"a_pb2.py": "# TODO\nx = 1 == None\n", "test_a.py": "assert True\n"})

    assert output["comments"] == []
