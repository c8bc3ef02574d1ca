"""The patcher: what the patch does to the sample application, rule by rule, and what it refuses."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agents.builtin.patcher import FixPullRequest, agent, javascript_fixes, python_fixes
from agents.builtin.patcher.edit import CannotFixError
from agents.builtin.patcher.patch import Change, patch
from agents.builtin.patcher.repair import repair
from agents.builtin.scanning.scan import scan
from agents.builtin.scanning.source_files import SourceFile
from agents.builtin.scanning.vulnerability import Vulnerability
from agents.builtin.security_scanner import agent as scanner
from agents.repository.git import Git
from agents.repository.publish import publish_branch
from agents.sdk.errors import AgentError

LOG = logging.getLogger("test")


def scanned(shop, context) -> list[dict]:
    return scanner.execute("scanRepository", {"repositoryPath": str(shop.path)}, context)["vulnerabilities"]


def fix_inputs(shop, context) -> dict:
    return {
        "vulnerabilities": scanned(shop, context),
        "repositoryPath": str(shop.path),
        "targetBranch": "security-fixes-abc",
    }


def test_the_published_branch_has_none_of_the_weaknesses(shop, context, tmp_path):
    result = agent.execute("generateFixPR", fix_inputs(shop, context), context)

    publishing = publish_branch(result, repository=shop.path, idempotency_key="k", allowed_roots=[tmp_path])
    output = asyncio.run(publishing)

    FixPullRequest.model_validate(output)
    assert (output["engine"], output["unfixed"], len(output["rulesUsed"])) == ("rules", [], 10)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "-b", "security-fixes-abc", str(shop.remote), str(clone)], check=True)
    again = scanner.execute("scanRepository", {"repositoryPath": str(clone)}, context)
    assert again["vulnerabilities"] == []
    compiled = subprocess.run([sys.executable, "-m", "compileall", "-q", str(clone / "shop")], check=False)
    assert compiled.returncode == 0


def test_the_fixed_sample_still_works(shop, context, tmp_path):
    result = agent.execute("generateFixPR", fix_inputs(shop, context), context)
    subprocess.run(["git", "-C", str(shop.path), "apply"], input=result["patch"], text=True, check=True)
    (shop.path / "settings.yaml").write_text("colour: red\n")
    program = (
        "from shop import accounts, invoices, settings\n"
        "accounts.register('ann', 'pw'); assert accounts.check_password('ann', 'pw')\n"
        "assert not accounts.check_password('ann', 'no'); assert accounts.check_password('admin', 'new')\n"
        "assert invoices.discount('[10, 5]', 100) == (90, 5)\n"
        "assert settings.load('settings.yaml') == {'colour': 'red'}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shop.path,
        env={"ADMIN_PASSWORD": "new", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_commit_message_lists_fixes_and_what_to_think_of(shop, context):
    message = agent.execute("generateFixPR", fix_inputs(shop, context), context)["commitMessage"]

    assert message.startswith("Fix 10 security weaknesses\n\n- ")
    assert "- Set ADMIN_PASSWORD; the old value is known and has to be replaced." in message
    assert "Before merging:" in message


def test_a_suggestion_writes_nothing(shop, context):
    inputs = fix_inputs(shop, context)
    del inputs["targetBranch"]

    output = agent.execute("suggestFix", inputs, context)

    assert "+  return JSON.parse(stored);" in output["patch"]
    status = subprocess.run(["git", "-C", str(shop.path), "status", "--short"], capture_output=True, check=True)
    assert status.stdout == b""


def test_nothing_to_fix_gives_an_empty_patch(shop, context):
    output = agent.execute("generateFixPR", {**fix_inputs(shop, context), "vulnerabilities": []}, context)

    assert (output["patch"], output["filesModified"], output["estimatedImpact"]) == ("", [], "LOW")


def test_what_no_rule_fixes_is_listed_with_the_reason(shop, context):
    foreign = {**scanned(shop, context)[0], "rule": "py/exec", "file": "shop/invoices.py"}
    outside = {**foreign, "file": "../../etc/passwd"}
    gone = {**foreign, "file": "shop/gone.py"}

    output = agent.execute(
        "generateFixPR", {**fix_inputs(shop, context), "vulnerabilities": [foreign, outside, gone]}, context
    )

    reasons = {one["file"]: one["reason"] for one in output["unfixed"]}
    assert reasons["shop/invoices.py"] == "there is no rule that fixes this; a person has to"
    assert "not one that a patch may hold" in reasons["../../etc/passwd"]
    assert "not a regular file of the commit" in reasons["shop/gone.py"]
    assert output["patch"] == ""


def test_a_repository_without_history_is_an_error(tmp_path, context):
    inputs = {"vulnerabilities": [], "repositoryPath": str(tmp_path), "targetBranch": "x"}

    with pytest.raises(AgentError, match="no git history"):
        agent.execute("generateFixPR", inputs, context)


def repaired(tmp_path: Path, name: str, text: str) -> tuple[str, list[str]]:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    found = scan(tmp_path, [name], LOG).vulnerabilities
    assert found
    done = repair(found, lambda _: text, LOG)
    changed = done.changes.get(name)
    return changed.new if changed else text, [left.reason for left in done.left]


FIXES = [
    ("a.py", "import hashlib\nhashlib.new('md5', x)\n", 'import hashlib\nhashlib.new("sha256", x)\n'),
    ("a.py", "from hashlib import md5\nmd5(x)\n", "import hashlib\nfrom hashlib import md5\nhashlib.sha256(x)\n"),
    ("a.py", "import os\nos.system('ls ' + name)\n", None),
    (
        "a.py",
        "import subprocess\nsubprocess.call('ls -l %s' % name, shell=True)\n",
        'import subprocess\nsubprocess.call(["ls", "-l", str(name)])\n',
    ),
    (
        "a.py",
        "import subprocess\nsubprocess.run(\n    'ls ' + name,\n    shell=True,\n    check=True,\n)\n",
        'import subprocess\nsubprocess.run(\n    ["ls", str(name)],\n    check=True,\n)\n',
    ),
    (
        "a.py",
        "import requests\nrequests.get(u, verify=False, timeout=3)\n",
        "import requests\nrequests.get(u, verify=True, timeout=3)\n",
    ),
    ("a.py", "import requests\nrequests.get(u)\n", "import requests\nrequests.get(u, timeout=30)\n"),
    ("a.py", "import tarfile\ntarfile.open(x).extractall(y)\n", None),
    (
        "a.py",
        '"""Doc."""\n\n\ndef f():\n    return eval(x)\n',
        '"""Doc."""\n\n\nimport ast\n\n\ndef f():\n    return ast.literal_eval(x)\n',
    ),
    (
        "a.py",
        "import random\napi_token = random.choice(x)\n",
        "import secrets\nimport random\napi_token = secrets.SystemRandom().choice(x)\n",
    ),
    (
        "a.py",
        "import random\n\n\ndef f():\n    token = ''.join(random.choice('ab') for _ in x)\n    return token\n",
        "import secrets\nimport random\n\n\ndef f():\n"
        "    token = ''.join(secrets.SystemRandom().choice('ab') for _ in x)\n    return token\n",
    ),
    (
        "a.py",
        "import os\nimport tempfile\n\n\ndef f(x):\n    name = tempfile.mktemp('.x')\n    open(name, 'w').write(x)\n",
        "import os\nimport tempfile\n\n\ndef f(x):\n    name_handle, name = tempfile.mkstemp('.x')\n"
        "    os.close(name_handle)\n    open(name, 'w').write(x)\n",
    ),
    (
        "a.py",
        "import tempfile\nfile = open(tempfile.mktemp(), 'w')\n",
        "import tempfile\nfile = open(tempfile.mkstemp()[1], 'w')\n",
    ),
    (
        "a.py",
        "import os\nimport subprocess\n\n\ndef f(x):\n    os.system('ls ' + x)\n",
        'import os\nimport subprocess\n\n\ndef f(x):\n    subprocess.run(["ls", str(x)], check=False)\n',
    ),
    (
        "a.py",
        "settings = {'apiKey': 'f00ba2ba2'}\n",
        "import os\n\n\nsettings = {'apiKey': os.environ[\"API_KEY\"]}\n",
    ),
    (
        "a.js",
        "const cp = require('child_process');\ncp.execSync('ls ' + x);\n",
        "const cp = require('child_process');\ncp.execFileSync(\"ls\", [String(x)]);\n",
    ),
    (
        "a.ts",
        "import { exec } from 'child_process';\nexec(`ls ${x}`);\nexec('ls');\n",
        "import { exec, execFile } from 'child_process';\nexecFile(\"ls\", [String(x)]);\nexec('ls');\n",
    ),
    (
        "a.ts",
        "import { exec } from 'child_process';\nexec(`ls a/${x}`);\n",
        "import { execFile } from 'child_process';\nexecFile(\"ls\", [`a/${x}`]);\n",
    ),
    (
        "a.ts",
        "const apiKey: string = 'f00ba2ba2';\n",
        'const apiKey: string = (process.env.API_KEY || (() => { throw new Error("API_KEY is not set"); })());\n',
    ),
    ("a.js", "const t = { rejectUnauthorized: false };\n", "const t = { rejectUnauthorized: true };\n"),
    ("a.js", "document.write(x);\n", "document.body.append(x);\n"),
    (
        "a.js",
        "const token = Math.random().toString(36);\n",
        'const token = globalThis.crypto.randomUUID().replaceAll("-", "");\n',
    ),
    ("a.js", "/* ü */ const a = eval(b);\n", "/* ü */ const a = JSON.parse(b);\n"),
]


@pytest.mark.parametrize(("name", "old", "new"), FIXES)
def test_a_fix_gives_this_text(tmp_path, name, old, new):
    text, left = repaired(tmp_path, name, old)

    assert left == []
    if new is not None:
        assert text == new
    (tmp_path / name).write_text(text)
    assert scan(tmp_path, [name], LOG).vulnerabilities == ()


def repaired_files(folder: Path, files: dict[str, str], taken=()):
    for name, text in files.items():
        (folder / name).write_text(text)
    found = scan(folder, list(files), logging.getLogger("test")).vulnerabilities
    return repair(found, files.__getitem__, logging.getLogger("test"), taken)


def test_two_secrets_of_two_files_never_become_one_variable(tmp_path):
    one, other = 'PASSWORD = "Wq9-admin-only"\n', 'PASSWORD = "another-Wq9-admin"\n'

    done = repaired_files(tmp_path, {"a.py": one, "b.py": other, "c.py": one})

    assert set(done.changes) == {"a.py", "c.py"}  # the same secret may be the same variable
    assert ["PASSWORD is the variable of another value" in left.reason for left in done.left] == [True]


def test_a_variable_that_the_project_reads_already_gets_no_other_meaning(tmp_path):
    done = repaired_files(tmp_path, {"a.py": 'PASSWORD = "Wq9-admin-only"\n'}, taken=["PASSWORD"])

    assert not done.changes


def test_the_variables_that_a_project_reads_are_found(shop):
    from agents.builtin.patcher.original import original

    (shop.path / "x.py").write_text(
        'a = os.environ["ONE_A"]; b = os.environ.get("TWO_B"); c = os.getenv(\'THREE_C\')\n'
    )
    (shop.path / "x.js").write_text("const d = process.env.FOUR_D, e = process.env['FIVE_E'];\n")
    git = Git(folder=shop.path, config=("user.name=x", "user.email=x@example.org"))
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message", "x")

    assert {"ONE_A", "TWO_B", "THREE_C", "FOUR_D", "FIVE_E"} <= original(str(shop.path)).environment_names()


def test_one_fix_that_does_not_hold_costs_no_other_of_its_rule(tmp_path):
    text = (
        'const c = { dbPassword: "S3cret-Admin-1", apiKey: "sk_live_9aQ2jK83bd0sXz" };\n'
        'const jwtSecret = "jK9s-0dh2-aa83";\n'
    )

    done = repaired_files(tmp_path, {"a.js": text})

    assert "process.env.JWT_SECRET" in done.changes["a.js"].new
    assert [left.vulnerability.line for left in done.left] == [1]


def test_two_digests_of_a_file_are_changed_together_or_not_at_all(tmp_path):
    old = (
        "import hashlib\n\n\ndef store(password):\n    return hashlib.md5(password).hexdigest()\n\n\n"
        "def check_md5(password, known):\n    return hashlib.md5(password).hexdigest() == known\n"
    )

    text, left = repaired(tmp_path, "a.py", old)

    assert text == old
    assert any("change them together" in reason for reason in left)


def test_a_random_value_is_fixed_where_it_is_made_though_it_is_found_where_it_is_used(tmp_path):
    old = "function f() {\n  const sessionToken = Math.random().toString(36);\n  return sessionToken;\n}\n"

    text, left = repaired(tmp_path, "a.js", old)

    assert left == []
    assert text == old.replace("Math.random().toString(36)", 'globalThis.crypto.randomUUID().replaceAll("-", "")')


LEFT = [
    ("a.py", "import subprocess\nsubprocess.run(f'ls {x} | wc -l', shell=True)\n", r"shell syntax \('\|'\)"),
    ("a.py", "import subprocess\nsubprocess.run(f'{x} -l', shell=True)\n", "program to start is not a literal"),
    ("a.py", "import subprocess\nsubprocess.run(f'A=1 ls {x}', shell=True)\n", "sets a variable"),
    ("a.py", "import subprocess\nsubprocess.run(f'ls {x:>3}', shell=True)\n", "formats a value"),
    ("a.py", "import subprocess\nsubprocess.run(f\"ls '{x}'\", shell=True)\n", "shell syntax"),
    ("a.py", "eval(x, {})\n", "more than a literal"),
    ("a.py", "exec(x)\n", "no rule that fixes this"),
    (
        "a.py",
        "import os\nimport tempfile\n\n\ndef f():\n    name = tempfile.mktemp()\n    os.mkdir(name)\n    return name\n",
        "it may have to be free",
    ),
    ("a.py", "import tempfile\n\n\ndef f():\n    return tempfile.mktemp()\n", "cannot be seen"),
    (
        "a.py",
        "import subprocess\nsubprocess.run(f'ls {x}', shell=True, executable='/bin/bash')\n",
        "its own shell",
    ),
    ("a.py", "import os\ncode = os.system('ls ' + x) >> 8\n", "takes the status"),
    (
        "a.py",
        "import hashlib\n\n\ndef file_md5(x):\n    return hashlib.md5(x).hexdigest()\n",
        "which digest it is",
    ),
    (
        "a.js",
        "const c = require('crypto');\nexports.md5 = (x) => c.createHash('md5').update(x);\n",
        "which digest",
    ),
    ("a.js", "eval(function (p, a) { return p; }('x', 1));\n", "put together from code"),
    ("a.js", "eval('x = ' + y);\n", "put together from code"),
    ("a.py", "y = eval('self.' + x)\n", "put together from code"),
    ("a.js", "function f(e, a, b) {\n  e.innerHTML = a + b;\n}\n", "markup that is wanted"),
    ("docs/a.py", "y = eval(x)\n", "it is documentation"),
    ("tests/test_a.py", "y = eval(x)\n", "it is in test code"),
    ("vendor/a.py", "y = eval(x)\n", "a copy of another project's"),
    ("a.py", "token = 'AKIAIOSFODNN7EXAMPLE'; other = 'AKIAIOSFODNN7EXAMPLF'\n", "still finds it after the fix"),
    ("a.js", "new Function(x)\n", "no rule that fixes this"),
    ("a.js", "function f(e, x) {\n  e.innerHTML = '<b>' + x + '</b>';\n}\n", "markup of its own"),
    ("a.js", "function f(x) {\n  document.write(`<p>${x}</p>`);\n}\n", "markup of its own"),
    ("a.js", "const { exec: run } = require('child_process'); run('ls ' + x)\n", "another name"),
    ("a.js", "const { exec } = require('child_process'); exec('ls ' + x + ' > y')\n", "shell syntax"),
    ("a.js", "const { exec } = require('child_process'); exec(x)\n", "program to start is not a literal"),
]


def test_options_that_are_passed_on_may_hold_the_one_that_is_missing():
    found = Vulnerability(
        severity="LOW",
        rule="py/request-without-timeout",
        file="a.py",
        line=2,
        description="it waits for ever",
        recommendation="give it a timeout",
    )
    done = repair([found], lambda _: "import requests\nrequests.get(u, **options)\n", LOG)
    assert not done.changes
    assert ["may be among them" in each.reason for each in done.left] == [True]


@pytest.mark.parametrize(("name", "text", "reason"), LEFT)
def test_what_cannot_be_fixed_safely_is_left(tmp_path, name, text, reason):
    changed, left = repaired(tmp_path, name, text)

    assert changed == text
    assert len(left) == 1
    assert re.search(reason, left[0])


def test_patches_apply_whatever_the_line_ends(tmp_path):
    old = {"crlf.py": "a = 1\r\nb = 2\r\n", "no-end.py": "a = 1\nb = 2", "odd.py": "a = '\x0c'\nb = '\u2028'\n"}
    new = {name: text.replace("b = ", "c = ") for name, text in old.items()}
    for name, text in old.items():
        (tmp_path / name).write_bytes(text.encode())
    made = patch({name: Change(old=old[name], new=new[name]) for name in old})

    subprocess.run(["git", "apply", "-"], input=made.encode(), cwd=tmp_path, check=True)

    assert {name: (tmp_path / name).read_bytes().decode() for name in old} == new


def _fixed(name, text, log=None):
    import logging

    from agents.builtin.patcher.repair import repair
    from agents.builtin.scanning.scan import scan

    log = logging.getLogger("test")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_text(text)
        found = scan(Path(folder), [name], log).vulnerabilities
    return repair(found, lambda _: text, log)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", 'U = {"ann": {"password": "Wq9-admin-only"}, "bob": {"password": "guest-for-all"}}\n'),
        ("a.py", 'password = "Wq9-admin-only"\nclass B:\n    password = "guest-for-all"\n'),
        ("a.js", 'const u = { ann: { password: "Wq9-admin-only" }, bob: { password: "guest-for-all" } };\n'),
    ],
)
def test_two_secrets_never_become_one_variable(name, text):
    done = _fixed(name, text)

    assert done.changes == {}
    assert len(done.left) >= 1
    assert all("more than one secret" in left.reason for left in done.left)


def test_a_javascript_secret_that_is_unset_lets_nobody_in():
    old = 'const adminPassword = "S3cret-Admin-1";\nmodule.exports = (b) => b.password === adminPassword;\n'
    new = _fixed("a.js", old).changes["a.js"].new

    assert "S3cret" not in new
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    env = {"PATH": os.environ["PATH"]}
    script = "try { console.log(require('./a.js')({})) } catch (e) { console.log('refused: ' + e.message) }"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.js").write_text(new)
        for given, said in (({}, "refused: ADMIN_PASSWORD is not set"), ({"ADMIN_PASSWORD": ""}, "refused: ")):
            done = subprocess.run(
                [node, "-e", script], cwd=folder, env=env | given, capture_output=True, text=True
            )
            assert said in done.stdout


@pytest.mark.parametrize(
    ("opened", "fixed"),
    [
        ("with tarfile.open(n) as z:\n        z.extractall(to)", True),
        ("tarfile.open(n).extractall(to)", True),
        ("with zipfile.ZipFile(n) as z:\n        z.extractall(to)", False),
        ("zipfile.ZipFile(n).extractall(to)", False),
        ("z = something(n)\n    z.extractall(to)", False),
    ],
)
def test_only_a_tar_archive_is_given_a_filter(opened, fixed):
    done = _fixed("a.py", f"import tarfile, zipfile\ndef f(n, to):\n    {opened}\n")

    assert ("a.py" in done.changes and 'filter="data"' in done.changes["a.py"].new) == fixed
    if not fixed:
        assert all(
            "filter" in left.reason for left in done.left if left.vulnerability.rule == "py/archive-traversal"
        )


def test_a_byte_order_mark_stays_in_a_fixed_file():
    text = "\ufeffimport hashlib\nhashlib.md5(b'x')\n"
    done = _fixed("a.py", text)

    assert done.changes["a.py"].new.startswith("\ufeffimport hashlib")
    assert "sha256" in done.changes["a.py"].new


UNSAFE = [
    (
        "py/insecure-random",
        "from app import secrets\ntoken = random.choice(x)\n",
        "'secrets' is the name of something",
    ),
    (
        "py/insecure-random",
        "def f(secrets):\n    token = random.choice(x)\n",
        "'secrets' is the name of something",
    ),
    ("py/eval", "ast = g(x)\ny = eval(x)\n", "'ast' is the name of something"),
    (
        "py/hard-coded-secret",
        "import posix as os\npassword = 'S3cr3tPassw0rdXy'\n",
        "'os' is the name of something",
    ),
    ("py/hard-coded-secret", "class os: ...\npassword = 'S3cr3tPassw0rdXy'\n", "'os' is the name of something"),
    ("py/unsafe-yaml", "import yaml\ny = yaml.load(x, Loader=Mine)\n", "one of the project's own"),
    ("py/unsafe-yaml", "yaml.add_constructor('!x', f)\ny = yaml.load(x, yaml.Loader)\n", "tags of its own"),
    ("py/unsafe-yaml", "import yaml\ny = yaml.load(*x)\n", "cannot be seen"),
    ("py/unsafe-yaml", "import yaml\ny = yaml.load(x, **z)\n", "cannot be seen"),
    (
        "py/tls-verification-off",
        "import ssl\nssl._create_unverified_context(ssl.PROTOCOL_TLS)\n",
        "other arguments",
    ),
    ("py/insecure-temp-file", "def f():\n    a = tempfile.mktemp()\n    open(a, 'x')\n", "may have to be free"),
    ("py/insecure-temp-file", "def f():\n    a = tempfile.mktemp()\n    run(['git', a])\n", "may have to be free"),
    ("py/insecure-temp-file", "def f():\n    a = tempfile.mktemp()\n    return a\n", "may have to be free"),
    ("py/insecure-temp-file", "def f():\n    open(tempfile.mktemp(), mode='xb')\n", "cannot be seen"),
    (
        "py/template-autoescape-off",
        "e = Environment(autoescape=False)\ne.get_template('a.conf.j2')\n",
        "no web page",
    ),
    (
        "py/shell-injection",
        "import subprocess\nsubprocess.run('ulimit -n ' + x, shell=True)\n",
        "word of the shell",
    ),
    (
        "py/shell-injection",
        "import subprocess\nsubprocess.run(f'cc {cflags} a', shell=True)\n",
        "several arguments",
    ),
    (
        "py/shell-injection",
        "import subprocess\nsubprocess.run('ls ' + ' '.join(x), shell=True)\n",
        "several arguments",
    ),
    ("py/shell-injection", "import os\nstatus = os.system('ls ' + x)\n", "is handed on"),
    ("py/insecure-random", "random.seed(4)\ntoken = random.choice(x)\n", "sets the seed"),
    ("js/shell-injection", "const c = require('child_process');\nc.exec(`type ${x}`);\n", "word of the shell"),
    (
        "js/shell-injection",
        "const c = require('child_process');\nc.exec('ls ' + x, { shell: 'sh' });\n",
        "own shell",
    ),
    ("js/shell-injection", "const c = require('child_process');\nc.exec('ls ' + x, { ...o });\n", "own shell"),
    ("js/shell-injection", "const c = require('child_process');\nc.exec('ls ' + x, options, f);\n", "own shell"),
    ("js/inner-html", "function f(e, html) {\n  e.innerHTML = html;\n}\n", "markup that is wanted"),
    ("js/spawn-shell", "\nspawn('ls -la', { shell: true });\n", "a whole line"),
    ("js/spawn-shell", "\nspawn(x, [], { shell: true });\n", "a whole line"),
    ("js/spawn-shell", "\nspawn('ls', ['*.js'], { shell: true });\n", "an argument uses shell syntax"),
    ("js/insecure-random", "\nconst token = user + Math.random().toString(36);\n", "and nothing else"),
    ("js/insecure-random", "\nconst password = Math.random().toString(10);\n", "and nothing else"),
    (
        "js/insecure-random",
        "function f() { const token = Math.random().toString(36); return token; }\nfunction g(token) { h(token); }\n",
        "and nothing else",
    ),
]


@pytest.mark.parametrize(("rule", "text", "reason"), UNSAFE)
def test_a_fix_that_would_change_more_than_the_weakness_is_none(rule, text, reason):
    with pytest.raises(CannotFixError, match=reason):
        _fix(rule, text, 1 if rule == "py/template-autoescape-off" else 2)


def _fix(rule: str, text: str, line: int):
    if rule.startswith("py/"):
        return python_fixes.fix(text, rule, line)
    return javascript_fixes.fix(SourceFile(name="a.js", text=text), rule, line)


def test_what_was_quoted_for_the_shell_is_not_quoted_without_one():
    text = "import subprocess\nsubprocess.run(f'cp {shlex.quote(a)} {b}', shell=True)\n"

    assert 'subprocess.run(["cp", str(a), str(b)])' in python_fixes.fix(text, "py/shell-injection", 2).apply(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@a\n@b(1)\ndef f(): ...\n", "import ast\n\n\n@a\n@b(1)\ndef f(): ...\n"),
        ('"""Doc."""\n@a\nclass F: ...\n', '"""Doc."""\nimport ast\n\n\n@a\nclass F: ...\n'),
        ("x = f()\nimport sys\n", "import ast\nx = f()\nimport sys\n"),
        ("from __future__ import a\nimport sys\n", "from __future__ import a\nimport ast\nimport sys\n"),
    ],
)
def test_an_import_stands_before_whatever_runs_first(text, expected):
    assert python_fixes.add_imports(text, {"ast"}) == expected
