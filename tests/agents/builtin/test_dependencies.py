"""Vulnerable packages: what lock files name, which versions an advisory is about, and what a scan tells of it."""

from __future__ import annotations

import http.server
import itertools
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.builtin.dependencies.advisory import read_advisory
from agents.builtin.dependencies.cvss import base_score
from agents.builtin.dependencies.dependency import Dependency, NotALockFile
from agents.builtin.dependencies.lock_files import read_lock_file
from agents.builtin.dependencies.versions import key_of, same_major
from agents.builtin.security_scanner import agent
from agents.repository.git import Git
from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.port import AgentRequest, Mount
from agents.sdk import Context

LOCK_FILES = {
    "requirements.txt": (
        "# pins\n-r base.txt\nDjango[argon2]==3.2.1 ; python_version>'3' \\\n    --hash=sha256:aa\nflask>=2\n",
        [("PyPI", "django", "3.2.1", 3)],
    ),
    "requirements/dev.txt": ("pytest==8.0.0\n", [("PyPI", "pytest", "8.0.0", 1)]),
    "poetry.lock": (
        '[[package]]\nname = "Jinja2"\nversion = "3.0.0"\n\n[[package]]\nname = "own"\nversion = "1"\n'
        '[package.source]\ntype = "git"\nurl = "x"\n',
        [("PyPI", "jinja2", "3.0.0", 2)],
    ),
    "uv.lock": (
        'version = 1\n[[package]]\nname = "urllib3"\nversion = "1.26.4"\nsource = { registry = "https://x/simple" }\n'
        '[[package]]\nname = "me"\nversion = "0.1"\nsource = { virtual = "." }\n',
        [("PyPI", "urllib3", "1.26.4", 3)],
    ),
    "Cargo.lock": (
        '[[package]]\nname = "me"\nversion = "0.1.0"\n\n[[package]]\nname = "time"\nversion = "0.1.43"\n'
        'source = "registry+https://github.com/rust-lang/crates.io-index"\n',
        [("crates.io", "time", "0.1.43", 6)],
    ),
    "package-lock.json": (
        json.dumps(
            {
                "lockfileVersion": 3,
                "packages": {
                    "": {"name": "me", "version": "1.0.0"},
                    "node_modules/@scope/kit": {"version": "1.0.0"},
                    "node_modules/a/node_modules/lodash": {"version": "4.17.15"},
                    "node_modules/linked": {"link": True, "resolved": "packages/linked"},
                    "packages/linked": {"version": "1.0.0"},
                },
            },
            indent=1,
        ),
        [("npm", "@scope/kit", "1.0.0", 8), ("npm", "lodash", "4.17.15", 11)],
    ),
    "npm-shrinkwrap.json": (
        '{"dependencies": {\n"lodash": {\n"version": "4.17.15",\n"dependencies": {\n"minimist": {\n'
        '"version": "0.0.8"}}}}}',
        [("npm", "lodash", "4.17.15", 2), ("npm", "minimist", "0.0.8", 5)],
    ),
    "pnpm-lock.yaml": (
        "lockfileVersion: '9.0'\npackages:\n\n  '@scope/kit@1.0.0':\n    resolution: {integrity: x}\n\n"
        "  lodash@4.17.15:\n    resolution: {integrity: x}\n  /old/2.0.0:\n    dev: true\n  "
        "/peer@1.2.3(react@18.0.0):\n    dev: true\n",
        [
            ("npm", "@scope/kit", "1.0.0", 4),
            ("npm", "lodash", "4.17.15", 7),
            ("npm", "old", "2.0.0", 9),
            ("npm", "peer", "1.2.3", 11),
        ],
    ),
    "yarn.lock": (
        '# yarn lockfile v1\n\n"@scope/kit@^1.0.0":\n  version "1.0.1"\n\nlodash@^4.0.0, lodash@^4.17.0:\n'
        '  version "4.17.15"\n  resolved "x"\n\n"mine@workspace:.":\n  version: 0.0.0\n\n'
        '"ms@npm:^2.0.0":\n  version: 2.0.0\n  resolution: "ms@npm:2.0.0"\n',
        [("npm", "@scope/kit", "1.0.1", 3), ("npm", "lodash", "4.17.15", 6), ("npm", "ms", "2.0.0", 13)],
    ),
    "go.mod": (
        "module example.org/me\n\ngo 1.21.0\n\nrequire golang.org/x/text v0.3.5\n\nrequire (\n"
        "\tgithub.com/gin-gonic/gin v1.6.3 // indirect\n)\n\nreplace (\n\tgolang.org/x/net v1.0.0 => ../net\n)\n",
        [
            ("Go", "stdlib", "1.21.0", 3),
            ("Go", "golang.org/x/text", "0.3.5", 5),
            ("Go", "github.com/gin-gonic/gin", "1.6.3", 8),
        ],
    ),
    "go.sum": (
        "golang.org/x/text v0.3.5 h1:x=\ngolang.org/x/text v0.3.5/go.mod h1:y=\n",
        [("Go", "golang.org/x/text", "0.3.5", 1)],
    ),
    "Gemfile.lock": (
        "PATH\n  remote: .\n  specs:\n    own (1.0)\n\nGEM\n  remote: https://rubygems.org/\n  specs:\n"
        "    rails (5.2.0)\n      actionpack (= 5.2.0)\n    nokogiri (1.10.0-x86_64-linux)\n\nDEPENDENCIES\n  rails\n",
        [("RubyGems", "rails", "5.2.0", 9), ("RubyGems", "nokogiri", "1.10.0", 11)],
    ),
    "composer.lock": (
        json.dumps({"packages": [{"name": "a/b", "version": "v1.2.0"}], "packages-dev": []}, indent=1),
        [("Packagist", "a/b", "1.2.0", 4)],
    ),
    "pom.xml": (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n<properties><v.log>2.14.1</v.log></properties>\n'
        "<dependencies>\n<dependency>\n<groupId>org.apache</groupId>\n<artifactId>log</artifactId>\n"
        "<version>${v.log}</version>\n</dependency>\n<dependency><groupId>g</groupId>"
        "<artifactId>managed</artifactId></dependency></dependencies></project>",
        [("Maven", "org.apache:log", "2.14.1", 6)],
    ),
}


@pytest.mark.parametrize("name", LOCK_FILES)
def test_a_lock_file_is_read_with_the_line_of_each_package(name: str) -> None:
    text, expected = LOCK_FILES[name]
    found = read_lock_file(name, text)
    assert [(each.ecosystem, each.name, each.version, each.line) for each in found.dependencies] == expected
    told = {"requirements.txt": "flask is not pinned", "pom.xml": "g:managed has no version"}.get(name, "")
    assert [told in each for each in found.unknown] == ([True] if told else [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package-lock.json", "[]"),
        ("package-lock.json", '{"packages": {"node_modules/x": 3}}'),
        ("package-lock.json", '{"dependencies": ' + '{"a": {"dependencies": ' * 400 + "{}" + "}}" * 400 + "}"),
        ("poetry.lock", "[[package]]\n"),
        ("uv.lock", "= broken"),
        ("pnpm-lock.yaml", "a: &a [x]\npackages: {b: *a}"),
        ("pom.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><project>&a;</project>'),
        ("pom.xml", "<project>"),
        ("composer.lock", '{"packages": [{"name": "x"}]}'),
    ],
)
def test_what_is_no_lock_file_is_refused(name: str, text: str) -> None:
    with pytest.raises(NotALockFile):
        read_lock_file(name, text)


@pytest.mark.parametrize(
    ("ecosystem", "versions"),
    [
        ("PyPI", "1.0.dev1 1.0a1 1.0rc1 1.0 1.0.post1 1.0.1 1.10 2!0.1"),
        ("npm", "1.0.0-alpha 1.0.0-alpha.1 1.0.0-beta.2 1.0.0-beta.11 1.0.0 1.2.0 1.10.0"),
        ("Go", "v0.0.0-20200101000000-abcdef 0.3.5 v0.3.7 1.0.0+incompatible"),
        ("Maven", "1-alpha1 1-beta2 1.0-rc1 1-SNAPSHOT 1.0 1-sp 1.0.1 1.2 1.10"),
        ("RubyGems", "1.0.a 1.0.b2 1.0.rc1 1.0 1.0.1 1.10"),
        ("Packagist", "1.0.0-dev 1.0-alpha 1.0-beta2 1.0-RC1 1.0 1.0-pl1 1.0.1 1.10"),
    ],
)
def test_versions_are_ordered_by_the_rules_of_their_ecosystem(ecosystem: str, versions: str) -> None:
    keys: list[Any] = [key_of(ecosystem, each) for each in versions.split()]
    assert all(key is not None for key in keys)
    for position, (one, other) in enumerate(itertools.pairwise(keys)):
        assert one < other, versions.split()[position : position + 2]
        assert not other < one
    assert key_of(ecosystem, "not a version") is None


def test_equal_versions_are_equal_however_they_are_written() -> None:
    for ecosystem, one, other in (
        ("PyPI", "1.0", "1.0.0"),
        ("Maven", "1.0.0.Final", "1"),
        ("RubyGems", "1.0", "1.0.0"),
        ("Packagist", "v1.0", "1.0.0"),
        ("Go", "v1.2.3", "1.2.3"),
    ):
        assert key_of(ecosystem, one) == key_of(ecosystem, other)
    assert same_major("npm", "4.17.15", "4.17.21")
    assert not same_major("npm", "0.1.0", "0.2.0")
    assert not same_major("PyPI", "1.9", "2.0")


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:L/A:N", 1.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N", None),
        ("CVSS:4.0/AV:N/AC:L", None),
        ("", None),
    ],
)
def test_a_vector_has_the_score_of_the_standard(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


LODASH = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2099-0001"],
    "summary": "Command injection\nin template",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H"}],
    "database_specific": {"cwe_ids": ["CWE-94"], "severity": "HIGH"},
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "lodash"},
            "ranges": [
                {
                    "type": "SEMVER",
                    "events": [
                        {"introduced": "0"},
                        {"fixed": "3.10.2"},
                        {"introduced": "4.0.0"},
                        {"fixed": "4.17.21"},
                    ],
                }
            ],
        }
    ],
}
SAME = {**LODASH, "id": "OTHER-1", "severity": [], "aliases": ["CVE-2099-0001", "GHSA-aaaa-bbbb-cccc"]}
LAST = {
    "id": "PYSEC-2099-2",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Django"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "3.0"}, {"last_affected": "3.2.1"}]}],
            "versions": ["1.11.29"],
        }
    ],
}


def lodash(version: str) -> Dependency:
    return Dependency(ecosystem="npm", name="lodash", version=version, line=1)


def test_ranges_are_evaluated_as_the_schema_of_osv_says() -> None:
    found = read_advisory(LODASH)
    assert found is not None
    expected = {
        "3.10.1": True,
        "3.10.2": False,
        "4.0.0-rc.1": False,
        "4.0.0": True,
        "4.17.20": True,
        "4.17.21": False,
    }
    assert {version: found.concerns(lodash(version)) for version in expected} == expected
    assert [found.fixed_in(lodash(each)) for each in ("3.0.0", "4.1.0")] == ["3.10.2", "4.17.21"]
    assert (found.shown, found.severity, found.score, found.cwe) == ("CVE-2099-0001", "HIGH", 7.2, "CWE-94")
    last = read_advisory(LAST)
    assert last is not None
    expected = {"2.9": False, "3.0": True, "3.2.1": True, "3.2.2": False, "1.11.29": True, "1.11.28": False}
    for version, affected in expected.items():
        assert last.concerns(Dependency(ecosystem="PyPI", name="django", version=version, line=1)) is affected, (
            version
        )
    assert read_advisory({**LAST, "withdrawn": "2099-01-01T00:00:00Z"}) is None
    assert read_advisory({"id": "../../x", "affected": []}) is None


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with lock files, and a folder of advisories beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    advisories = tmp_path / "advisories" / "npm"
    advisories.mkdir(parents=True)
    (advisories / "one.json").write_text(json.dumps(LODASH))
    (advisories / "same.json").write_text(json.dumps(SAME))
    (advisories.parent / "list.json").write_text(json.dumps([LAST]))
    (advisories.parent / "broken.json").write_text("{")
    (folder / "package-lock.json").write_text(lock("4.17.15"))
    (folder / "requirements.txt").write_text("django==3.2.1\nflask\n")
    git = Git(folder=folder)
    git.run("init", "--quiet")
    commit(folder)
    return folder


def lock(*versions: str) -> str:
    names = ("lodash", "other", "third")
    packages = {
        f"node_modules/{name}": {"version": version} for name, version in zip(names, versions, strict=False)
    }
    return json.dumps({"lockfileVersion": 3, "packages": packages}, indent=1)


def commit(folder: Path) -> None:
    git = Git(folder=folder)
    git.run("add", "--all")
    git.run("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "x")


def scan(folder: Path, context: Context, **inputs: Any) -> dict[str, Any]:
    given = {"repositoryPath": str(folder), "advisoriesPath": str(folder.parent / "advisories"), **inputs}
    return agent.execute("scanRepository", given, context)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    place = tmp_path / "tmp"
    place.mkdir()
    return Context(tmp=place, env={}, log=logging.getLogger("test"))


@pytest.mark.server
def test_a_scan_tells_what_is_vulnerable_with_its_place_severity_and_the_version_that_mends_it(
    project: Path, context: Context
) -> None:
    output = scan(project, context)
    found = [(one["file"], one["line"], one["cve"], one["severity"]) for one in output["vulnerabilities"]]
    assert found == [
        ("package-lock.json", 4, "CVE-2099-0001", "HIGH"),
        ("requirements.txt", 1, "PYSEC-2099-2", "MEDIUM"),
    ], "two entries of one vulnerability are one finding"
    one = output["vulnerabilities"][0]
    assert one["upgrade"] == {
        "ecosystem": "npm",
        "package": "lodash",
        "installed": "4.17.15",
        "fixedIn": "4.17.21",
    }
    assert one["description"] == (
        "lodash 4.17.15 (npm): Command injection in template (CVE-2099-0001, GHSA-aaaa-bbbb-cccc, CVSS 7.2)"
    )
    assert output["vulnerabilities"][1]["upgrade"]["fixedIn"] is None
    assert (output["dependencies"], output["advisories"]) == (2, "a folder with 3 advisories")
    assert [(each["file"], "flask is not pinned" in each["reason"]) for each in output["notScanned"]] == [
        ("requirements.txt", True)
    ]
    baseline = [one["fingerprint"] for one in output["vulnerabilities"]]
    assert scan(project, context, baseline=baseline)["summary"]["total"] == 0
    assert scan(project, context, minSeverity="HIGH")["belowMinSeverity"] == 1


@pytest.mark.server
def test_a_change_tells_only_what_it_brought(project: Path, context: Context) -> None:
    change = {"scanType": "INCREMENTAL", "baseCommit": "HEAD~1"}
    (project / "package-lock.json").write_text(lock("4.17.16", "1.0.0"))
    commit(project)
    output = scan(project, context, **change)
    assert (output["scanType"], output["vulnerabilities"], output["known"]) == ("INCREMENTAL", [], 1)
    (project / "web").mkdir()
    (project / "package-lock.json").rename(project / "web" / "package-lock.json")
    commit(project)
    assert scan(project, context, **change)["vulnerabilities"] == [], "a rename brings nothing"
    (project / "requirements.txt").write_text("django==1.11.29\n")
    (project / "yarn.lock").write_text('lodash@^4:\n  version "4.17.20"\n')
    commit(project)
    brought = scan(project, context, **change)["vulnerabilities"]
    assert [one["file"] for one in brought] == ["yarn.lock"]


@pytest.mark.server
def test_what_was_not_looked_up_is_said_with_the_way_to_do_it(
    project: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    output = scan(project, context, advisoriesPath=None)
    assert (output["dependencies"], output["advisories"]) == (0, "")
    reasons = {each["file"]: each["reason"] for each in output["notScanned"]}
    assert set(reasons) == {"package-lock.json", "requirements.txt"}
    assert "give the node `network: [api.osv.dev:443]`" in reasons["package-lock.json"]
    (project / "package-lock.json").write_text("[]")
    assert "its packages are not known" in scan(project, context)["notScanned"][0]["reason"]


@pytest.fixture
def osv() -> Iterator[tuple[str, list[str]]]:
    """An end that answers as OSV's API does, and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            asked.append(" ".join(f"{each['package']['name']}@{each['version']}" for each in queries))
            results: list[dict[str, Any]] = []
            for each in queries:
                second = each.get("page_token") == "more"
                known = {"lodash": [{"id": "GHSA-aaaa-bbbb-cccc"}]}.get(each["package"]["name"], [])
                results.append({"vulns": known} if second or not known else {"next_page_token": "more"})
            self.answer({"results": results})

        def do_GET(self) -> None:
            asked.append(self.path)
            self.answer(LODASH)

        def answer(self, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.server
def test_the_api_is_asked_in_batches_page_by_page_and_once_for_each_advisory(
    project: Path, context: Context, osv: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = osv
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (project / "yarn.lock").write_text('lodash@^4:\n  version "4.17.20"\n')
    by_api = Context(tmp=context.tmp, env={"OSV_API_URL": url}, log=context.log)
    output = scan(project, by_api, advisoriesPath=None)
    assert {(one["file"], one["upgrade"]["fixedIn"]) for one in output["vulnerabilities"]} == {
        ("package-lock.json", "4.17.21"),
        ("yarn.lock", "4.17.21"),
    }
    assert sorted(asked) == sorted(
        [
            "lodash@4.17.15 django@3.2.1 lodash@4.17.20",
            "lodash@4.17.15 lodash@4.17.20",
            "/v1/vulns/GHSA-aaaa-bbbb-cccc",
        ]
    )
    monkeypatch.setenv("NO_PROXY", "")
    refused = Context(tmp=context.tmp, env={"OSV_API_URL": "http://127.0.0.1:9"}, log=context.log)
    assert "did not answer" in scan(project, refused, advisoriesPath=None)["notScanned"][0]["reason"]


@pytest.mark.jail
async def test_in_the_jail_the_api_is_reached_only_where_the_node_names_it(
    project: Path, osv: tuple[str, list[str]]
) -> None:
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    url, asked = osv
    host = url.removeprefix("http://")

    async def scanned(*network: str) -> dict[str, Any]:
        request = AgentRequest(
            run_id="run",
            node_id="scan",
            entry_path="agents.builtin.security_scanner",
            action="scanRepository",
            inputs={"repositoryPath": "/work/repositoryPath"},
            result_schema=None,
            settings={"OSV_API_URL": url},
            network=network,
            mounts=(Mount(name="repositoryPath", source=project),),
        )
        result = await sandbox.run(request, on_log=lambda line: None)
        assert result.ok, result.failure
        return result.output

    sandbox = BubblewrapSandbox()
    try:
        output = await scanned(host)
        assert [one["cve"] for one in output["vulnerabilities"]] == ["CVE-2099-0001"]
        assert (output["advisories"], output["dependencies"]) == (host, 2)
        asked.clear()
        for network in ((), ("127.0.0.1:9",)):
            output = await scanned(*network)
            assert (output["vulnerabilities"], output["advisories"], asked) == ([], "", [])
            assert f"give the node `network: [{host}]`" in output["notScanned"][0]["reason"]
    finally:
        await sandbox.close()
