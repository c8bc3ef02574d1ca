"""The list of settings is complete, on its page, and knows a misspelt name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reliability.fault_points import fault_plan
from reliability.known_settings import settings_page, unknown_settings, variables
from reliability.settings import (
    PARTS,
    ListenerSettings,
    PartSettings,
    SettingsError,
    WorkerSettings,
    refuse_test_switches,
    switches_for_tests,
)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "settings.md"
NAMES = {name for each in variables() for name in each.names}


def test_the_page_is_the_list() -> None:
    """To make it anew: `WRITE_GOLDEN=1 pytest tests/reliability/test_settings.py`."""
    if os.environ.get("WRITE_GOLDEN"):
        PAGE.write_text(settings_page())
    assert PAGE.read_text() == settings_page()


@pytest.mark.parametrize("model", PARTS.values(), ids=PARTS.keys())
def test_every_field_of_a_part_names_its_variable_and_says_what_it_is_for(model: type[PartSettings]) -> None:
    for name, field in model.model_fields.items():
        assert field.validation_alias, name
        assert (field.description or "").endswith("."), name
        assert model.model_config.get("extra") == "forbid"


def test_a_value_that_does_not_fit_is_refused_by_name_and_never_shown(monkeypatch) -> None:
    wrong = {"EVENTS_AT_ONCE": "zero-secret", "MAX_EVENT_DEPTH": "0", "SUBJECTS_REFRESH_SECONDS": "-1"}
    for name, value in wrong.items():
        with monkeypatch.context() as patched:
            patched.setenv(f"COMMANDCENTER_{name}", value)
            with pytest.raises(SettingsError, match=f"COMMANDCENTER_{name} cannot be used") as refused:
                ListenerSettings.load()
        assert "zero-secret" not in str(refused.value)


def test_what_is_given_in_code_counts_before_the_environment_and_an_empty_variable_is_unset(monkeypatch) -> None:
    monkeypatch.setenv("NATS_URL", "tls://broker:4222")
    monkeypatch.setenv("COMMANDCENTER_MAX_EVENT_BYTES", "1000")
    monkeypatch.setenv("COMMANDCENTER_POOL", "")
    found = ListenerSettings.load()
    assert (found.nats_url, found.max_event_bytes, found.pool) == ("tls://broker:4222", 1000, "commandcenter")
    assert ListenerSettings(nats_url="tls://here").nats_url == "tls://here"


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
        "reliability",
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
    assert WorkerSettings.load().sandbox == "dagger"


def test_all_parts_have_the_same_default_database(monkeypatch, tmp_path: Path) -> None:
    for each in ("DATABASE_URL", "COMMANDCENTER_DATABASE_URL"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv("COMMANDCENTER_STATE", str(tmp_path))
    expected = f"sqlite:///{tmp_path}/records.db"
    assert ListenerSettings.load().database_url == expected
    assert WorkerSettings.load().database_url == expected


def test_switches_for_tests_are_refused_in_production_by_name_and_have_no_effect() -> None:
    assert {"COMMANDCENTER_TEST_FLOWS", "COMMANDCENTER_FAULTS", "CRASH_AT"} < set(switches_for_tests())
    # What its text says is for tests is marked as such.
    said = {name for each in variables() if "for tests" in each.text for name in each.names}
    assert said <= set(switches_for_tests())
    for name in switches_for_tests():
        given = {name: "hidden-value"}
        refuse_test_switches(given)
        refuse_test_switches({"COMMANDCENTER_MODE": "production", name: ""})
        for mode in ("production", "Production ", "typo"):
            with pytest.raises(SettingsError, match=f"^{name}: for tests only") as refused:
                refuse_test_switches({**given, "COMMANDCENTER_MODE": mode})
            assert "hidden-value" not in str(refused.value)
    refuse_test_switches({"COMMANDCENTER_MODE": "production", "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "False"})
    ordered = {"COMMANDCENTER_FAULTS": "/", "CRASH_AT": "run-opened:1"}
    assert fault_plan(ordered) is not None
    assert fault_plan({**ordered, "COMMANDCENTER_MODE": "production"}) is None


@pytest.mark.parametrize("module", ["deployments.worker", "triggers", "deployments.prefect_server", "api"])
def test_no_part_starts_in_production_with_a_switch_for_tests(module: str, tmp_path: Path) -> None:
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "COMMANDCENTER_"))
    }
    env |= {
        "COMMANDCENTER_MODE": "production",
        "COMMANDCENTER_TEST_FLOWS": "sample_flows",
        "COMMANDCENTER_STATE": str(tmp_path),
        "PREFECT_HOME": str(tmp_path / "prefect"),
    }
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 1
    assert (
        "COMMANDCENTER_TEST_FLOWS: for tests only, and refused where COMMANDCENTER_MODE is production"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
