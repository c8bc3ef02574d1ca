"""A command imports what it needs: no Prefect and no database for help and checks, no Prefect to read the records."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from forked_command import COMMAND

import compiler
import records
from deployments.cli.commands import TABLE, commands_of

HEAVY = ("prefect", "fastapi", "nats", "alembic")
SCRIPT = """
import sys
from contextlib import suppress
from deployments.cli.main import main
sys.argv = ["commandcenter", *{arguments!r}]
with suppress(SystemExit):
    main()
found = sorted(each for each in {names!r} if each in sys.modules)
sys.stdout.write("\\n" + ",".join(found) + ":" + str(len(sys.modules)))
"""


def imported(*arguments: str, names: tuple[str, ...]) -> tuple[str, int]:
    """Which of these packages the command imports, and how many modules in all."""
    script = SCRIPT.format(arguments=arguments, names=names)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    found, _, count = done.stdout.splitlines()[-1].partition(":")
    return found, int(count)


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        # They are 510, 420, 615 and 612 modules; the whole platform is 2,600.
        (["--help"], 600),
        (["env", "--state", "nowhere"], 700),
        (["check", "workflows"], 800),
    ],
)
def test_help_checks_and_addresses_need_neither_prefect_nor_a_database(arguments: list[str], most: int) -> None:
    found, count = imported(*arguments, names=(*HEAVY, "sqlalchemy"))
    assert found == ""
    assert count < most


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs"],
        ["approvals"],
        ["events", "list"],
        ["plan"],
    ],
)
def test_what_reads_the_records_needs_no_prefect(arguments: list[str]) -> None:
    found, _ = imported(*arguments, "--state", "nowhere", names=HEAVY)
    assert found == ""


def test_each_line_of_the_help_is_what_its_command_says() -> None:
    for module, lines in TABLE.items():
        found = commands_of(module)
        assert list(lines) == list(found)
        assert lines == {name: " ".join(each.help.split("\n\n")[0].split()) for name, each in found.items()}


@pytest.mark.parametrize("package", [compiler, records])
def test_each_name_of_a_package_is_there(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'other'"):
        package.other  # type: ignore[attr-defined]  # noqa: B018


def test_the_version_is_that_of_the_distribution() -> None:
    done = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == f"commandcenter {version('commandcenter-automation')}\n"
