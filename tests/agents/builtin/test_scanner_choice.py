"""What an incremental scan tells, on repositories of every kind; baselines, excludes, severities, SARIF; text files."""

from __future__ import annotations

import json
import logging
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from agents.builtin.scanning import engine
from agents.builtin.scanning.scan import scan
from agents.builtin.security_scanner import agent
from agents.repository.repository_copy import snapshot

WEAK = "def f(x):\n    return eval(x)\n"


@pytest.fixture(autouse=True)
def own_patterns_only(monkeypatch):
    """These tests are about the choice; the engine has its own, and takes longer."""
    monkeypatch.setattr(engine, "program", lambda: None)


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgSign=false")
    command = ["git", "-C", str(folder), *settings, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "first", **{"old.py": WEAK + "\n" * 3 + "a = 1\n" * 30})
    return folder


def commit(folder: Path, message: str, **files: str) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def scanned(folder: Path, context, **inputs) -> dict:
    return agent.execute("scanRepository", {"repositoryPath": str(folder), **inputs}, context)


def told(output: dict) -> list[tuple[str, str]]:
    return [(one["file"], one["rule"]) for one in output["vulnerabilities"]]


@pytest.mark.parametrize("base", ["HEAD~1", "HEAD^", "v1", "main~1"])
def test_incremental_tells_what_the_change_brought(repository, context, base):
    git(repository, "tag", "v1")
    commit(repository, "second", **{"old.py": "import os\n\n" + WEAK + "a = 1\n" * 30 + "exec(b)\n"})

    output = scanned(repository, context, scanType="INCREMENTAL", baseCommit=base)

    assert output["scanType"] == "INCREMENTAL"
    assert told(output) == [("old.py", "py/exec")]
    assert output["known"] == 1


def test_a_rename_brings_nothing(repository, context):
    git(repository, "mv", "old.py", "new.py")
    commit(repository, "rename")

    output = scanned(repository, context, scanType="INCREMENTAL", baseCommit="HEAD~1")

    assert (told(output), output["filesScanned"], output["known"]) == ([], 1, 1)


def test_what_the_base_got_meanwhile_is_not_of_the_change(repository, context):
    git(repository, "checkout", "--quiet", "-b", "feature")
    commit(repository, "feature", **{"mine.py": WEAK})
    git(repository, "checkout", "--quiet", "main")
    commit(repository, "fixed on main", **{"old.py": "a = 1\n"})
    git(repository, "checkout", "--quiet", "feature")

    output = scanned(repository, context, scanType="INCREMENTAL", baseCommit="main")

    assert told(output) == [("mine.py", "py/eval")]


def test_a_second_equal_line_is_new(repository, context):
    commit(repository, "again", **{"old.py": WEAK + WEAK.replace("f(", "g(")})

    assert told(scanned(repository, context, scanType="INCREMENTAL", baseCommit="HEAD~1")) == [
        ("old.py", "py/eval")
    ]


def test_a_baseline_and_a_least_severity_are_counted_and_not_told(repository, context):
    (repository / "b.py").write_text("import random\ntoken = random.random()\n")
    full = scanned(repository, context)
    [known] = [one["fingerprint"] for one in full["vulnerabilities"] if one["rule"] == "py/eval"]

    output = scanned(repository, context, baseline=[known], minSeverity="HIGH")

    assert told(output) == []
    assert output["known"] == 1
    assert output["belowMinSeverity"] == len(full["vulnerabilities"]) - 1


def test_excluded_paths_are_left_out(repository, context):
    (repository / "docs" / "deep").mkdir(parents=True)
    (repository / "docs" / "deep" / "a.py").write_text(WEAK)

    assert told(scanned(repository, context, exclude=["docs/*"])) == [("old.py", "py/eval")]


def test_sarif_is_saved_on_request(repository, context, tmp_path):
    (tmp_path / "saved").mkdir()
    context = replace(context, artifacts_folder=tmp_path / "saved")

    output = scanned(repository, context, sarif=True)

    assert output["sarif"].startswith("artifact:")
    [file] = (tmp_path / "saved").iterdir()
    [run] = json.loads(file.read_text())["runs"]
    assert (
        run["results"][0]["partialFingerprints"]["commandcenter/v1"] == output["vulnerabilities"][0]["fingerprint"]
    )


@pytest.mark.parametrize("kind", ["shared", "worktree"])
def test_a_snapshot_of_a_shared_clone_or_linked_worktree_has_its_history(repository, context, tmp_path, kind):
    commit(repository, "second", **{"new.py": WEAK})
    other = tmp_path / "other"
    if kind == "shared":
        subprocess.run(["git", "clone", "--quiet", "--shared", str(repository), str(other)], check=True)
    else:
        git(repository, "worktree", "add", "--quiet", "--detach", str(other))
    copy = snapshot(other, allowed_roots=[tmp_path], into=tmp_path / "copy")

    output = scanned(copy, context, scanType="INCREMENTAL", baseCommit="HEAD~1")

    assert (output["scanType"], told(output)) == ("INCREMENTAL", [("new.py", "py/eval")])


def test_the_history_of_a_clone_outside_of_the_roots_is_not_followed(repository, context, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    subprocess.run(["git", "clone", "--quiet", "--shared", str(repository), str(inside / "b")], check=True)
    copy = snapshot(inside / "b", allowed_roots=[inside], into=tmp_path / "copy")

    output = scanned(copy, context, scanType="INCREMENTAL", baseCommit="HEAD~1")

    assert output["scanType"] == "FULL"


TEXTS = [
    (".env", "DB_PASSWORD=wq9Zr7-kL2p-xx\n", "secrets/value"),
    ("config/app.yml", "database:\n  password: 'wq9Zr7-kL2p-mm'\n", "secrets/value"),
    ("notes.md", "key ghp_" + "a1B2" * 10 + "\n", "secrets/token"),
    ("Main.java", 'class A { String apiKey = "wq9Zr7kL2pQv81"; }\n', "secrets/value"),
    ("Dockerfile", "FROM node:22\nUSER root\nCMD node\n", "infra/docker-root"),
    ("compose.yaml", "services:\n  a:\n    privileged: true\n", "infra/privileged"),
    ("pod.yaml", "spec:\n  hostNetwork: true\n", "infra/host-namespace"),
    ("main.tf", 'ingress {\n  cidr_blocks = ["0.0.0.0/0"]\n}\n', "infra/open-to-all"),
    (
        ".github/workflows/a.yml",
        "jobs:\n  a:\n    steps:\n      - run: echo ${{ github.event.issue.title }}\n",
        "ci/script-injection",
    ),
]


@pytest.mark.parametrize(("name", "text", "rule"), TEXTS, ids=[rule + " in " + name for name, _, rule in TEXTS])
def test_secrets_and_infrastructure_in_any_text_file(tmp_path, name, text, rule):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)

    assert rule in {one.rule for one in scan(tmp_path, [name], logging.getLogger("test")).vulnerabilities}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("locales/de.json", '{"password": "Passwort123vergessen"}'),
        (".env.example", "DB_PASSWORD=wq9Zr7-kL2p-xx\n"),
        ("app.yml", "password: ${DB_PASSWORD}\ntoken: changeme-please\nsecretName: database-secret\n"),
        ("package-lock.json", '{"integrity": "sha512-abcdefghij1234567890", "token": "abcd1234efgh"}'),
        ("Dockerfile", "FROM node:22@sha256:abc\nUSER app\nCMD node\n"),
        (".github/workflows/a.yml", "steps:\n  - env:\n      TITLE: ${{ github.event.issue.title }}\n"),
        ("i.js", 'fetch("/api", { credentials: "include" });\nconst i18n = { password: "Passwort" };\n'),
    ],
)
def test_placeholders_texts_and_sound_infrastructure_are_left_alone(tmp_path, name, text):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)

    assert scan(tmp_path, [name], logging.getLogger("test")).vulnerabilities == ()
