"""Vulnerable packages: upgraded where that is safe, else left with what a person may do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.builtin.patcher import agent
from agents.builtin.patcher.upgrades import upgrade_all
from agents.builtin.scanning.vulnerability import Upgrade, Vulnerability
from agents.repository.git import Git
from agents.sdk import Context

POM = """\
<project><dependencies>
<dependency><groupId>org.a</groupId><artifactId>log</artifactId><version>2.14.1</version></dependency>
<dependency><groupId>org.b</groupId><artifactId>log</artifactId><version>2.14.1</version></dependency>
<dependency><groupId>org.c</groupId><artifactId>kit</artifactId><version>${kit}</version></dependency>
</dependencies></project>
"""


def finding(
    package: str, installed: str, fixed: str | None, *, line: int = 1, ecosystem: str = "PyPI", cve: str = "CVE-1"
) -> Vulnerability:
    return Vulnerability(
        severity="HIGH",
        cve=cve,
        rule=f"dependency/{cve}",
        file="a",
        line=line,
        description="d",
        recommendation="r",
        upgrade=Upgrade(ecosystem=ecosystem, package=package, installed=installed, fixed_in=fixed),
    )


def test_one_step_mends_all_findings_of_a_package() -> None:
    text = "# pins\nDjango[argon2] == 3.2.1 ; python_version > '3'  # why\nflask==2.0.0\n"
    found = [finding("django", "3.2.1", each, line=2, cve=each) for each in ("3.2.10", "3.2.9")]
    done = upgrade_all("requirements/base.txt", text, [*found, finding("flask", "2.0.0", "2.2.5", line=3)])
    assert done.text == "# pins\nDjango[argon2] == 3.2.10 ; python_version > '3'  # why\nflask==2.2.5\n"
    assert [what for _, what in done.fixed] == [
        "upgrade django from 3.2.1 to 3.2.10",
        "upgrade django from 3.2.1 to 3.2.10",
        "upgrade flask from 2.0.0 to 2.2.5",
    ]
    assert done.left == ()


@pytest.mark.parametrize(
    ("file", "text", "one", "says"),
    [
        ("requirements.txt", "django==3.2.1\n", finding("django", "3.2.1", "4.0"), "another major version"),
        ("requirements.txt", "kit==0.1.0\n", finding("kit", "0.1.0", "0.2.0"), "another major version"),
        ("requirements.txt", "django==3.2.1\n", finding("django", "3.2.1", None), "no version of django without"),
        (
            "requirements.txt",
            "django==3.2.1 --hash=sha256:a\n",
            finding("django", "3.2.1", "3.2.9"),
            "pins hashes",
        ),
        (
            "requirements.txt",
            "django==3.2.2\n",
            finding("django", "3.2.1", "3.2.9"),
            "does not pin django to 3.2.1",
        ),
        (
            "requirements.txt",
            "flask==3.2.1\n",
            finding("django", "3.2.1", "3.2.9"),
            "does not pin django to 3.2.1",
        ),
        ("requirements.txt", "\n", finding("django", "3.2.1", "3.2.9", line=9), "has changed since"),
        ("requirements.txt", "x==1\n", finding("x\n--index-url evil", "1", "1.1"), "not one that a file may hold"),
        ("requirements.txt", "x==1\n", finding("x", "1", "1.1; evil"), "no version of x without"),
        (
            "package-lock.json",
            "{}",
            finding("lodash", "4.1.0", "4.2.0", ecosystem="npm"),
            "run `npm update lodash`",
        ),
        ("uv.lock", "", finding("a", "1.0", "1.1"), "run `uv lock --upgrade-package a==1.1`"),
        ("go.mod", "", finding("a.org/b", "1.0.0", "1.1.0", ecosystem="Go"), "run `go get a.org/b@v1.1.0`"),
        ("pom.xml", POM, finding("org.c:kit", "2.14.1", "2.15.0", ecosystem="Maven"), "comes from a property"),
    ],
)
def test_what_is_not_safe_is_left_with_the_reason(file: str, text: str, one: Vulnerability, says: str) -> None:
    done = upgrade_all(file, text, [one])
    assert done.text == text
    assert [says in reason for _, reason in done.left] == [True], done.left


def test_a_version_in_a_pom_is_changed_for_the_package_alone() -> None:
    done = upgrade_all("pom.xml", POM, [finding("org.a:log", "2.14.1", "2.17.1", ecosystem="Maven")])
    assert done.text == POM.replace("2.14.1", "2.17.1", 1)


@pytest.mark.server
def test_an_upgrade_is_part_of_the_patch_beside_the_fixes_of_code(tmp_path: Path, context: Context) -> None:
    git = Git(folder=tmp_path)
    git.run("init", "--quiet")
    (tmp_path / "requirements.txt").write_text("django==3.2.1\n")
    (tmp_path / "app.py").write_text("import yaml\n\n\ndef f(x):\n    return yaml.load(x, Loader=yaml.Loader)\n")
    git.run("add", "--all")
    git.run("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "x")
    code: dict[str, Any] = {
        "severity": "HIGH",
        "rule": "py/unsafe-yaml",
        "file": "app.py",
        "line": 5,
        "description": "d",
        "recommendation": "r",
    }
    package = finding("django", "3.2.1", "3.2.10").model_copy(update={"file": "requirements.txt"})
    inputs = {"repositoryPath": str(tmp_path), "vulnerabilities": [package.model_dump(by_alias=True), code]}
    output = agent.execute("suggestFix", inputs, context)
    assert output["filesModified"] == ["app.py", "requirements.txt"], output["unfixed"]
    assert "+django==3.2.10" in output["patch"]
    assert "yaml.safe_load" in output["patch"] or "SafeLoader" in output["patch"]
    assert output["estimatedImpact"] == "MEDIUM", "somebody has to install the new version"
