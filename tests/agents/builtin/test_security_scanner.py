"""The scanner on the sample application, and rule by rule on small files that are and are not weak."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from pathlib import Path

import pytest

from agents.builtin.scanning.scan import scan
from agents.builtin.scanning.secret_names import looks_secret, names_a_secret
from agents.builtin.security_scanner import agent
from agents.repository.git import Git
from agents.sdk.errors import AgentError, InvalidInputError

LOG = logging.getLogger("test")
SAMPLE = {
    ("py/shell-injection", "shop/invoices.py", 8, "CRITICAL"),
    ("py/eval", "shop/invoices.py", 13, "CRITICAL"),
    ("js/eval", "web/basket.js", 10, "CRITICAL"),
    ("js/shell-injection", "web/server.js", 21, "CRITICAL"),
    ("py/hard-coded-secret", "shop/accounts.py", 8, "HIGH"),
    ("py/weak-hash", "shop/accounts.py", 15, "HIGH"),
    ("py/unsafe-yaml", "shop/settings.py", 9, "HIGH"),
    ("js/inner-html", "web/basket.js", 15, "HIGH"),
    ("js/hard-coded-secret", "web/server.js", 8, "HIGH"),
    ("js/weak-hash", "web/server.js", 16, "HIGH"),
}


def found(output: dict) -> set[tuple[str, str, int, str]]:
    return {(one["rule"], one["file"], one["line"], one["severity"]) for one in output["vulnerabilities"]}


@pytest.mark.parametrize("kind", ["FULL", "INCREMENTAL"])
def test_the_sample_application_has_its_weaknesses(shop, context, kind):
    inputs = {"repositoryPath": str(shop.path), "scanType": kind, "baseCommit": shop.base_commit}

    output = agent.execute("scanRepository", inputs, context)

    assert found(output) == SAMPLE
    assert output["summary"] == {"total": 10, "critical": 4, "high": 6, "medium": 0, "low": 0}
    assert output["scanType"] == kind
    assert output["filesScanned"] == (5 if kind == "INCREMENTAL" else 8)
    assert output["commit"] == shop.commit


def test_the_first_version_of_the_sample_is_clean(shop, context):
    Git(folder=shop.path).run("checkout", "--quiet", shop.base_commit)

    output = agent.execute("scanRepository", {"repositoryPath": str(shop.path)}, context)

    assert output["vulnerabilities"] == []


def test_incremental_looks_at_changed_files_only(shop, context):
    inputs = {"repositoryPath": str(shop.path), "scanType": "INCREMENTAL", "baseCommit": shop.commit}

    output = agent.execute("scanRepository", inputs, context)

    assert (output["filesScanned"], output["vulnerabilities"]) == (0, [])
    assert output["scanType"] == "INCREMENTAL"


@pytest.mark.parametrize("base", [None, "", "f" * 40, "no-such-branch", "--output=/tmp/pwned", "a..b"])
def test_an_unknown_base_means_all_files_and_a_line_in_the_log(shop, context, caplog, base):
    inputs = {"repositoryPath": str(shop.path), "scanType": "INCREMENTAL", "baseCommit": base}
    if base == "":
        with pytest.raises(InvalidInputError):
            agent.execute("scanRepository", inputs, context)
        return

    output = agent.execute("scanRepository", inputs, context)

    assert output["scanType"] == "FULL"
    assert found(output) == SAMPLE
    assert "scanning all files" in caplog.text


def test_a_folder_without_history_is_scanned_in_full(tmp_path, context, caplog):
    (tmp_path / "a.py").write_text("eval(x)\n")
    inputs = {"repositoryPath": str(tmp_path), "scanType": "INCREMENTAL", "baseCommit": "HEAD~1"}

    output = agent.execute("scanRepository", inputs, context)

    assert found(output) == {("py/eval", "a.py", 1, "CRITICAL")}
    assert "no git history" in caplog.text


def test_the_scan_id_is_that_of_the_work_and_fits_a_branch_name(shop, context):
    first = agent.execute("scanRepository", {"repositoryPath": str(shop.path)}, context)
    second = agent.execute("scanRepository", {"repositoryPath": str(shop.path)}, context)

    assert first["scanId"] == second["scanId"]
    assert first["scanId"].isalnum()


def test_one_file_is_scanned_alone(shop, context):
    output = agent.execute("scanFile", {"repositoryPath": str(shop.path), "file": "web/basket.js"}, context)

    assert {one["rule"] for one in output["vulnerabilities"]} == {"js/eval", "js/inner-html"}


@pytest.mark.parametrize(
    "file", ["../outside.py", "/etc/passwd.py", "gone.py", "README.md", "link.py", "dir/../x.py"]
)
def test_a_file_that_cannot_be_scanned_is_an_error(shop, context, file):
    (shop.path / "link.py").symlink_to("/etc/passwd")

    with pytest.raises(AgentError, match="cannot be scanned"):
        agent.execute("scanFile", {"repositoryPath": str(shop.path), "file": file}, context)


def test_links_and_large_and_binary_files_are_not_read(tmp_path, context, caplog):
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    (tmp_path / "big.py").write_text("eval(x)\n" * 200_000)
    (tmp_path / "binary.js").write_bytes(b"eval(x)\0")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").write_text("eval(x)")

    output = agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)

    assert output["vulnerabilities"] == []
    assert output["filesSkipped"] == 3
    assert "'big.py' is larger than" in caplog.text


def test_a_bare_repository_is_not_called_clean(shop, context):
    with pytest.raises(AgentError, match="bare repository"):
        agent.execute("scanRepository", {"repositoryPath": str(shop.remote)}, context)


def test_a_file_that_does_not_parse_is_said_to_be_not_scanned(tmp_path, context, caplog):
    (tmp_path / "broken.py").write_text("def (:\n")
    (tmp_path / "broken.js").write_text("function {{{ eval(x)\n")

    agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)

    assert "'broken.py' is not valid Python" in caplog.text
    assert "broken.js: " in caplog.text


def test_a_file_name_that_is_no_text_costs_no_other_file_its_findings(tmp_path, context):
    weak = b"import yaml\nyaml.load(x)\n"
    for name in (b"good.py", b"bad\xff.py", b"notes\xfe.md"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(weak)

    output = agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)

    assert {one["file"] for one in output["vulnerabilities"]} == {"good.py"}
    assert [one["file"] for one in output["notScanned"]] == ["bad\\xff.py", "notes\\xfe.md"]
    str(output).encode()


def test_settings_of_a_hostile_repository_run_nothing(shop, context, tmp_path):
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for setting in ("core.fsmonitor", "diff.external", "core.pager", "filter.x.clean", "diff.x.textconv"):
        subprocess.run(["git", "-C", str(shop.path), "config", setting, str(trap)], check=True)
    (shop.path / ".git" / "info").mkdir(exist_ok=True)
    (shop.path / ".git" / "info" / "attributes").write_text("* filter=x diff=x\n")
    inputs = {"repositoryPath": str(shop.path), "scanType": "INCREMENTAL", "baseCommit": shop.base_commit}

    output = agent.execute("scanRepository", inputs, context)

    assert output["scanType"] == "INCREMENTAL"
    assert not (tmp_path / "sprung").exists()


WEAK = [
    ("a.py", "import hashlib\nhashlib.sha1(data)\n", "py/weak-hash"),
    ("a.py", "import os\nos.system('ls ' + name)\n", "py/shell-injection"),
    ("a.py", "import subprocess\nsubprocess.call('ls %s' % name, shell=True)\n", "py/shell-injection"),
    ("a.py", "exec(text)\n", "py/exec"),
    ("a.py", "import pickle\npickle.loads(data)\n", "py/unsafe-deserialisation"),
    ("a.py", "cursor.execute(f'select * from t where id = {x}')\n", "py/sql-injection"),
    ("a.py", "cursor.execute('select * from t where id = ' + x)\n", "py/sql-injection"),
    ("a.py", "import requests\nrequests.get(u, verify=False, timeout=1)\n", "py/tls-verification-off"),
    ("a.py", "import jwt\njwt.decode(t, options={'verify_signature': False})\n", "py/jwt-unverified"),
    ("a.py", "from flask import *\nrender_template_string('hi ' + name)\n", "py/template-injection"),
    ("a.py", "open(base + request.args['file'])\n", "py/path-traversal"),
    ("a.py", "redirect(request.args.get('next'))\n", "py/open-redirect"),
    ("a.py", "import random\ntoken = ''.join(random.choice(x) for _ in range(9))\n", "py/insecure-random"),
    ("a.py", "settings = {'api_key': 'f00ba2ba2'}\n", "py/hard-coded-secret"),
    ("a.py", "connect(password='hunter2')\n", "py/hard-coded-secret"),
    ("a.py", "aws = 'AKIAIOSFODNN7EXAMPLE'\n", "py/hard-coded-secret"),
    ("a.py", "import tempfile\ntempfile.mktemp()\n", "py/insecure-temp-file"),
    ("a.js", "new Function('return ' + x)", "js/new-function"),
    ("a.js", "setTimeout('run(' + x + ')', 10)", "js/timer-text"),
    ("a.js", "require('child_process').exec(`ls ${x}`)", "js/shell-injection"),
    ("a.ts", "import { exec as run } from 'node:child_process'; run(`ls ${x}`)", "js/shell-injection"),
    ("a.ts", "import * as cp from 'child_process'; cp.execSync('ls ' + x)", "js/shell-injection"),
    ("a.js", "const cp = require('child_process'); cp.spawn('ls', [x], { shell: true })", "js/spawn-shell"),
    ("a.tsx", "const a = <p dangerouslySetInnerHTML={{ __html: x }} />", "js/dangerous-html"),
    ("a.js", "document.write('<p>' + x)", "js/document-write"),
    ("a.js", "e.insertAdjacentHTML('beforeend', x)", "js/inner-html"),
    ("a.js", "const token = Math.random().toString(36)", "js/insecure-random"),
    ("a.ts", "const options = { rejectUnauthorized: false }", "js/tls-verification-off"),
    ("a.js", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'", "js/tls-verification-off"),
    ("a.js", "db.query(`SELECT * FROM t WHERE id = ${id}`)", "js/sql-injection"),
    ("a.js", "crypto.createCipher('aes192', key)", "js/weak-cipher"),
    ("a.js", "crypto.createHash('SHA1')", "js/weak-hash"),
    ("a.js", "res.redirect(req.query.next)", "js/open-redirect"),
    ("a.js", "fs.readFile(base + req.params.name, done)", "js/path-traversal"),
    ("a.js", "jwt.verify(t, key, { algorithms: ['none'] })", "js/jwt-unverified"),
    ("a.ts", "class A { private apiKey: string = 'f00ba2ba2' }", "js/hard-coded-secret"),
    ("a.js", "const key = 'xoxb-1234567890-abcdefghij'", "js/hard-coded-secret"),
]


@pytest.mark.parametrize(("name", "text", "rule"), WEAK)
def test_a_weakness_is_found(tmp_path: Path, name, text, rule):
    (tmp_path / name).write_text(text)

    assert rule in {one.rule for one in scan(tmp_path, [name], LOG).vulnerabilities}


HARMLESS = [
    ("a.py", "import hashlib\nhashlib.sha256(data)\nhashlib.md5(data, usedforsecurity=False)\n"),
    ("a.py", "import subprocess\nsubprocess.run(['ls', name], check=True)\n"),
    ("a.py", "import yaml, ast\nyaml.safe_load(x)\nast.literal_eval(x)\n"),
    ("a.py", "import os\npassword = os.environ['PASSWORD']\npassword_field = 'password'\n"),
    ("a.py", "token_url = 'https://example.org/token'\nsecret_name = 'db-secret-name'\n"),
    ("a.py", "cursor.execute('select * from t where id = ?', (x,))\n"),
    ("a.py", "import random\nroll = random.randint(1, 6)\n"),
    ("a.js", "/a/.exec(text); const cp = require('child_process'); cp.execFile('ls', [x]); cp.exec('ls')"),
    ("a.js", "JSON.parse(x); element.textContent = x; element.innerHTML = ''"),
    ("a.js", "const password = process.env.PASSWORD; const passwordField = 'password'"),
    ("a.js", "crypto.createHash('sha256'); const dice = Math.random()"),
    ("a.js", "setTimeout(() => run(x), 10); setTimeout(run, 10)"),
    ("a.js", "db.query('SELECT * FROM t WHERE id = ?', [id]); log.query(`no sql ${x}`)"),
    ("a.ts", "const a: Array<string> = []; function f<T>(x: T): T { return x }"),
]


@pytest.mark.parametrize(("name", "text"), HARMLESS)
def test_harmless_code_is_left_alone(tmp_path: Path, name, text):
    (tmp_path / name).write_text(text)

    assert [(one.rule, one.line) for one in scan(tmp_path, [name], LOG).vulnerabilities] == []


MONSTROUS = {
    "sum.js": "const password = "
    + " + ".join(["'a'"] * 20_000)
    + " + x; eval("
    + " + ".join(["a"] * 20_000)
    + ")",
    "chain.js": "a" + ".b()" * 60_000,
    "brackets.js": "eval(" + "(" * 20_000 + "x" + ")" * 20_000 + ")",
    "open.js": "{[(" * 100_000,
    "quotes.ts": "`${" * 50_000,
    "line.js": "x=1;" * 60_000,
    "brackets.py": "(" * 50_000 + ")" * 50_000,
    "minus.py": "x = " + "-" * 100_000 + "1",
    "sum.py": "password = " + " + ".join(["'a'"] * 20_000),
    "deep.py": "".join(" " * depth + "if x:\n" for depth in range(90)) + " " * 90 + "eval(x)\n",
    "empty.py": "",
    "latin.py": "# caf\u00e9\neval(x)\n",
}


@pytest.mark.parametrize("name", MONSTROUS)
def test_monstrous_source_neither_stops_nor_hangs_the_scan(tmp_path: Path, name):
    (tmp_path / name).write_text(MONSTROUS[name], "latin-1")
    (tmp_path / "other.py").write_text("eval(x)\n")
    started = time.process_time()

    found = scan(tmp_path, [name, "other.py"], LOG).vulnerabilities

    assert "other.py" in {one.file for one in found}
    assert time.process_time() - started < 10


def test_no_finding_quotes_the_secret(tmp_path: Path):
    (tmp_path / "a.py").write_text("password = 'hunter2-hunter2'\nconnect(token='hunter2-hunter2')\n")
    (tmp_path / "a.js").write_text("const password = 'hunter2-hunter2'")

    vulnerabilities = scan(tmp_path, ["a.py", "a.js"], LOG).vulnerabilities

    assert len(vulnerabilities) == 3
    assert "hunter2" not in str(vulnerabilities)


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWORD", "apiKey", "api_key", "clientSecret", "authToken", "tokens"]
)
def test_names_of_secrets(name):
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name", ["tokenizer", "password_field", "tokenUrl", "key", "monkey", "secretary", "passenger", ""]
)
def test_names_of_other_things(name):
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    "value", ["", "abc", "changeme", "two words", "https://x.org", "${TOKEN}", "xxxxxxxx", "<here>"]
)
def test_values_that_are_no_secrets(value):
    assert not looks_secret(value)


SHELL = "import os\ndef f(d):\n    os.system('ls ' + d)\n"


def test_a_byte_order_mark_hides_nothing(tmp_path, context):
    (tmp_path / "plain.py").write_text(SHELL)
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbf" + SHELL.encode())
    (tmp_path / "marked.js").write_bytes(b"\xef\xbb\xbfeval(x)\n")

    output = agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)

    found = {(one["file"], one["rule"], one["line"]) for one in output["vulnerabilities"]}
    rules = {(rule, line) for file, rule, line in found if file == "plain.py"}
    assert rules
    assert {(rule, line) for file, rule, line in found if file == "marked.py"} == rules
    assert ("marked.js", "js/eval", 1) in found
    assert output["filesSkipped"] == 0


def test_a_declared_encoding_is_read(tmp_path, context):
    text = "# -*- coding: latin-1 -*-\n# \xe9\n" + SHELL
    (tmp_path / "old.py").write_bytes(text.encode("latin-1"))

    output = agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)

    assert output["filesScanned"] == 1
    assert any(one["line"] == 5 for one in output["vulnerabilities"])


def test_newer_syntax_than_this_interpreter_has_is_read(tmp_path, context):
    (tmp_path / "new.py").write_text('import os\ndef f(d): os.system(f"ls {d["dir"]}")\n')

    output = agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)

    assert (output["filesScanned"], output["filesSkipped"]) == (1, 0)
    assert [(one["rule"], one["line"]) for one in output["vulnerabilities"]] == [("py/shell-injection", 2)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"# caf\xe9\nimport os\n", "neither UTF-8"),
        (b"def f(:\n    pass\n", "line 1"),
        (b"print 'hello'\n", "not valid Python"),
        (b"# -*- coding: klingon -*-\n", "neither UTF-8"),
    ],
    ids=["undeclared Latin-1", "a syntax error", "older syntax", "an unknown encoding"],
)
def test_what_cannot_be_read_is_named_and_not_counted_as_scanned(tmp_path, context, content, reason):
    (tmp_path / "odd.py").write_bytes(content)
    (tmp_path / "good.py").write_text("x = 1\n")

    output = agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)

    assert (output["filesScanned"], output["filesSkipped"]) == (1, 1)
    (left,) = output["notScanned"]
    assert left["file"] == "odd.py"
    assert reason in left["reason"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.js", 'fetch("/api", { credentials: "include" });\n'),
        ("a.js", 'fetch("/api", { credentials: "same-origin" });\n'),
        ("a.ts", 'const i18n = { password: "Passwort", secret: "Geheimnis" };\n'),
        ("a.js", 'const ru = { password: "\u041f\u0430\u0440\u043e\u043b\u044c" };\n'),
        ("a.py", 'LABELS = {"password": "Kennwort", "token": "Jeton"}\n'),
    ],
)
def test_a_word_that_people_read_is_no_secret(tmp_path, context, name, text):
    (tmp_path / name).write_text(text)

    assert agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)["vulnerabilities"] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.js", 'const adminPassword = "S3cret-Admin-1";\n'),
        ("a.py", 'password = "guest-for-all"\n'),
        ("a.py", 'password = "Wq9-admin-only"\n'),
        ("a.py", 'password = "hunter"\n'),
    ],
)
def test_a_value_that_opens_something_is_a_secret(tmp_path, context, name, text):
    (tmp_path / name).write_text(text)

    assert agent.execute("scanRepository", {"repositoryPath": str(tmp_path)}, context)["vulnerabilities"]


def test_more_findings_than_a_result_has_room_for_are_counted_and_the_worst_told(tmp_path, context, monkeypatch):
    (tmp_path / "a.py").write_text("import os\n" + "\n".join(f"eval(input({n}))" for n in range(40)))
    inputs = {"repositoryPath": str(tmp_path)}
    whole = agent.execute("scanRepository", inputs, context)

    monkeypatch.setattr("agents.builtin.security_scanner.MAX_TOLD_BYTES", 5000)
    output = agent.execute("scanRepository", {**inputs, "sarif": True}, context)

    assert 0 < len(output["vulnerabilities"]) < 15
    assert output["notTold"] == output["summary"]["total"] - len(output["vulnerabilities"])
    assert (output["summary"], output["scanId"]) == (whole["summary"], whole["scanId"])
    saved = (context.artifacts_folder / context.saved[-1].file).read_text()
    assert saved.count('"ruleId"') == output["summary"]["total"]
