"""How the code is arranged: contracts, package docstrings, module names, type information, what the jail imports."""

from __future__ import annotations

import ast
import configparser
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
SAMPLE = ROOT / "deployments" / "demo" / "sample_app"


def sources(*packages: str) -> Iterator[Path]:
    """Python files of our packages, without the sample application, which is data."""
    for package in packages or PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if SAMPLE not in path.parents:
                yield path


def says_what_comes_in_and_goes_out(docstring: str | None) -> bool:
    text = docstring or ""
    return bool(re.search(r"\S\s+(->|→)\s+\S", text) or re.search(r"\w\s+in\b.*\w[\s,]+out\b", text, re.DOTALL))


INIT_FILES = [path for path in sources() if path.name == "__init__.py"]


@pytest.mark.parametrize("path", INIT_FILES, ids=[path.relative_to(ROOT).parent.as_posix() for path in INIT_FILES])
def test_a_package_says_what_comes_in_and_what_goes_out(path: Path) -> None:
    assert says_what_comes_in_and_goes_out(ast.get_docstring(ast.parse(path.read_text())))


@pytest.mark.parametrize("text", [None, "", "Tables.", "What is in a table."])
def test_a_docstring_that_does_not_say_it_is_noticed(text: str | None) -> None:
    assert not says_what_comes_in_and_goes_out(text)


def test_no_module_inside_a_package_takes_the_name_of_a_top_level_package() -> None:
    names = {path.stem if path.name != "__init__.py" else path.parent.name for path in sources()}
    nested = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for name in [path.stem if path.name != "__init__.py" else path.parent.name]
        if name in PACKAGES and path != ROOT / name / "__init__.py"
    }
    assert names >= set(PACKAGES)
    assert not nested


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_ships_its_types(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()


def test_every_package_is_under_the_import_contracts_and_the_type_checker() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    assert set(contracts["importlinter"]["root_packages"].split()) == set(PACKAGES)
    assert set(PACKAGES) <= set(PYPROJECT["tool"]["pyright"]["include"])


def test_contracts_are_sentences_and_there_are_some_inside_the_crowded_rooms() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    named = {name: dict(contracts[name]) for name in contracts.sections() if ":contract:" in name}
    assert len(named) >= 15
    assert all(len(contract["name"].split()) >= 5 for contract in named.values())
    for room in ("compiler", "agents", "records", "triggers", "deployments", "flows"):
        within = [
            contract
            for contract in named.values()
            if re.search(
                rf"\b{room}\.\w|^\s*{room}$", "\n".join(v for k, v in contract.items() if k != "name"), re.M
            )
        ]
        assert within, room


@pytest.mark.parametrize("path", list(sources("agents/sandbox/inside")), ids=lambda path: path.stem)
def test_what_runs_inside_the_jail_imports_the_standard_library_only(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("agents.sandbox.inside"), name


def test_no_function_is_longer_than_a_screen_or_two() -> None:
    long = {
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sources()
        if path.parent.name != "versions"  # a migration is a list
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= 80
    }
    assert not long


_PER_AGENT = "an agent imports no other, and its code is registered with what it imports"
_SYNTAX = "what every syntax tree calls it; a module reads one tree"
_PORT = "the protocol that the row of this name fills: the room above knows no row"
REPEATED = {
    "Budget": "each counts the work of its own module, and is made where it is spent",
    "Call": "a node that calls a workflow; in the scanner what every syntax tree calls it",
    "Choice": _SYNTAX,
    "Function": _SYNTAX,
    "Index": _SYNTAX,
    "OutboxEvent": _PORT,
    "PastScore": _PER_AGENT,
    "Place": _PER_AGENT,
    "Rule": _PER_AGENT,
    "Scope": "what names mean while something is evaluated: a pattern of the scanner, a template",
    "Span": "the field's word for both: a range of a text, and a timed part of a trace",
    "Switch": _SYNTAX,
    "Vulnerability": _PER_AGENT,
    "WaitingSpan": _PORT,
}
"""Public classes of one name in several modules, and why no other name would say it better."""


def test_a_public_class_has_a_name_of_its_own() -> None:
    """But for `client`, whose classes are generated from those of `api` and named as they are."""
    found: dict[str, list[str]] = {}
    for path in sources(*(package for package in PACKAGES if package != "client")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    repeated = {name: places for name, places in found.items() if len(places) > 1}
    assert {name: places for name, places in repeated.items() if name not in REPEATED} == {}
    assert set(REPEATED) <= set(repeated), "no longer repeated: take it off the list"
