"""Documents name files that exist, the glossary is short and kept to, and the built site needs no network."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [path.parent.name for path in ROOT.glob("*/py.typed")]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CHANGES = (
    "A trigger type",
    "A sandbox backend",
    "A command",
    "A keyword of the language",
    "A metric",
    "A column",
    "An agent that ships",
    "A channel for approvals",
    "A console page",
    "A risk rule",
)
# From the table of words: what replaced them is in docs/glossary.md.
RETIRED = {
    "announcements",
    "attendance",
    "desk",
    "frontier",
    "mend",
    "rehearsal",
    "resumption",
    "unbroken",
    "upkeep",
    "wakeup",
    "walk",
}


def paths_in(text: str) -> list[str]:
    """What looks like a path of this repository, in backquotes."""
    quoted = re.findall(r"`([\w.-]+(?:/[\w.-]+)*/?)`", text)
    # What a user's platform keeps beside the checkout (`make demo`) is no path of the repository.
    top = {path.name for path in ROOT.iterdir()} - {".commandcenter"}
    return [path for path in quoted if "/" in path and path.split("/")[0] in top]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "README.md", "docs/architecture.md"])
def test_a_path_that_a_page_names_exists(page: str) -> None:
    found = paths_in((ROOT / page).read_text())
    assert found
    assert [path for path in found if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda page: page.stem)
def test_a_path_that_a_decision_names_exists(page: Path) -> None:
    found = paths_in(page.read_text())
    assert found or page.stem == "index"
    assert [path for path in found if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_a_relative_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_contributing_says_for_each_of_ten_changes_which_files_in_order() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for change in CHANGES:
        section = text.split(f"### {change}\n")[1].split("\n#")[0]
        assert len(re.findall(r"^\d\. ", section, re.MULTILINE)) >= 3, change
        assert len(paths_in(section)) >= 3, change


def test_the_glossary_has_thirty_words_at_most_and_each_once() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    words = [line.split("|")[1].strip() for line in lines if line.startswith("| ") and "| meaning |" not in line]
    assert 20 <= len(words) <= 30
    assert len(set(words)) == len(words)


def words_of(name: str) -> set[str]:
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def test_no_module_class_or_function_takes_a_retired_word() -> None:
    found: list[str] = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            where = path.relative_to(ROOT).as_posix()
            if words_of(path.stem) & RETIRED:
                found.append(where)
            for node in ast.walk(ast.parse(path.read_text())):
                is_named = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                if is_named and words_of(node.name) & RETIRED:
                    found.append(f"{where}:{node.lineno} {node.name}")
    assert not found
    assert words_of("DryRun_ofWalk") & RETIRED == {"walk"}


@pytest.mark.server
def test_the_documentation_builds_without_warnings_and_loads_nothing_from_other_hosts(tmp_path: Path) -> None:
    mkdocs = shutil.which("mkdocs", path=str(Path(sys.executable).parent))
    if mkdocs is None:
        pytest.skip("the extra `docs` is not installed: make docs")
    command = [mkdocs, "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    loads = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"']?https?://")
    assert [page.name for page in pages if loads.search(page.read_text())] == []
