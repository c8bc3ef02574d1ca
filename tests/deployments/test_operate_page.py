"""Every command of docs/guides/operate.md calls a program, a service, a target and options that are there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
import typer.main
import yaml
from typer.core import TyperGroup

from deployments.cli.main import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides" / "operate.md").read_text()
SERVICES: dict[str, dict[str, object]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
SETTINGS = {line.partition("=")[0] for line in (ROOT / ".env.example").read_text().splitlines() if "=" in line}
VERBS = {"up", "down", "run", "exec", "stop", "logs", "ps"}
WITH_VALUE = {"--profile", "--since", "--scale", "--user", "--volume"}


def commands(page: str) -> list[str]:
    """The lines of the page's shell, and what it quotes of them in its text."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    quoted = re.findall(r"`((?:docker compose|make|commandcenter|deployments/)[^`\n]*)`", page)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    starts = ("docker ", "make ", "commandcenter ", "deployments/", "cp ")
    plain = [re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line) for line in lines]
    return [line for line in [*plain, *quoted] if line.startswith(starts)]


def faults(line: str) -> list[str]:
    """What the command names that is not there."""
    words = shlex.split(line.split(" < ")[0].split(" > ")[0])
    match words[0]:
        case "make":
            targets = re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
            return [word for word in words[1:] if "=" not in word and word not in targets]
        case "docker":
            return _compose(words[2:])
        case "commandcenter":
            return _commandcenter(words[1:])
        case "cp":
            return [word for word in words[1:2] if word.startswith(".") and not (ROOT / word).exists()]
        case script:
            file = ROOT / script
            if not file.is_file():
                # A path in the text: a file or a folder of the page's own naming.
                return [] if file.exists() else [script]
            if script.endswith("rotate.sh"):
                known = re.findall(r"^    ([a-z-]+)\) ", file.read_text(), re.MULTILINE)
                return [word for word in words[1:] if word not in {*known, "all"}]
            return [] if not script.endswith(".sh") or os.access(file, os.X_OK) else [f"{script} is no program"]


def _compose(words: list[str]) -> list[str]:
    """What of a call of Compose is neither verb, service, profile nor command."""
    found: list[str] = []
    profiles = {each for service in SERVICES.values() for each in _texts(service.get("profiles"))}
    verb, rest = "", iter(words)
    for word in rest:
        if word in WITH_VALUE:
            value = next(rest, "")
            if word == "--profile" and value not in profiles:
                found.append(f"profile {value}")
            if word == "--scale" and value.partition("=")[0] not in SERVICES:
                found.append(f"service {value}")
        elif word.startswith("-"):
            continue
        elif not verb:
            verb = word
            found += [] if verb in VERBS else [f"verb {verb}"]
        else:
            found += [] if word in SERVICES else [f"service {word}"]
            if verb in ("run", "exec"):
                inner = list(rest)
                return found + (_commandcenter(inner[1:]) if inner[:1] == ["commandcenter"] else [])
    return found


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _commandcenter(words: list[str]) -> list[str]:
    """What of a command line the program does not have."""
    command = typer.main.get_command(app)
    found: list[str] = []
    for word in words:
        if word.startswith("--"):
            options = {option for each in command.params for option in each.opts}
            found += [] if word.partition("=")[0] in options else [f"option {word} of {command.name}"]
        elif isinstance(command, TyperGroup):
            context, inner = typer.Context(command), command
            for name in word.split("|"):
                if command.get_command(context, name) is None:
                    return [*found, f"command {name}"]
                _, inner, _ = command.resolve_command(context, [name])
            assert inner is not None
            command = inner
    return found


@pytest.mark.parametrize("line", sorted(set(commands(PAGE))))
def test_what_the_page_calls_is_there(line: str) -> None:
    assert faults(line) == []


def test_a_setting_of_the_page_is_one_of_the_stack() -> None:
    lines = [line for line in PAGE.splitlines() if "`.env`" in line]
    named = {name for line in lines for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)", line)}
    assert len(named) >= 4
    assert named <= SETTINGS


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("make imagge", "imagge"),
        ("deployments/compose/gone.sh", "deployments/compose/gone.sh"),
        ("deployments/compose/rotate.sh postgress", "postgress"),
        ("docker compose up --detach --wait workers", "service workers"),
        ("docker compose --profile metric up", "profile metric"),
        ("docker compose exec worker commandcenter docter", "command docter"),
        (
            "docker compose run --rm deploy commandcenter deploy --remove-gate /workflows",
            "option --remove-gate of",
        ),
        ("commandcenter restore FILE --status new", "option --status of"),
    ],
)
def test_a_slip_of_the_page_is_found(line: str, fault: str) -> None:
    (found,) = faults(line)
    assert found.startswith(fault)


def _rule(receiver: str) -> tuple[re.Pattern[str], set[str]]:
    """The page's expression for the lines of a container, and the levels that its severities name."""
    (block,) = (each for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if receiver in each)
    (parser,) = yaml.safe_load(block)["receivers"][receiver]["operators"]
    names = parser["severity"]["mapping"].values()
    return re.compile(parser["regex"]), {
        name for each in names for name in ([each] if isinstance(each, str) else each)
    }


def test_the_rule_for_the_log_of_nats_fits_what_it_writes(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("nats-server"), "--port", "-1", "-js", "--store_dir", tmp_path]
    rule, levels = _rule("filelog/nats")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        lines = [server.stderr.readline()]
        while lines[-1] and "Server is ready" not in lines[-1]:
            lines.append(server.stderr.readline())
        server.terminate()
        lines += server.stderr.read().splitlines(keepends=True)
    assert len(lines) > 5
    for line in lines:
        found = rule.fullmatch(line.rstrip("\n"))
        assert found, line
        assert found["level"] in levels


def test_the_rule_for_the_log_of_postgresql_keeps_a_statement_in_one_record(postgres_server: Any) -> None:
    with psycopg.connect(postgres_server.url("postgres")) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT\n  no_such_thing_for_the_log")
    rule, levels = _rule("filelog/postgres")
    log = postgres_server.log()
    (start,) = re.findall(r"line_start_pattern: '(.*)'", PAGE)
    records = re.split(f"(?m)(?={start})", log)
    assert records[0] == ""
    parsed = [rule.fullmatch(each.rstrip("\n")) for each in records[1:]]
    assert all(parsed), [each for each, found in zip(records[1:], parsed, strict=True) if not found]
    said = {(found["level"], found["message"]) for found in parsed if found}
    assert ("ERROR", 'column "no_such_thing_for_the_log" does not exist at character 10') in said
    assert ("STATEMENT", "SELECT\n\t  no_such_thing_for_the_log") in said
    assert {level for level, _ in said} <= {*levels, "STATEMENT", "DETAIL", "HINT", "CONTEXT"}
