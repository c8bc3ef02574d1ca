"""The compliance checker on repositories: each control on a folder that breaks it, and on one that keeps it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agents.builtin.compliance_checker import agent
from agents.builtin.compliance_checker.audit import repository_controls
from agents.builtin.compliance_checker.repository_checks import REPOSITORY_CHECKS

SHA = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "ghp_" + "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3bC5"
RDS = "Resources:\n  D:\n    Type: AWS::RDS::DBInstance\n    Properties:\n      StorageEncrypted: false\n"
GOOD = {
    "CODEOWNERS": "* @team\n",
    ".github/settings.yml": "branches:\n  - name: main\n    protection:\n      required_pull_request_reviews: {}\n",
    "LICENSE": "Apache License\n",
    "PRIVACY.md": "email: kept for 30 days\n",
    "app.py": 'import logging\nlogging.info("user %s has no email address", user.id)\n',
    "models.py": "class User(Base):\n    email: Mapped[str]\n",
    "requirements.txt": "flask==3.1.0 --hash=sha256:00\n# more\ngit @ git+https://x.example/y@" + SHA + "\n",
    "package.json": '{"dependencies": {"left-pad": "^1"}}',
    "package-lock.json": "{}",
    "Dockerfile": "FROM python@sha256:" + "0" * 64 + " AS build\nFROM build\n",
    ".github/workflows/ci.yml": f"jobs:\n  a:\n    steps:\n      - uses: actions/checkout@{SHA}\n      - uses: ./own\n",
    ".env.example": "API_TOKEN=put-yours-here-please\n",
    "main.tf": 'resource "aws_db_instance" "a" {\n  storage_encrypted = true\n}\nresource "aws_cloudtrail" "b" {\n}\n',
}
BROKEN: dict[str, list[tuple[dict[str, str | None], str]]] = {
    "protected-branch": [
        ({".github/settings.yml": "branches:\n  - name: main\n    protection: null\n"}, ".github/settings.yml")
    ],
    "code-owners": [({"CODEOWNERS": None}, "CODEOWNERS"), ({"CODEOWNERS": "# none\n"}, "CODEOWNERS")],
    "repository-secrets": [
        ({"key.pem": f"-----BEGIN RSA PRIVATE KEY-----\n{'MIIEpAIBAAKCAQEA' * 4}\n"}, "key.pem:1"),
        ({"notes.md": f"\nuse {TOKEN}\n"}, "notes.md:2"),
        ({".env": "DB_PASSWORD=Tr0ub4dor&3x\n"}, ".env:1"),
    ],
    "pinned-dependencies": [
        ({"requirements.txt": "flask\n"}, "requirements.txt:1"),
        ({"requirements-dev.txt": "a==1.0\nb>=2\n"}, "requirements-dev.txt:2"),
        ({"requirements.txt": "flask==3.*\n"}, "requirements.txt:1"),
        ({"package-lock.json": None}, "package.json"),
        ({"go.mod": "module x\nrequire y v1.0.0\n"}, "go.mod"),
        ({"Dockerfile": "FROM python:3.11\n"}, "Dockerfile:1"),
        ({".github/workflows/ci.yml": "a:\n  - uses: actions/checkout@v4\n"}, ".github/workflows/ci.yml:2"),
    ],
    "licence": [({"LICENSE": None}, "LICENSE")],
    "encrypted-storage": [
        ({"main.tf": 'resource "aws_db_instance" "a" {\n  storage_encrypted = false\n}\n'}, "main.tf:2"),
        ({"main.tf": 'resource "aws_s3_bucket" "a" {\n  acl = "public-read"\n}\n'}, "main.tf:2"),
        ({"stack.yaml": RDS}, "stack.yaml:5"),
    ],
    "infrastructure-logs": [
        ({"main.tf": 'resource "aws_cloudtrail" "a" {\n  enable_logging = false\n}\n'}, "main.tf:2"),
    ],
    "personal-data-in-logs": [
        ({"app.py": "logger.info(user.email)\n"}, "app.py:1"),
        ({"app.py": 'print(f"new {customer.date_of_birth}")\n'}, "app.py:1"),
        ({"app.js": "console.log('new', user.phoneNumber, user.email)\n"}, "app.js:1"),
        ({"A.java": 'log.info("x {}", p.ssn);\n'}, "A.java:1"),
    ],
    "personal-data-inventory": [
        ({"PRIVACY.md": None}, "models.py:2"),
        (
            {"PRIVACY.md": None, "models.py": None, "a.sql": "create table p (\n  date_of_birth DATE\n);\n"},
            "a.sql:2",
        ),
    ],
}
CASES = [(rule, change, place) for rule, changes in BROKEN.items() for change, place in changes]


def states(folder: Path, context: Any, files: dict[str, str | None]) -> dict[str, Any]:
    for name, text in files.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    inputs = {"projectId": 1, "standards": ["SOC2", "GDPR", "HIPAA"], "repositoryPath": str(folder)}
    output = agent.execute("auditProject", inputs, context)
    asked = {control.rule for control in repository_controls()}
    return {one["rule"]: one for one in output["controls"] if one["rule"] in asked}


def test_a_well_kept_repository_passes_every_control(tmp_path, context):
    found = states(tmp_path, context, dict(GOOD))

    assert {rule: one["places"] for rule, one in found.items()} == {rule: [] for rule in BROKEN}
    assert {one["state"] for one in found.values()} == {"pass"}


@pytest.mark.parametrize(("rule", "change", "place"), CASES)
def test_a_repository_that_breaks_a_control_is_named_with_its_place(tmp_path, context, rule, change, place):
    found = states(tmp_path, context, {**GOOD, **change})

    assert {name for name, one in found.items() if one["state"] == "fail"} == {rule}
    assert place in found[rule]["places"]


def test_an_empty_repository_is_not_assessed(tmp_path, context):
    found = states(tmp_path, context, {})

    assert {one["state"] for one in found.values()} == {"not-assessed"}


def test_a_secrets_value_is_never_repeated(tmp_path, context):
    (tmp_path / "notes.md").write_text(TOKEN)
    inputs = {"projectId": 1, "standards": ["SOC2"], "repositoryPath": str(tmp_path)}

    assert TOKEN not in str(agent.execute("auditProject", inputs, context))


def test_a_file_name_that_is_no_text_is_written_out(tmp_path, context):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.md")).write_text(TOKEN)
    found = states(tmp_path, context, {})

    assert found["repository-secrets"]["places"] == ["bad\\xff.md:1"]
    str(found).encode()


def test_links_are_not_followed(tmp_path, context):
    outside = tmp_path / "outside"
    outside.write_text("-----BEGIN PRIVATE KEY-----\n")
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "key").symlink_to(outside)

    assert states(folder, context, {"a.py": "x = 1\n"})["repository-secrets"]["state"] == "pass"


def test_every_control_and_every_check_is_tried_above():
    assert {control.rule for control in repository_controls()} == set(BROKEN)
    assert {control.check for control in repository_controls()} == set(REPOSITORY_CHECKS)
