"""A project's folder -> its own tests, and what they give: each test by name, passed or not. Their text is hostile."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

from agents.builtin.verification.own_metadata import write_own_metadata

_MAX_REPORT = 20_000_000
# A file that cannot be imported here, as one package is missing, must not keep the others from being run.
_PYTEST = (
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "--continue-on-collection-errors",
    "--junitxml={report}",
)
_UNITTEST = """
import json, sys, unittest
class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = []
    def addSuccess(self, test):
        self.passed.append(test.id())
result = Result()
unittest.defaultTestLoader.discover(".").run(result)
json.dump({"passed": result.passed, "run": result.testsRun}, open(sys.argv[1], "w"))
"""


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What one run of the tests gave."""

    passed: frozenset[str]
    why_unusable: str = ""
    """Why nothing can be told from it; empty where some passed."""
    others: int = 0
    """How many did not pass, or could not even be read: nothing is known of what they look at."""

    def lost_in(self, other: Outcomes) -> set[str]:
        """Tests that passed here, and not there."""
        return set(self.passed - other.passed)


@dataclass(frozen=True, kw_only=True)
class ProjectTests:
    """How to run them."""

    name: str
    command: tuple[str, ...]
    """`{report}` stands for the file that the result is written to."""
    read: Callable[[Path, str], tuple[frozenset[str], int]]
    """Report file and standard output -> names of those that passed, and how many did not."""
    environment: str = ""
    """Folder with the packages that the project says it needs; empty: those of the platform."""

    def run(self, folder: Path, limit: float) -> Outcomes:
        """Run them once, for at most `limit` seconds."""
        with tempfile.TemporaryDirectory(prefix="report-") as place:
            report = Path(place, "report")
            own = Path(place, "own")
            write_own_metadata(folder, own)
            places = [folder, folder / "src", own, *([Path(self.environment)] if self.environment else [])]
            command = [part.replace("{report}", str(report)) for part in self.command]
            environment = {
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": place,
                "LC_ALL": "C.UTF-8",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": os.pathsep.join(str(each) for each in places if each.is_dir()),
                "CI": "1",
            }
            if not self.environment:
                # Plug-ins are of the platform here; a test that needs one counts neither before nor after.
                environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            try:
                done = subprocess.run(
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    timeout=limit,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return Outcomes(passed=frozenset(), why_unusable=f"{self.name} did not end within {limit:g} s")
            except OSError as exc:
                return Outcomes(passed=frozenset(), why_unusable=f"{self.name} cannot be run: {exc.strerror}")
            try:
                passed, others = self.read(report, done.stdout[:_MAX_REPORT].decode("utf-8", "replace"))
            except (OSError, ValueError, ElementTree.ParseError):
                passed, others = frozenset[str](), 0
        said = (
            "" if passed else f"no test of {self.name} passes here without the change: its packages may be missing"
        )
        return Outcomes(passed=passed, why_unusable=said, others=others)


def detect(folder: Path, environment: str = "") -> ProjectTests | None:
    """The tests of a project, as far as they can be run with what is in its environment, or here without one."""
    if (found := _node(folder)) is not None:
        return found
    if not any(_python_tests(folder)):
        return None
    if environment:
        # Without the packages of the platform: only what the project asked for is there.
        command = (sys.executable, "-S", *_PYTEST)
        if Path(environment, "pytest").is_dir():
            return ProjectTests(name="pytest", command=command, read=_junit, environment=environment)
        command = (sys.executable, "-S", "-c", _UNITTEST, "{report}")
        return ProjectTests(name="unittest", command=command, read=_unittest, environment=environment)
    if find_spec("pytest") is not None:
        command = (sys.executable, *_PYTEST)
        return ProjectTests(name="pytest", command=command, read=_junit)
    command = (sys.executable, "-c", _UNITTEST, "{report}")
    return ProjectTests(name="unittest", command=command, read=_unittest)


def _python_tests(folder: Path) -> list[Path]:
    found = [*folder.glob("test*.py"), *folder.glob("*_test.py")]
    for name in ("tests", "test"):
        found += (folder / name).rglob("*test*.py")
    return found[:1]


def _node(folder: Path) -> ProjectTests | None:
    """`npm test` that is Node's own runner: it needs no package. Nothing of it goes through a shell."""
    file = folder / "package.json"
    if shutil.which("node") is None or not file.is_file():
        return None
    try:
        package = json.loads(file.read_text("utf-8"))
        script = str(cast("dict[str, Any]", package)["scripts"]["test"])
        words = shlex.split(script)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if words[:2] != ["node", "--test"] or any(word.startswith("--test-reporter") for word in words):
        return None
    command = ("node", "--test", "--test-reporter=tap", *words[2:])
    return ProjectTests(name="node --test", command=command, read=_tap)


def _junit(report: Path, output: str) -> tuple[frozenset[str], int]:
    text = report.read_bytes()[:_MAX_REPORT]
    passed, others = set[str](), 0
    for case in ElementTree.fromstring(text).iter("testcase"):
        if any(case.find(tag) is not None for tag in ("failure", "error")):
            others += 1
        elif case.find("skipped") is None:
            passed.add(f"{case.get('classname')}::{case.get('name')}"[:300])
    return frozenset(passed), others


def _unittest(report: Path, output: str) -> tuple[frozenset[str], int]:
    found = json.loads(report.read_bytes()[:_MAX_REPORT])
    return frozenset(str(each)[:300] for each in found["passed"]), max(0, int(found["run"]) - len(found["passed"]))


def _tap(report: Path, output: str) -> tuple[frozenset[str], int]:
    lines = re.findall(r"^ *ok \d+ - (.+?)(?: # .*)?$", output, re.MULTILINE)
    return frozenset(line[:300] for line in lines), len(re.findall(r"^ *not ok \d+ - ", output, re.MULTILINE))
