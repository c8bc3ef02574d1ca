"""The digest of an agent that ships with the platform: all of its code, its data, and the engines it calls."""

from __future__ import annotations

import ast
import importlib.metadata
import shutil
import sys
from pathlib import Path

import pytest

from agents.builtin import MODULES
from agents.distributions import DISTRIBUTIONS
from agents.registration import code_digest

BUILTIN = Path(code_digest.__file__).parents[1] / "builtin"


def closure(module: str) -> set[Path]:
    return code_digest._closure(module)  # pyright: ignore[reportPrivateUsage]


@pytest.fixture(scope="module")
def covered() -> set[Path]:
    """The files in the digest of any of them."""
    return set().union(*map(closure, MODULES.values()))


def test_no_file_of_theirs_is_left_out(covered: set[Path]) -> None:
    there = {each for each in BUILTIN.rglob("*") if each.is_file() and "__pycache__" not in each.parts}
    # `verification` is an agent of the platform's own; the root holds names alone.
    own = closure("agents.builtin.verification")
    assert there - covered - own == {BUILTIN / "__init__.py"}


def test_each_package_that_they_import_is_there_with_its_version(covered: set[Path]) -> None:
    imported = {name for file in covered if file.suffix == ".py" for name in _top_names(file)}
    known = importlib.metadata.packages_distributions()
    others = imported - sys.stdlib_module_names - {each.name for each in BUILTIN.parents[1].iterdir()}
    named = {each.lower().replace("_", "-") for each in DISTRIBUTIONS}
    missing = [name for name in others if not {d.lower().replace("_", "-") for d in known.get(name, [])} & named]
    assert missing == []


def _top_names(file: Path) -> set[str]:
    names: set[str] = set()
    for each in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(each, ast.Import):
            names |= {name.name.split(".")[0] for name in each.names}
        elif isinstance(each, ast.ImportFrom) and not each.level and each.module:
            names.add(each.module.split(".")[0])
    return names


@pytest.mark.parametrize(
    "changed",
    [
        "builtin/scanning/flow/interpreter.py",
        "builtin/scanning/rules/python.yaml",
        "builtin/dependencies/versions.py",
        "sdk/context.py",
    ],
)
def test_whatever_changes_is_another_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    copied = tmp_path / "agents"
    shutil.copytree(BUILTIN.parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    before = code_digest.digest_of_module(MODULES["security-scanner"])
    monkeypatch.setattr(code_digest, "_PACKAGE", copied)
    assert code_digest.digest_of_module(MODULES["security-scanner"]) == before
    with (copied / changed).open("a") as file:
        file.write("\n# changed\n")
    assert code_digest.digest_of_module(MODULES["security-scanner"]) != before


@pytest.mark.parametrize(
    "line",
    [
        "from agents.builtin.scanning import (\n    flow,\n)",
        "from .scanning import flow",
        "from .scanning.flow import interpreter",
        "def late():\n    import agents.builtin.scanning.flow.interpreter as i",
        "try:\n    from agents.builtin.scanning.flow.interpreter import Interpreter\nexcept ImportError: ...",
    ],
)
def test_however_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    (tmp_path / "agents" / "builtin" / "scanning" / "flow" / "data").mkdir(parents=True)
    root = tmp_path / "agents" / "builtin"
    (root / "one.py").write_text(line)
    (root / "scanning" / "__init__.py").write_text("")
    for name in ("__init__.py", "interpreter.py", "data/rules.yaml"):
        (root / "scanning" / "flow" / name).write_text("")
    monkeypatch.setattr(code_digest, "_PACKAGE", tmp_path / "agents")
    found = {each.relative_to(root).as_posix() for each in closure("agents.builtin.one")}
    assert "scanning/flow/interpreter.py" in found
    assert "scanning/flow/data/rules.yaml" in found


def test_another_version_of_an_engine_is_another_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_digest.digest_of_module(MODULES["security-scanner"])
    environment = code_digest._environment  # pyright: ignore[reportPrivateUsage]
    known = importlib.metadata.version

    def newer(name: str) -> str:
        return "99.0" if name == "semgrep" else known(name)

    monkeypatch.setattr(importlib.metadata, "version", newer)
    environment.cache_clear()
    try:
        assert code_digest.digest_of_module(MODULES["security-scanner"]) != before
    finally:
        environment.cache_clear()
