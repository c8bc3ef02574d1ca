"""The code reviewer on planted weaknesses and removed protections, in every language that the scanner reads."""
# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.builtin.code_reviewer import agent
from agents.builtin.scanning import engine
from agents.repository.git import Git

needs_engine = pytest.mark.skipif(engine.program() is None, reason="the engine is not installed (make setup)")
CHANGES = {
    "js": (
        "app.js",
        "app.get('/f', (req, res) => {{\n  const n = {};\n  fs.readFile('/srv/' + n, (e, d) => res.json(d));\n}});\n",
        ("path.basename(req.query.n)", "req.query.n"),
        "js/path-traversal",
    ),
    "go": (
        "a.go",
        'package a\nfunc H(w http.ResponseWriter, r *http.Request) {{\n\tn := r.FormValue("n")\n{}\texec.Command(n).Run()\n}}\n',
        ('\tif n != "ls" {\n\t\treturn\n\t}\n', ""),
        "go/shell-injection",
    ),
    "java": (
        "A.java",
        'class A {{ void f(HttpServletRequest request) throws Exception {{\n String n = request.getParameter("n");\n {}\n }} }}\n',
        (
            'statement = connection.prepareStatement("select * from t where a = ?"); statement.setString(1, n);',
            'statement.executeQuery("select * from t where a = \'" + n + "\'");',
        ),
        "java/sql-injection",
    ),
    "php": ("a.php", "<?php\necho '<p>' . {};\n", ("htmlspecialchars($_GET['n'])", "$_GET['n']"), "php/xss"),
    "shell": ("a.sh", "#!/bin/sh\ncurl {} https://a.example -o a\n", ("--fail", "-k"), "sh/tls-verification-off"),
}


def reviewed(folder: Path, context: Any, *states: dict[str, str]) -> dict[str, Any]:
    git = Git(folder=folder, config=("user.name=x", "user.email=x@example.org"))
    git.run("init", "--quiet")
    commits: list[str] = []
    for files in states:
        for name, text in files.items():
            (folder / name).write_text(text)
        git.run("add", "--all")
        git.run("commit", "--quiet", "--message", "x")
        commits.append(git.text("rev-parse", "HEAD"))
    inputs = {"repositoryPath": str(folder), "baseCommit": commits[0], "headCommit": commits[-1]}
    return agent.execute("reviewPR", inputs, context)


@needs_engine
@pytest.mark.parametrize("language", CHANGES)
def test_a_weakness_that_a_change_brings_is_named_and_its_repair_is_not(tmp_path, context, language):
    name, text, (good, bad), rule = CHANGES[language]
    (tmp_path / "there").mkdir()
    (tmp_path / "back").mkdir()

    worse = reviewed(tmp_path / "there", context, {name: text.format(good)}, {name: text.format(bad)})
    better = reviewed(tmp_path / "back", context, {name: text.format(bad)}, {name: text.format(good)})

    assert rule in {one["rule"] for one in worse["comments"]}
    assert rule not in {one["rule"] for one in better["comments"]}


@needs_engine
def test_a_call_in_a_changed_file_that_reaches_a_sink_in_another_is_found(tmp_path, context):
    db = "def lookup(name):\n    return cursor.execute('select ' + name)\n"
    safe = "from flask import request\nfrom db import lookup\ndef view():\n    return lookup('a')\n"

    output = reviewed(
        tmp_path, context, {"db.py": db, "app.py": safe}, {"app.py": safe.replace("'a'", "request.args['n']")}
    )

    assert ("db.py", "py/sql-injection") in {(one["file"], one["rule"]) for one in output["comments"]}
