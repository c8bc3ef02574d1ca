"""The compiler's commands, as a person or a CI job calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from compiler import Catalogue
from deployments.cli import compiler_commands

CASES = """
cases:
  - name: approved
    expect:
      status: SUCCESS
      ran: [scan, assess, notify-if-critical, create-fix-pr]
      gates: [create-fix-pr]
      inputs:
        create-fix-pr: {targetBranch: security-fixes-text}
  - name: rejected
    approvals: {create-fix-pr: reject}
    expect: {status: FAILED, failed: [create-fix-pr]}
  - name: other branch
    context: {projectId: 1, filePath: a.py, repositoryPath: /r, branch: dev}
    expect: {started: false}
"""


@pytest.fixture
def folder(tmp_path: Path, catalogue: Catalogue, mission: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in mission.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.setattr(compiler_commands, "known_agents_here", lambda: catalogue)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(compiler_commands.app, list(arguments))
    return result.exit_code, result.output


def test_check_passes_the_mission_and_shows_its_gates(folder: Path) -> None:
    status, output = run("check", ".", "--gates")

    assert status == 0
    assert "2 of 2 workflow(s) can be deployed" in output
    assert "create-fix-pr (patcher.generateFixPR): 2 path(s), every path passes its gate" in output


def test_check_fails_on_an_error_and_says_where(folder: Path) -> None:
    audit = folder / "security-audit-on-pr.yaml"
    audit.write_text(audit.read_text().replace("agent: notifier", "agent: notifer"))

    status, output = run("check", audit.name)

    assert status == 1
    assert "security-audit-on-pr.yaml:29:12: error CC301" in output
    assert "did you mean 'notifier'?" in output


def test_machine_formats_are_nothing_but_that_format(folder: Path) -> None:
    (folder / "bad.yaml").write_text("nodes: []\n")

    for kind, key in (("json", "diagnostics"), ("sarif", "runs")):
        result = CliRunner().invoke(compiler_commands.app, ["check", "bad.yaml", "--format", kind])
        assert result.exit_code == 1
        assert key in json.loads(result.stdout)


def test_warnings_fail_only_when_asked(folder: Path) -> None:
    audit = folder / "security-audit-on-pr.yaml"
    audit.write_text(
        audit.read_text().replace(
            'context.repositoryPath }}"\n      condition', 'context.author }}"\n      condition'
        )
    )

    assert run("check", audit.name)[0] == 0
    assert run("check", audit.name, "--strict")[0] == 1


def test_a_file_that_is_not_there_is_one_clear_message(folder: Path) -> None:
    status, output = run("check", "missing.yaml")

    assert status == 1
    assert "missing.yaml:1:1: error CC101: the file cannot be read: No such file or directory" in output


def test_an_empty_folder_is_said_to_be_empty(folder: Path) -> None:
    (folder / "empty").mkdir()

    assert run("check", "empty")[0] == 2


def test_graph_and_schema_print(folder: Path) -> None:
    assert run("graph", "security-audit-on-pr.yaml")[1].startswith("security-audit-deploy\n")
    assert run("graph", "security-audit-on-pr.yaml", "--mermaid")[1].startswith("flowchart TD\n")
    assert run("schema", "--out", "s.json")[0] == 0
    assert "notifier" in json.dumps(json.loads((folder / "s.json").read_text()))


def test_test_plays_the_cases_beside_the_workflow(folder: Path) -> None:
    (folder / "security-audit-on-pr.test.yaml").write_text(CASES)

    status, output = run("test", ".")

    assert status == 0, output
    assert "ok   approved: scan, assess, notify-if-critical, [gate] create-fix-pr" in output
    assert "branches covered: 6 of 6" in output


def test_test_fails_when_an_expectation_does(folder: Path) -> None:
    (folder / "security-audit-on-pr.test.yaml").write_text(CASES.replace("status: FAILED", "status: SUCCESS"))

    status, output = run("test", "security-audit-on-pr.yaml")

    assert status == 1
    assert "the run ended as FAILED, expected SUCCESS (create-fix-pr: the approval was rejected)" in output
