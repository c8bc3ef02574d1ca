"""`commandcenter prefect-yaml`: entries for `prefect deploy --all`, behind those that are there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from agents.registration.builtin_agents import builtin_catalogue
from compiler import Plan, Source, compile
from deployments.cli.compiler_commands import app
from deployments.publishing.prefect_yaml import PrefectYamlRefused, add_entries

ROOT = Path(__file__).parents[2]
NIGHTLY = """\
name: nightly
description: "audits {{ $SECRET }}"
trigger: {schedule: "0 4 * * *", timezone: Europe/Vienna}
nodes:
  - {id: audit, agent: compliance-checker, action: auditProject, inputs: {projectId: 1, standards: [SOC2]}}
outputs: {score: "{{ nodes.audit.output.score }}"}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the workflows and the `prefect.yaml` of this repository, and one more workflow."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workflows").mkdir()
    for file in (ROOT / "workflows").glob("*.yaml"):
        (tmp_path / "workflows" / file.name).write_text(file.read_text())
    (tmp_path / "prefect.yaml").write_text((ROOT / "prefect.yaml").read_text())
    return tmp_path


@pytest.fixture
def nightly() -> Plan:
    """The plan of one more workflow."""
    compiled = compile(Source(NIGHTLY), builtin_catalogue())
    assert compiled.plan is not None, compiled.diagnostics
    return compiled.plan


def test_our_own_entries_are_those_that_the_command_would_write(here: Path) -> None:
    done = CliRunner().invoke(app, ["prefect-yaml"])
    assert done.exit_code == 0, done.output
    assert "nothing to add" in done.output
    assert (here / "prefect.yaml").read_text() == (ROOT / "prefect.yaml").read_text()


def test_check_names_a_missing_entry_and_the_command_adds_it(here: Path) -> None:
    (here / "workflows" / "nightly.yaml").write_text(NIGHTLY)
    before = (here / "prefect.yaml").read_text()

    checked = CliRunner().invoke(app, ["check"])
    added = CliRunner().invoke(app, ["prefect-yaml"])
    again = CliRunner().invoke(app, ["check"])

    assert checked.exit_code == 0, "a warning"
    assert "no entry for workflow 'nightly': `commandcenter prefect-yaml` writes it" in checked.output
    assert "added nightly" in added.output
    assert "nightly" not in again.output
    text = (here / "prefect.yaml").read_text()
    assert text.startswith(before.rstrip("\n"))
    entry = yaml.safe_load(text)["deployments"][-1]
    assert entry["flow_name"] == "nightly"
    assert entry["entrypoint"] == "flows.compiled.nightly"
    assert entry["schedules"] == [
        {
            "cron": "0 4 * * *",
            "timezone": "Europe/Vienna",
            "slug": "schedule-0",
            "parameters": {"trigger": "schedule:0 4 * * *"},
        }
    ]
    assert entry["parameters"] == {"plan": "{{ registered.digest }}", "project_id": 1}
    assert "{{" not in entry["description"], "no template of Prefect's comes out of a description"


def test_an_entry_that_says_something_else_is_named_and_left_alone(here: Path) -> None:
    text = (here / "prefect.yaml").read_text().replace('cron: "0 9 * * 1"', 'cron: "0 8 * * 1"')
    (here / "prefect.yaml").write_text(text)
    done = CliRunner().invoke(app, ["prefect-yaml"])
    assert done.exit_code == 1
    assert "the entry of workflow 'compliance-check-weekly' has other schedules than the workflow" in done.output
    assert (here / "prefect.yaml").read_text() == text


def test_a_file_is_made_where_there_is_none(here: Path) -> None:
    (here / "prefect.yaml").unlink()
    assert CliRunner().invoke(app, ["check"]).output.count("prefect.yaml") == 0, "it is not used here"
    assert CliRunner().invoke(app, ["prefect-yaml"]).exit_code == 0
    names = {each["flow_name"] for each in yaml.safe_load((here / "prefect.yaml").read_text())["deployments"]}
    assert names == {"security-audit-deploy", "compliance-check-weekly"}


@pytest.mark.parametrize("text", ["a: [", "[]", "deployments: []\nname: x\n"])
def test_a_file_that_cannot_be_added_to_is_refused_whole(here: Path, text: str, nightly: Plan) -> None:
    (here / "prefect.yaml").write_text(text)
    with pytest.raises(PrefectYamlRefused):
        add_entries({"nightly.yaml": nightly})
    assert (here / "prefect.yaml").read_text() == text
