"""What a patch breaks is found before anybody is asked; what it breaks is left out of the proposal."""

from __future__ import annotations

import difflib
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from agents.builtin.patcher.patch import Change
from agents.builtin.patcher.patch import patch as made_patch
from agents.builtin.verification import agent
from agents.effects.verification import not_verified, wants_verification, with_verification
from agents.repository.git import Git
from agents.repository.patch_parts import files_of

PROJECT = {
    "shop.py": "def price(count):\n    return count * 2\n",
    "other.py": "def name():\n    return 'shop'\n",
    "tests/test_shop.py": (
        "import unittest\nimport shop, other\n\n\nclass Prices(unittest.TestCase):\n"
        "    def test_price(self):\n        self.assertEqual(shop.price(2), 4)\n\n"
        "    def test_name(self):\n        self.assertEqual(other.name(), 'shop')\n"
    ),
    "tests/__init__.py": "",
}


def repository(folder: Path, files: dict[str, str]) -> Path:
    """A repository with one commit of these files."""
    folder.mkdir()
    who = {f"GIT_{each}_{what}": "x@example.org" for each in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    git = Git(folder=folder, env=who)
    git.run("init", "--quiet", "-b", "main")
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    git.run("add", "--all")
    git.run("commit", "--quiet", "-m", "first")
    return folder


def patch(files: dict[str, str], **changes: str) -> str:
    """A patch that gives these files these texts; `_` in a name stands for the dot."""
    made = ""
    for key, new in changes.items():
        name = key.replace("_", ".")
        lines = difflib.unified_diff(files[name].splitlines(True), new.splitlines(True), f"a/{name}", f"b/{name}")
        made += f"diff --git a/{name} b/{name}\n" + "".join(lines)
    return made


def verify(folder: Path, diff: str, context: Any, **more: Any) -> dict[str, Any]:
    inputs = {"repositoryPath": str(folder), "patch": diff, "limitSeconds": 60, **more}
    return agent.execute("verify", inputs, context)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return repository(tmp_path / "project", PROJECT)


@pytest.fixture
def context(context: Any, tmp_path: Path) -> Any:
    import dataclasses

    return dataclasses.replace(context, tmp=tmp_path)


def test_tests_that_pass_as_before_are_the_best_verification(project, context) -> None:
    found = verify(project, patch(PROJECT, shop_py="def price(count):\n    return 2 * count\n"), context)
    assert (found["verified"], found["breaking"]) == ("tests", [])
    assert found["reason"].startswith("2 test(s) of ")


def test_a_python_whose_archives_have_no_filters_verifies_as_well(
    project, context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian 12's 3.11.2, which is the image's."""
    extract = tarfile.TarFile.extractall
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    monkeypatch.setattr(tarfile.TarFile, "extractall", lambda archive, place: extract(archive, place))
    found = verify(project, patch(PROJECT, shop_py="def price(count):\n    return 2 * count\n"), context)
    assert found["verified"] == "tests"


def test_a_change_that_breaks_a_test_is_named_and_the_others_stand(project, context) -> None:
    diff = patch(
        PROJECT,
        shop_py="def price(count):\n    return 2 * count\n",
        other_py="def name():\n    return 'store'\n",
    )
    found = verify(project, diff, context)
    assert (found["verified"], found["breaking"]) == ("tests", ["other.py"])
    assert "test_name" in found["reason"]


PLACES = {
    "shop.py": (
        "import json\n\nKEY = 'a'\n\n\ndef price(count):\n    return count * 2\n\n\n"
        "def name():\n    return 'shop'\n\n\ndef text(value):\n    return json.dumps(value)\n"
    ),
    "tests/test_shop.py": (
        "import unittest\nimport shop\n\n\nclass Prices(unittest.TestCase):\n"
        "    def test_price(self):\n        self.assertEqual(shop.price(2), 4)\n\n"
        "    def test_name(self):\n        self.assertEqual(shop.name(), 'shop')\n"
    ),
    "tests/__init__.py": "",
}
CHANGED = (
    PLACES["shop.py"]
    .replace("import json", "import json\nimport os")
    .replace("'a'", "os.environ['NOT_SET_HERE']")
    .replace("count * 2", "2 * count")
    .replace("dumps(value)", "dumps(value, default=str)")
)


def test_one_place_that_breaks_a_file_does_not_cost_it_the_other_fixes(tmp_path, context) -> None:
    folder = repository(tmp_path / "places", PLACES)
    diff = made_patch({"shop.py": Change(old=PLACES["shop.py"], new=CHANGED)})

    found = verify(folder, diff, context)

    assert (found["verified"], found["breaking"]) == ("tests", [])
    assert {each["hunk"] for each in found["breakingParts"]} == {0, 1}  # the import goes with what needed it
    result = {
        "patch": diff,
        "fixed": [
            {"file": "shop.py", "line": 3, "what": "a", "note": "Set it.", "rule": "r"},
            {"file": "shop.py", "line": 7, "what": "b", "note": "Look at it.", "rule": "r"},
        ],
        "unfixed": [],
        "filesModified": ["shop.py"],
        "commitMessage": (
            "Fix 2 security weaknesses\n\n- shop.py:3: a\n- shop.py:7: b\n\n"
            "Before merging:\n- Set it.\n- Look at it.\n"
        ),
    }
    kept = with_verification(result, found)
    assert [each["line"] for each in kept["fixed"]] == [7]
    assert "test_name" in kept["unfixed"][0]["reason"]
    assert kept["commitMessage"] == (
        "Fix 1 security weakness\n\n- shop.py:7: b\n\nBefore merging:\n- Look at it.\n"
    )
    Git(folder=folder).run("apply", "-", stdin=kept["patch"].encode())
    assert (folder / "shop.py").read_text() == PLACES["shop.py"].replace("count * 2", "2 * count").replace(
        "dumps(value)", "dumps(value, default=str)"
    )


def test_two_places_that_break_a_file_cost_it_no_fix_that_needs_another_place(tmp_path, context) -> None:
    gap = "\n\n\n\n"
    price = "def price(count):\n    return floor(2 * count)"
    old = gap.join(["from math import floor", "LIMIT = 3", price, "SIZE = 5\n"])
    new = old.replace("floor", "ceil").replace("LIMIT = 3", "LIMIT = 1 // 0").replace("SIZE = 5", "SIZE = 6")
    tests = "import shop\n\ndef test_price():\n    assert shop.price(2) == 4\n\ndef test_size():\n"
    tests += "    assert shop.SIZE == 5\n"
    folder = repository(tmp_path / "two", {"shop.py": old, "tests/test_shop.py": tests})

    found = verify(folder, made_patch({"shop.py": Change(old=old, new=new)}), context)

    # The import and the call that needs it stand; by itself neither would.
    assert (found["verified"], [each["hunk"] for each in found["breakingParts"]]) == ("tests", [1, 3])


def test_places_next_to_each_other_stay_places_of_their_own_that_git_applies(tmp_path) -> None:
    old = "".join(f"{at}\n" for at in range(20))
    for changed in ([0, 2], [3, 5, 8], [0, 19], [4, 6, 7, 9, 18], []):
        new = "".join(f"{at}{' changed' if at in changed else ''}\n" for at in range(20))
        folder = repository(tmp_path / f"x{'-'.join(map(str, changed))}", {"a.txt": old})
        diff = made_patch({"a.txt": Change(old=old, new=new)})
        if changed:
            [file] = files_of(diff).values()
            assert file.without(()) == diff
            Git(folder=folder).run("apply", "-", stdin=diff.encode())
            assert (folder / "a.txt").read_text() == new
            (folder / "a.txt").write_text(old)
            Git(folder=folder).run("apply", "-", stdin=file.without({0}).encode() or b"")
            assert (folder / "a.txt").read_text() == new.replace(f"{changed[0]} changed\n", f"{changed[0]}\n", 1)


def test_parts_that_are_none_of_the_patch_are_ignored() -> None:
    forged = {
        "verified": "tests",
        "reason": "x",
        "breaking": [],
        "breakingParts": [{"file": "../x", "hunk": 0}, {"file": "a.py", "hunk": 7}, {"file": "a.py"}, 3],
    }
    assert with_verification(RESULT, forged)["patch"] == RESULT["patch"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def price(count:\n", "is not valid any more"),
        ("return 1\n", "does not compile any more"),
        (
            "import os\n\n\ndef price(count):\n    os.system('ls %s' % count)\n    return count * 2\n",
            "something new",
        ),
    ],
)
def test_what_no_longer_compiles_or_brings_a_weakness_is_broken(project, context, text, reason) -> None:
    found = verify(project, patch(PROJECT, shop_py=text), context)
    assert (found["verified"], found["breaking"]) == ("broken", ["shop.py"])
    assert reason in found["reason"]


def test_without_tests_that_pass_the_verification_is_that_it_builds(tmp_path, context) -> None:
    files = {**PROJECT, "tests/test_shop.py": "import not_installed_here\n\n\ndef test_it():\n    assert False\n"}
    folder = repository(tmp_path / "bare", files)
    found = verify(folder, patch(files, shop_py="def price(count):\n    return 2 * count\n"), context)
    assert found["verified"] == "build"
    assert "its packages may be missing" in found["reason"]


def test_a_file_of_tests_that_cannot_be_imported_does_not_keep_the_others_from_being_run(
    tmp_path, context
) -> None:
    files = {**PROJECT, "tests/test_more.py": "import not_installed_here\n\n\ndef test_it():\n    assert False\n"}
    folder = repository(tmp_path / "half", files)
    found = verify(folder, patch(files, shop_py="def price(count):\n    return 2 * count\n"), context)
    assert (found["verified"], found["reason"]) == (
        "tests",
        "2 test(s) of pytest pass as before; 1 that did not pass before either say nothing",
    )


def test_tests_that_do_not_end_are_given_up_and_that_is_said(tmp_path, context) -> None:
    files = {**PROJECT, "tests/test_shop.py": "import time\n\ntime.sleep(60)\n"}
    folder = repository(tmp_path / "slow", files)
    change = patch(files, shop_py="def price(count):\n    return 2 * count\n")
    found = verify(folder, change, context, limitSeconds=2)
    assert found["verified"] == "build"
    assert "did not end within 2 s" in found["reason"]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_project_of_node_is_tested_by_its_own_runner(tmp_path, context) -> None:
    files = {
        "package.json": '{"scripts": {"test": "node --test"}}\n',
        "shop.js": "exports.price = (count) => count * 2;\n",
        "shop.test.js": (
            "const test = require('node:test');\nconst assert = require('node:assert');\n"
            "test('price', () => assert.equal(require('./shop.js').price(2), 4));\n"
        ),
    }
    folder = repository(tmp_path / "node", files)
    good = verify(folder, patch(files, shop_js="exports.price = (count) => 2 * count;\n"), context)
    assert good["verified"] == "tests"
    bad = verify(folder, patch(files, shop_js="exports.price = (count) => count * 3;\n"), context)
    assert (bad["verified"], bad["breaking"]) == ("broken", ["shop.js"])


RESULT = {
    "patch": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-1\n+2\n"
    "diff --git a/b.py b/b.py\n--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-1\n+2\n",
    "commitMessage": "Fix 2 security weaknesses\n\n- a.py:1: one\n- b.py:1: two\n",
    "filesModified": ["a.py", "b.py"],
    "fixed": [
        {"rule": "r", "file": "a.py", "line": 1, "what": "one", "note": ""},
        {"rule": "r", "file": "b.py", "line": 1, "what": "two", "note": ""},
    ],
    "unfixed": [],
}


def test_what_breaks_something_is_left_out_and_counts_as_not_fixed() -> None:
    found = with_verification(RESULT, {"verified": "tests", "reason": "one test fails", "breaking": ["b.py"]})
    assert found["patch"] == RESULT["patch"].split("diff --git a/b.py")[0]
    assert found["commitMessage"] == "Fix 1 security weakness\n\n- a.py:1: one\n"
    assert (found["filesModified"], found["verified"]) == (["a.py"], "tests")
    assert [each["file"] for each in found["fixed"]] == ["a.py"]
    assert found["unfixed"][0]["reason"] == "the fix breaks something: one test fails"


def test_a_patch_that_is_broken_for_an_unknown_reason_proposes_nothing() -> None:
    found = with_verification(RESULT, {"verified": "broken", "reason": "why ever", "breaking": []})
    assert (found["patch"], found["fixed"], found["verified"]) == ("", [], "none")


def test_a_verification_from_hostile_tests_can_take_away_and_say_things_only() -> None:
    forged = {"verified": "certified", "reason": "x" * 9_999, "breaking": ["../../etc"], "patch": "evil"}
    found = with_verification(RESULT, forged)
    assert found["patch"] == ""
    assert found["verified"] == "none"
    assert len(found["verification"]) <= 500


def test_what_could_not_be_verified_says_so() -> None:
    assert not_verified(RESULT, "no jail")["verified"] == "none"
    assert wants_verification({"properties": {"verified": {}}})
    assert not wants_verification({"properties": {}})
