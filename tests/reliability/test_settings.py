"""The list of settings is complete, on its page, and knows a misspelt name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.stack.stack import StackSettings
from flows.runtime import RuntimeSettings
from reliability.settings import SETTINGS, settings_page, unknown_settings
from triggers.settings import TriggerSettings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "settings.md"
NAMES = {name for each in SETTINGS for name in (each.name, *each.aliases)}


def test_the_page_is_the_list() -> None:
    """To make it anew: `WRITE_GOLDEN=1 pytest tests/reliability/test_settings.py`."""
    if os.environ.get("WRITE_GOLDEN"):
        PAGE.write_text(settings_page())
    assert PAGE.read_text() == settings_page()


@pytest.mark.parametrize("model", [StackSettings, RuntimeSettings, TriggerSettings])
def test_every_field_of_a_settings_model_is_in_the_list(model: type) -> None:
    prefix = model.model_config.get("env_prefix", "")
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        names = (
            [alias] if isinstance(alias, str) else list(alias.choices) if alias else [f"{prefix}{name}".upper()]
        )
        assert set(names) <= NAMES, names


def test_every_variable_that_the_code_names_is_in_the_list() -> None:
    inside = re.compile(
        r"COMMANDCENTER_(?:REQUEST(?:_FD)?|PRELOAD|RESULT|ARTIFACTS|SECRETS_FD|EXECUTION|NONCE|EVENTS|RESULTS|ACTION|INPUTS)\b"
    )
    named: set[str] = set()
    for room in (
        "agents",
        "records",
        "tasks",
        "operations",
        "flows",
        "triggers",
        "api",
        "deployments",
        "observability",
    ):
        for file in (ROOT / room).rglob("*.py"):
            text = inside.sub("", file.read_text())
            named |= set(re.findall(r"\bCOMMANDCENTER_[A-Z_]*[A-Z]\b(?!_)", text))
    assert named <= NAMES


def test_a_misspelt_name_is_reported_with_the_name_that_was_meant() -> None:
    found = unknown_settings({"COMMANDCENTER_SANDBOXX": "dagger", "COMMANDCENTER_SECRET_A": "x", "HOME": "/"})
    assert found == [
        "the environment variable COMMANDCENTER_SANDBOXX is not a setting of the platform and has no effect: "
        "did you mean COMMANDCENTER_SANDBOX?"
    ]


def test_a_command_says_so_when_it_starts_and_never_shows_the_value(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("commandcenter")), "db", "upgrade", "--state", str(tmp_path)]
    env = {**os.environ, "COMMANDCENTER_REPOSITORY": "/secret/place"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    assert "did you mean COMMANDCENTER_REPOSITORIES?" in done.stderr
    assert "/secret/place" not in done.stderr + done.stdout


@pytest.mark.parametrize("name", ["COMMANDCENTER_SANDBOX", "SANDBOX"])
def test_the_worker_honours_the_sandbox_as_the_command_line_does(monkeypatch, name: str) -> None:
    for each in ("COMMANDCENTER_SANDBOX", "SANDBOX"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "dagger")
    assert RuntimeSettings().sandbox == "dagger"


def test_all_parts_have_the_same_default_database(monkeypatch, tmp_path: Path) -> None:
    for each in ("DATABASE_URL", "COMMANDCENTER_DATABASE_URL"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv("COMMANDCENTER_STATE", str(tmp_path))
    expected = f"sqlite:///{tmp_path}/records.db"
    assert TriggerSettings.load().database_url == expected
    assert RuntimeSettings().database_url == expected
