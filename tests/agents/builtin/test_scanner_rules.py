"""The rules on labelled files: each line that says `finds:` is found, and no other line is. And rules that are data."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import pytest

from agents.builtin.scanning import engine, flow, text_scan
from agents.builtin.scanning.places import place_of
from agents.builtin.scanning.rules import languages, load
from agents.builtin.scanning.scan import Scan, scan
from agents.builtin.scanning.secret_names import looks_secret
from agents.builtin.scanning.source_files import SourceFile

LOG = logging.getLogger("test")
CASES = Path(__file__).parent / "scanner_cases"
LABEL = re.compile(r"finds: ([\w/-]+)")
needs_engine = pytest.mark.skipif(engine.program() is None, reason="the engine is not installed (make setup)")


def scanned(folder: Path, **files: str) -> Scan:
    names = []
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        names.append(name)
    return scan(folder, names, LOG)


@needs_engine
@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("*.txt")))
def test_labelled_lines_are_found_and_no_others(tmp_path, case):
    name = case.removesuffix(".txt").replace("__", "/")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(CASES / case, tmp_path / name)
    lines = (CASES / case).read_text().split("\n")
    expected = {(number, rule) for number, line in enumerate(lines, 1) for rule in LABEL.findall(line)}

    done = scan(tmp_path, [name], LOG)

    found = {(one.line, one.rule) for one in done.vulnerabilities}
    assert expected - found == set(), "missed"
    assert {line for line, _ in found} - {line for line, _ in expected} == set(), "false alarms"


@needs_engine
def test_a_finding_tells_the_way_from_source_to_sink(tmp_path):
    text = "from flask import request, redirect\ndef f():\n    to = request.args['to']\n    return redirect(to)\n"

    [one] = scanned(tmp_path, **{"a.py": text}).vulnerabilities

    assert (one.rule, one.line, one.confidence) == ("py/open-redirect", 4, "high")
    assert [step.line for step in one.flow] == [3, 4]


@pytest.mark.parametrize(
    "text",
    [
        'const exec = require("child_process").exec;\nmodule.exports = (q) => exec("ping " + q.host);\n',
        'const cp = require("child_process"); const run = cp.exec;\nmodule.exports = (q) => run("ping " + q.host);\n',
        'const u = require("util"), cp = require("child_process"); const go = u.promisify(cp.exec);\ngo("ls " + x);\n',
        'const cp = await import("child_process");\nexport const f = (q) => cp.exec("ping " + q.host);\n',
        'import { exec as run } from "child_process";\nconst sh = util.promisify(run);\nsh(`a ${b}`);\n',
    ],
)
def test_names_for_exec_are_followed(tmp_path, text):
    assert "js/shell-injection" in {one.rule for one in scanned(tmp_path, **{"a.js": text}).vulnerabilities}


def test_queries_of_a_project_without_documents_are_none_of_them(tmp_path):
    text = "router.get('/u', async (req, res) => { res.json(await query.user.find({ id: req.query.id })); });\n"
    (tmp_path / "tables").mkdir()
    (tmp_path / "documents").mkdir()

    tables = scanned(tmp_path / "tables", **{"a.js": text, "package.json": '{"dependencies": {"knex": "3.1.0"}}'})
    documents = scanned(tmp_path / "documents", **{"a.js": text, "b.js": "const db = require('mongoose');\n"})

    assert "js/nosql-injection" not in {one.rule for one in tables.vulnerabilities}
    assert "js/nosql-injection" in {one.rule for one in documents.vulnerabilities}


def test_without_the_engine_the_scan_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "program", lambda: None)

    done = scanned(tmp_path, **{"a.py": "eval(x)\n", "A.java": "class A {}\n"})

    assert done.engine == ""
    assert [one.rule for one in done.vulnerabilities] == ["py/eval"]
    assert [(one.file, "engine" in one.reason) for one in done.not_scanned] == [("A.java", True)]


def test_a_file_on_which_the_engine_fails_is_said_to_be_scanned_in_part(tmp_path, monkeypatch):
    broken = tmp_path / "engine"
    broken.write_text("#!/bin/sh\nexit 2\n")
    broken.chmod(0o755)
    monkeypatch.setattr(engine, "program", lambda: broken)

    done = scanned(tmp_path, **{"a.py": "eval(x)\n", "b.py": "x = 1\n"})

    assert [one.rule for one in done.vulnerabilities] == ["py/eval"]
    assert {one.file for one in done.not_scanned} == {"a.py", "b.py"}


def test_rules_are_complete():
    assert languages() == set(engine.LANGUAGES.values())
    for rule in load().values():
        assert rule.rule.cwe.startswith("CWE-")
        assert rule.rule.description
        assert rule.rule.recommendation


def test_what_evaluates_its_own_text_is_looked_at_within_bounds(tmp_path):
    names = [f"x{number}" for number in range(300)]
    lines = [
        f"    {one} = {names[(number * 7 + 1) % 300]} + {names[(number * 5 + 2) % 300]}"
        for number, one in enumerate(names)
    ]
    text = "def f():\n" + "\n".join(lines * 3) + "\n    eval(x0)\n"

    assert [one.rule for one in scanned(tmp_path, **{"a.py": text}).vulnerabilities] == ["py/eval"]


def test_a_script_on_a_few_long_lines_is_taken_for_generated_and_one_written_by_hand_is_not():
    assert place_of("public/app.js", "var a=1;" * 1_000) == "generated"
    assert place_of("public/app.js", "var a = 1;\n" * 1_000) == "production"


@pytest.mark.parametrize(
    ("name", "text", "rules"),
    [
        ("appveyor.yml", "environment:\n  PGPASSWORD: Password12!\n", []),
        ("appveyor.yml", "environment:\n  DEPLOY_TOKEN: k9Qz7Lw2Vx5Tn8Rb3Yd6\n", ["secrets/value"]),
        ("deploy/app.yml", "environment:\n  PGPASSWORD: Password12!\n", ["secrets/value"]),
        ("tools/list.py", "import requests\nrequests.get(u)\n", []),
        ("app/list.py", "import requests\nrequests.get(u)\n", ["py/request-without-timeout"]),
        ("Dockerfile", 'FROM a:1\nENTRYPOINT ["/a"]\nCMD ["b"]\n', ["infra/docker-no-user"]),
    ],
)
def test_what_a_pipeline_or_developers_start_for_themselves_is_of_no_weight(tmp_path, name, text, rules):
    done = scanned(tmp_path, **{name: text, "main.py": "a = 1\n"})

    assert [one.rule for one in done.vulnerabilities] == rules


def test_findings_in_tests_are_marked_and_lowered(tmp_path):
    done = scanned(tmp_path, **{"tests/test_a.py": "eval(x)\n", "a.py": "eval(x)\n", "vendor/b.js": "eval(x)\n"})

    rated = {one.file: (one.place, one.severity) for one in done.vulnerabilities}
    assert rated == {
        "a.py": ("production", "CRITICAL"),
        "tests/test_a.py": ("test", "LOW"),
        "vendor/b.js": ("vendored", "MEDIUM"),
    }


def test_a_fingerprint_survives_moved_lines_and_differs_for_equal_lines(tmp_path):
    before = scanned(tmp_path, **{"a.py": "eval(x)\neval(x)\n"}).vulnerabilities
    after = scanned(tmp_path, **{"a.py": "import os\n\n\neval( x )\neval(x)\n"}).vulnerabilities

    assert len({one.fingerprint for one in before}) == 2
    assert {one.fingerprint for one in before} == {one.fingerprint for one in after}


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("eval(x)  # scan-ignore: py/eval -- x is made by us", True),
        ("eval(x)  # scan-ignore -- x is made by us", True),
        ("eval(x)  # scan-ignore: py/weak-hash -- another rule", False),
        ("eval(x)  # scan-ignore", False),
        ("eval(x)  # nosec -- x is made by us", True),
    ],
)
def test_a_suppression_counts_only_with_its_reason_and_is_reported(tmp_path, line, accepted):
    done = scanned(tmp_path, **{"a.py": line + "\n"})

    assert [one.rule for one in done.vulnerabilities] == ([] if accepted else ["py/eval"])
    assert [reason for _, reason in done.suppressed] == (["x is made by us"] if accepted else [])


def test_kinds_that_say_nothing_in_tests_are_counted_and_not_told(tmp_path):
    text = "import requests\nrequests.get(u, verify=False)\neval(x)\n"
    done = scanned(tmp_path, **{"tests/test_a.py": text, "a.py": text})

    assert {one.rule for one in done.vulnerabilities if one.file == "tests/test_a.py"} == {"py/eval"}
    assert "py/tls-verification-off" in {one.rule for one in done.vulnerabilities if one.file == "a.py"}
    assert done.of_no_weight >= 1


def test_a_tests_own_keys_and_objects_are_counted_and_not_told_but_a_services_token_is(tmp_path, caplog):
    key = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA " + "PRIVATE KEY-----\n"
    token = "token = ghp" + "_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5\n"
    files = {
        **{f"{place}/server.key": key for place in ("tests/certs", "_fixture/certs", "deploy")},
        **{f"{place}/hub.conf": token for place in ("tests", "deploy")},
        "tests/test_a.py": "import pickle\npickle.loads(pickle.dumps(a))\n",
        "a.py": "x = 1\n",
    }

    with caplog.at_level(logging.INFO):
        done = scanned(tmp_path, **files)

    told = {(one.file, one.severity) for one in done.vulnerabilities}
    assert told == {("deploy/server.key", "CRITICAL"), ("deploy/hub.conf", "CRITICAL"), ("tests/hub.conf", "LOW")}
    assert done.of_no_weight == 3
    assert "secrets/token (2)" in caplog.text


def test_what_an_example_leaves_out_is_counted_and_what_is_copied_from_it_is_told(tmp_path):
    text = (
        "app.use(session({ secret: 'shhhh, very secret' }));\n"
        "app.get('/a', (req, res) => { console.log('a ' + req.query.a); res.send('<b>' + req.query.a); });\n"
    )
    drawn = "const jwtSecret = 'k3J9xQ2mV7pL0sD8wR5t';\n"
    files = {"examples/a.js": text, "lib/a.js": text, "examples/b.js": drawn}

    done = scanned(tmp_path, **files)

    told = {name: {one.rule for one in done.vulnerabilities if one.file == name} for name in files}
    assert told["examples/a.js"] == {"js/xss"}
    assert {"js/xss", "js/hard-coded-secret", "js/log-injection"} <= told["lib/a.js"]
    assert told["examples/b.js"] == {"js/hard-coded-secret"}
    # Where there is nothing but examples, the place says nothing.
    alone = scanned(tmp_path, **{"examples/a.js": text})
    assert (alone.of_no_weight, "js/hard-coded-secret" in {one.rule for one in alone.vulnerabilities}) == (0, True)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("src/main/java/org/example/benchmark/docs/A.java", "production"),
        ("shop/src/main/kotlin/com/example/build/A.kt", "production"),
        ("examples/shop/src/main/java/org/shop/A.java", "example"),
        ("src/test/java/org/shop/A.java", "test"),
        ("src/main/resources/static/dist/a.js", "generated"),
        ("_fixture/certs/key.pem", "test"),
        ("src/fixtures.py", "production"),
    ],
)
def test_names_of_packages_are_no_places(name, place):
    assert place_of(name, "") == place


@pytest.mark.parametrize(
    ("written", "is_one"),
    [
        ("names.slice(req.query.a, req.query.b).join(', ')", False),
        ("'abc'.concat(other).substring(req.query.a)", False),
        ("req.query.a.slice(1)", True),
        ("names.concat(req.query.a).join(', ')", True),
    ],
)
def test_what_says_which_part_is_meant_is_no_part_of_it(tmp_path, written, is_one):
    text = f"app.get('/a', (req, res) => {{ res.send('users ' + {written}); }});\n"

    assert ("js/xss" in {one.rule for one in scanned(tmp_path, **{"a.js": text}).vulnerabilities}) is is_one


@pytest.mark.parametrize(
    ("written", "slow"),
    [
        (r"^([a-zA-Z0-9]+)+@x$", True),
        (r"(.*)*", True),
        (r"(\s*\w+\s*)*;", True),
        (r"(?:[a-z]+-?)*$", True),
        (r"(x+x+)+y", True),
        (r"(a|aa)+$", True),
        (r"(\w|\d)+$", True),
        (r"(?:\w+\.)+x", False),
        (r"(?:\s+\w+)+", False),
        (r"(a|b)+", False),
        (r"([^,]*,)*", False),
        (r"^(?:[^\\]|\\.)*$", False),
        (r"(foo|bar)+", False),
    ],
)
def test_expressions_that_read_one_text_in_many_ways_are_slow(tmp_path, written, slow):
    done = scanned(
        tmp_path, **{"a.js": f"const a = /{written}/;\n", "a.py": f'import re\nre.compile(r"{written}")\n'}
    )

    assert {one.file for one in done.vulnerabilities if one.cwe == "CWE-1333"} == (
        {"a.js", "a.py"} if slow else set()
    )


LETTERS = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789"


@pytest.mark.parametrize(
    ("line", "is_secret"),
    [
        ("key: AIza" + LETTERS[:35], True),
        ("https://hooks.slack" + ".com/services/T0ABCDEFG/B0ABCDEFG/" + LETTERS[:24], True),
        ("token npm_" + LETTERS, True),
        ("token github_" + "pat_11ABCDEFG0" + LETTERS * 2, True),
        ("key sk-" + "ant-api03-" + LETTERS, True),
        ("AccountKey=" + LETTERS * 2 + LETTERS[:14] + "==", True),
        ("token eyJ" + LETTERS + ".eyJ" + LETTERS + "." + LETTERS, True),
        ("url=postgresql://shop:Tr0ub4dor88@db.internal:5432/shop", True),
        ("Server=db;Database=shop;User Id=sa;Password=Qw7-Prod-991;", True),
        ("<password>Xk92-prod-Lq7</password>", True),
        ("id 550e8400-e29b-41d4-a716-446655440000", False),
        ("commit 3f786850e387550fdab836ed7e6dc881de23001b", False),
        ("url=postgresql://postgres:postgres@localhost/shop", False),
        ("url=postgresql://shop:${DB_PASSWORD}@db/shop", False),
        ("<password>${db.password}</password>", False),
    ],
)
def test_credentials_are_known_by_their_form(tmp_path, line, is_secret):
    done = scanned(tmp_path, **{"settings.conf": line + "\n"})

    assert bool([one for one in done.vulnerabilities if one.cwe == "CWE-798"]) == is_secret


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("password-reset", False),
        ("WEBHOOK_SIGNING_SECRET", False),
        ("PACKAGE_INDEXES", False),
        ("COMMANDCENTER_SECRET_", False),
        ("password_resets#confirm_token", False),
        ("accessToken", False),
        ("guest-for-all", True),
        ("correct-horse-battery-staple", True),
        ("S3cret-Admin-1", True),
        ("password-reset-7Kq2", True),
        ("hunter2hunter2", True),
    ],
)
def test_a_name_in_words_is_no_secret(value, is_one):
    assert looks_secret(value) is is_one


@pytest.mark.parametrize(
    "line",
    [
        "    secrets: [postgres_password, records_password]",
        "    token: &token x7Kq2mWq9Lp",
        "TOKEN: xoxb-demo-token-of-the-local-sink",
        'get "forgot_password" => "password_resets#forgot_password"',
        '<% password = ENV.key?("ADMIN_PASSWORD") %>',
    ],
)
def test_lists_of_names_samples_and_routes_are_no_secrets(line):
    assert not list(text_scan.secrets_in(SourceFile(name="app.yaml", text=line)))


@needs_engine
def test_what_is_compiled_of_a_constant_is_no_finding_in_any_language(tmp_path):
    """The engine sees two ways to the call; data flow knows that one of them is never taken."""
    java = """class A { void doGet(HttpServletRequest request) throws Exception {
      int num = 86; String bar; String param = request.getParameter("q");
      if ((7 * 42) - num > 200) bar = "always"; else bar = param;
      String expression = "/a[@b='" + %s + "']";
      NodeList nodes = (NodeList)
          xp.compile(expression)
              .evaluate(document, XPathConstants.NODESET);
    } }
    """
    python = """import re
from flask import request
def view():
    num, param = 86, request.args["q"]
    bar = "always" if (7 * 42) - num > 200 else param
    return str(
        re.compile(%s)
        .match("a"))
"""
    javascript = """app.get("/", (req, res) => {
      let bar; const num = 86, param = req.query.q;
      if ((7 * 42) - num > 200) bar = "always"; else bar = param;
      const found =
        new RegExp(%s)
          .test("a");
    });
    """
    csharp = """public class HomeController : Controller { public IActionResult Get(string param) {
      int num = 86; string bar; if ((7 * 42) - num > 200) bar = "always"; else bar = param;
      var found =
        new Regex(%s)
          .IsMatch("a");
      return Ok(found);
    } }
    """
    texts = {"java": java, "py": python, "js": javascript, "cs": csharp}
    files = {f"{name}_{end}/A.{end}": text % name for end, text in texts.items() for name in ("bar", "param")}

    found = {(one.file, one.cwe) for one in scanned(tmp_path, **files).vulnerabilities}

    # With what the visitor sent instead, each of them is one.
    assert found == {
        ("param_java/A.java", "CWE-643"),
        *((f"param_{end}/A.{end}", "CWE-1333") for end in ("py", "js", "cs")),
    }


@needs_engine
def test_a_folder_may_be_named_from_where_one_is(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("import requests\nrequests.get(u, verify=False, timeout=5)\n")
    (tmp_path / "A.java").write_text("class A { void f(Cookie c) { c.setSecure(false); } }\n")
    monkeypatch.chdir(tmp_path)

    done = scan(Path(), ["a.py", "A.java"], LOG)

    assert {one.rule for one in done.vulnerabilities} == {"py/tls-verification-off", "java/insecure-cookie"}


@needs_engine
def test_the_engine_too_asks_for_what_a_rule_needs_in_the_file(tmp_path):
    text = """package a
import ("net/http"; "%s/template")
func page(w http.ResponseWriter, r *http.Request) {
	t := template.Must(template.New("p").Parse("{{.}}"))
	t.Execute(w, r.FormValue("q"))
}
"""
    (tmp_path / "text.go").write_text(text % "text")
    (tmp_path / "html.go").write_text(text % "html")

    found = engine.scan(tmp_path, ["text.go", "html.go"], LOG).found

    assert {(one.file, one.rule) for one in found} == {("text.go", "go/xss")}


@needs_engine
def test_a_scan_that_ran_out_of_time_or_work_says_so_in_every_file_it_did_not_finish(tmp_path, monkeypatch):
    text = "from flask import request\ndef view():\n    eval(request.args['x'])\n"
    files = {"a.py": text, "b.py": text}

    assert scanned(tmp_path, **files).complete
    monkeypatch.setattr(flow, "_STEPS", 5)
    by_work = scanned(tmp_path, **files)

    assert (by_work.complete, [one.file for one in by_work.not_scanned]) == (False, ["b.py"])
    assert "work was used up" in by_work.not_scanned[0].reason
