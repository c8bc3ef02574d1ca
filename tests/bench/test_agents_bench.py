"""`bench/agents.py`: labels in, recall and precision of each tool out."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from agents.builtin.scanning import engine

FILE = Path(__file__).parents[2] / "bench" / "agents.py"
PYTHON = (
    "from flask import request\nimport hashlib\n\n\ndef view():\n"
    "    eval(request.args['x'])  # finds: CWE-95\n    return hashlib.sha256(b'a')\n"
)
TERRAFORM = 'resource "aws_db_instance" "a" {\n  storage_encrypted = false # finds: infra/unencrypted-storage\n}\n'
needs_engine = pytest.mark.skipif(engine.program() is None, reason="the engine is not installed (make setup)")


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_of_agents", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(PYTHON)
    (tmp_path / "main.tf").write_text(TERRAFORM)
    return tmp_path


@needs_engine
def test_labels_in_source_and_in_other_texts_are_scored_by_line(bench, labelled):
    table = bench.score(bench.in_files(labelled), bench.ours(labelled), by_line=True)

    assert table == {"CWE-95": (1, 0, 0), "infra/unencrypted-storage": (1, 0, 0), "(unlabelled lines)": (0, 0, 0)}


def test_a_table_asks_one_question_for_each_file(bench, tmp_path, capsys):
    (tmp_path / "A.py").write_text("x = 1\n")
    table = tmp_path / "labels.csv"
    table.write_text("# name, kind, real, cwe\nA,hash,true,328\nA,sqli,false,89\nA,cmdi,true,78\nB,cmdi,true,78\n")
    found = [bench.Found(file="A.py", line=1, cwe="327"), bench.Found(file="A.py", line=1, cwe="89")]

    scored = bench.score(bench.in_table(tmp_path, table), found, by_line=False)
    bench.show("ours", scored)

    assert scored == {"328": (1, 0, 0), "78": (0, 0, 1), "89": (0, 1, 0)}
    assert "recall  50.0%  precision  50.0%  (1, 1, 1)" in capsys.readouterr().out


def test_a_tool_that_reports_the_label_of_no_line_is_told_so(bench, labelled):
    found = [bench.Found(file="app.py", line=6, cwe=""), bench.Found(file="app.py", line=7, cwe="327")]

    assert bench.score(bench.in_files(labelled), found, by_line=True)["(unlabelled lines)"] == (0, 1, 0)


@pytest.mark.parametrize("tool", ["bandit", "ruff"])
def test_other_tools_answer_the_same_questions(bench, labelled, tool, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")

    assert bench._works(tool)
    found = getattr(bench, tool)(labelled)

    assert [(one.file, one.line) for one in found if one.line == 6] == [("app.py", 6)]


def test_eslint_is_asked_where_it_is_given(bench, tmp_path):
    # In place of the real one, which is no part of this project: it answers as that does.
    place = tmp_path / "tools" / "node_modules"
    (place / "eslint-plugin-security").mkdir(parents=True)
    (place / "eslint-plugin-security" / "index.js").write_text("")
    (place / ".bin").mkdir()
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.js").write_text("eval(x)\n")
    found = [{"ruleId": "security/detect-eval-with-expression", "line": 1}, {"ruleId": None, "line": 2}]
    answer = json.dumps([{"filePath": f"{source}/a.js", "messages": found}])
    (place / ".bin" / "eslint").write_text(f"#!/bin/sh\ngrep -q security \"$3\" && echo '{answer}'\n")
    (place / ".bin" / "eslint").chmod(0o755)

    assert bench.eslint(source, place.parent) == [bench.Found(file="a.js", line=1, cwe="95")]


@needs_engine
def test_the_command_prints_a_line_for_each_kind(labelled):
    done = subprocess.run(
        [sys.executable, FILE, labelled], capture_output=True, text=True, timeout=600, check=True
    )

    assert "ours       all                          recall 100.0%  precision 100.0%  (2, 0, 0)" in done.stdout
