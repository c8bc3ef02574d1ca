"""What a project says that its tests need is read from its files, and made into an environment of wheels in a jail."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
from package_server import make_source

from agents.builtin.verification.project_tests import detect
from agents.environments.declared import declared
from agents.environments.environment import environment_of_project, forget_unused
from agents.environments.requirements import EnvironmentUnavailable
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
GROUPS = """
[dependency-groups]
dev = ["coverage>=7", {include-group = "tests"}]
tests = ["pytest>=8", {include-group = "property"}, {include-group = "dev"}]
property = ["hypothesis"]
docs = ["sphinx"]
"""
SCRIPT = """
import os, setuptools
NEEDED = ["attrs>=22", "idna"]
TESTS = ["respx"] + os.listdir(".")
setuptools.setup(name="shop", install_requires=NEEDED + ["httpx"], extras_require={"test": TESTS, "docs": ["sphinx"]})
open("ran", "w")
"""
PIPFILE = """
{"default": {"attrs": {"version": "==23.1.0", "index": "https://example.org"}, "own": {"path": "."}},
 "develop": {"pytest": {"version": "==8.0.0"}, "far": {"git": "https://example.org/x"}}}
"""
LOCK = """
[[package]]
name = "Tiny-Words"
version = "2.1"
source = { registry = "https://example.org/simple" }
[[package]]
name = "forked"
version = "1"
[[package]]
name = "forked"
version = "2"
[[package]]
name = "shop"
version = "0.1"
source = { editable = "." }
[[package]]
name = "bad"
version = "1; x @ https://example.org"
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
        ({"pyproject.toml": GROUPS}, ["coverage>=7", "hypothesis", "pytest>=8"]),
        ({"setup.py": SCRIPT}, ["attrs>=22", "httpx", "idna", "pytest", "respx"]),
        (
            {
                "requirements-dev.in": "-r requirements/base.txt\n-r ../outside.txt\nrespx\n",
                "requirements/base.txt": "httpx\n-c constraints.txt\n",
                "docs-requirements.txt": "sphinx\n",
            },
            ["httpx", "pytest", "respx"],
        ),
        ({"Pipfile.lock": PIPFILE}, ["attrs==23.1.0", "pytest==8.0.0"]),
    ],
)
def test_names_and_versions_are_all_that_is_taken_from_a_project(tmp_path, files, needed):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert sorted(declared(tmp_path).requirements) == sorted(needed)


@pytest.fixture
async def sandbox() -> AsyncIterator[BubblewrapSandbox]:
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    made = BubblewrapSandbox(warm=0)
    yield made
    await made.close()


def test_versions_of_a_lock_file_are_kept_to_and_a_script_is_read_but_not_run(tmp_path):
    (tmp_path / "uv.lock").write_text(LOCK)
    (tmp_path / "setup.py").write_text(SCRIPT)

    assert declared(tmp_path).versions == ("tiny-words==2.1",)
    assert not (tmp_path / "ran").exists()


def test_what_is_declared_elsewhere_is_no_package_of_the_index(tmp_path):
    (tmp_path / "Pipfile.lock").write_text(PIPFILE)

    names = [line.partition("=")[0] for line in declared(tmp_path).requirements]
    assert names == ["attrs", "pytest"]


@pytest.mark.jail
async def test_a_projects_tests_run_with_the_packages_that_it_names_and_what_has_no_wheel_is_said(
    tmp_path, sandbox, index
):
    # In place of the real one, which is at the index of the world only: it needs the package, and writes a report.
    index.add("pytest", "9.0", {"pytest/__init__.py": "", "pytest/__main__.py": RUNNER}, needs="grown>=3")
    index.add("tinywords", "2.1", {"tinywords.py": "WORD = 'morning'\n"})
    index.add("tinywords", "2.2", {"tinywords.py": "WORD = 'evening'\n"})
    index.files["built-1.0.tar.gz"] = make_source("built", "1.0")
    folder, store = tmp_path / "project", tmp_path / "store"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_words.py").write_text("")
    (folder / "requirements.txt").write_text("tinywords>=2\nbuilt>=1\n")
    (folder / "poetry.lock").write_text(LOCK.replace("Tiny-Words", "tinywords"))

    made = await environment_of_project(folder, store=store, sandbox=sandbox)
    before = len(index.asked)
    again = await environment_of_project(folder, store=store, sandbox=sandbox)

    assert (made, len(index.asked)) == (again, before)
    assert sorted(made.lacking) == ["built>=1 (no wheel)", "grown>=3 (no wheel)"]
    assert not [each for each in made.path.iterdir() if each.name.startswith(("built", "grown"))]
    tests = detect(folder, str(made.path))
    assert tests is not None
    assert tests.run(folder, 60).passed == {"own::morning"}


@pytest.mark.jail
async def test_an_index_that_does_not_answer_is_no_package_without_a_wheel(tmp_path, sandbox, index, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    with pytest.raises(EnvironmentUnavailable, match="did not answer"):
        await environment_of_project(tmp_path, store=tmp_path / "store", sandbox=sandbox)


async def test_what_no_project_has_used_for_two_weeks_is_removed(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir(mode=0o555)
        (tmp_path / f"{name}.digest").write_text("")
    os.utime(tmp_path / "old.digest", (0, 0))

    forget_unused(tmp_path)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["new", "new.digest"]
