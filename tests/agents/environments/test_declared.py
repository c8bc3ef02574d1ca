"""What a project says that its tests need is read from its files, and made into an environment of wheels in a jail."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agents.builtin.verification.project_tests import detect
from agents.environments.declared import declared
from agents.environments.environment import environment_of_project
from agents.environments.requirements import EnvironmentRefused
from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox

PYPROJECT = """
[project]
name = "shop"
dependencies = ["Flask>=2", "shop[extra]", "evil @ https://example.org/evil.whl", "--index-url=https://example.org"]
[project.optional-dependencies]
test = ["responses"]
docs = ["sphinx"]
[dependency-groups]
dev = ["hypothesis>6", {include-group = "x"}]
"""
POETRY = """
[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
python = "^3.11"
httpx = "^0.27.1"
rich = {version = "~13.0", extras = ["x"]}
[tool.poetry.group.test.dependencies]
respx = "*"
"""
SETUP = """
[options]
install_requires =
    requests>=2 ; python_version > '3'
[options.extras_require]
test =
    tox
"""
RUNNER = """
import sys, tinywords
report = next(each for each in sys.argv if each.startswith("--junitxml=")).partition("=")[2]
open(report, "w").write(f'<a><testcase classname="own" name="{tinywords.WORD}"/></a>')
"""


@pytest.mark.parametrize(
    ("files", "needed"),
    [
        ({"pyproject.toml": PYPROJECT}, ["Flask>=2", "hypothesis>6", "pytest", "responses"]),
        ({"pyproject.toml": POETRY}, ["httpx>=0.27.1", "pytest", "respx", "rich>=13.0"]),
        ({"setup.cfg": SETUP}, ['requests>=2; python_version > "3"', "pytest", "tox"]),
        (
            {"requirements.txt": "# a\n-r other.txt\n-e .\nattrs==23.1 \\\n  --hash=sha256:0\n./local\nattrs>1\n"},
            ["attrs==23.1", "pytest"],
        ),
        ({"pyproject.toml": "not toml ["}, ["pytest"]),
    ],
)
def test_names_and_versions_are_all_that_is_taken_from_a_project(tmp_path, files, needed):
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    assert sorted(declared(tmp_path)) == sorted(needed)


@pytest.fixture
async def sandbox() -> AsyncIterator[BubblewrapSandbox]:
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    made = BubblewrapSandbox(warm=0)
    yield made
    await made.close()


@pytest.mark.jail
async def test_a_projects_tests_run_with_the_packages_that_it_names(tmp_path, sandbox, index):
    # In place of the real one, which is at the index of the world only: it needs the package, and writes a report.
    index.add("pytest", "9.0", {"pytest/__init__.py": "", "pytest/__main__.py": RUNNER})
    index.add("tinywords", "2.1", {"tinywords.py": "WORD = 'morning'\n"})
    folder, store = tmp_path / "project", tmp_path / "store"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_words.py").write_text("")
    (folder / "requirements.txt").write_text("tinywords>=2\n")

    place = await environment_of_project(folder, store=store, sandbox=sandbox)
    again = await environment_of_project(folder, store=store, sandbox=sandbox)

    assert place == again
    tests = detect(folder, str(place))
    assert tests is not None
    assert tests.run(folder, 60).passed == {"own::morning"}

    (folder / "requirements.txt").write_text("tinywords>=3\n")
    with pytest.raises(EnvironmentRefused, match="tinywords"):
        await environment_of_project(folder, store=store, sandbox=sandbox)
