"""What the code around a finding shows: that it is asked for, of a protocol, made as HTML, or of no page. All pure."""

from __future__ import annotations

import re

import pytest

from agents.builtin.scanning import template_scan
from agents.builtin.scanning.flow.entries import filled
from agents.builtin.scanning.flow.readers import read
from agents.builtin.scanning.flow.tree import Class, Define, Function
from agents.builtin.scanning.page_texts import is_made_harmless, is_rendered, is_text, sanitizes
from agents.builtin.scanning.places import of_no_weight, place_of
from agents.builtin.scanning.purposes import (
    is_asked_for,
    is_exempt_with_a_key,
    is_for_comparison,
    is_of_protocol,
    is_own_file,
)
from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.secret_names import looks_secret, names_a_secret
from agents.builtin.scanning.source_files import SourceFile


def at(text: str, mark: str) -> tuple[list[str], int]:
    lines = text.split("\n")
    return lines, next(number for number, line in enumerate(lines, 1) if mark in line)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("el.innerHTML = other.innerHTML;", True),
        ("el.innerHTML = el.innerHTML.replace(/a/g, 'b');", True),
        ("el.innerHTML = resp.data;", True),
        ("el.innerHTML = QUESTION_TEXT;", True),
        ("el.innerHTML = DOMPurify.sanitize(\n  text,\n);", True),
        ("el.innerHTML = DOMPurify.sanitize(text) + more;", False),
        ("el.innerHTML = resp.data.name;", False),
        ("import { closeIcon } from './icons';\nel.innerHTML = closeIcon;", True),
        ("const html = '<b>' + name + '</b>';\nel.innerHTML = html;", False),
        ("const html = `<b>${name}</b>`;\nel.innerHTML = html;", False),
        ("fetch(u).then(r => r.text()).then(page => {\n  el.innerHTML = page;\n});", True),
        ("fetch(u).then(r => r.json()).then(page => {\n  el.innerHTML = page;\n});", False),
        ("el.innerHTML = comment.body;", False),
        ("el.innerHTML = names.map(n => `<li>${escapeHtml(n)}</li>`).join('');", True),
        ("el.innerHTML = `<li>${escapeHtml(a)}${b}</li>`;", False),
        ("el.innerHTML = `<li>${escapeHtml(a)}</li>` + b;", False),
        ("el.insertAdjacentHTML('beforeend', sanitizedNote);", True),
        ("el.insertAdjacentHTML('beforeend', note);", False),
    ],
)
def test_html_that_is_put_into_a_page(text, harmless):
    lines, number = at(text, "el.inn" if "el.inn" in text else "el.ins")

    assert is_made_harmless(lines, number) is harmless


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("if insecure {\n\tconf.InsecureSkipVerify = true\n}", True),
        ("if (this.ignoreTls) {\n  agent = new Agent({\n    rejectUnauthorized: false,\n  })\n}", True),
        (
            "if self.verify_mode == REQUIRED:\n    context.check_hostname = True\nelse:\n    x.check_hostname = False",
            True,
        ),
        ("if self.named:\n    pass\nelse:\n    x.check_hostname = False", False),
        ("mode = verify ? OpenSSL::SSL::VERIFY_PEER : OpenSSL::SSL::VERIFY_NONE", True),
        ("func f() {\n\tconf.InsecureSkipVerify = true\n}", False),
        ("if retry {\n\tconf.InsecureSkipVerify = true\n}", False),
        ("function verify() {\n  agent = new Agent({ rejectUnauthorized: false });\n}", False),
    ],
)
def test_tls_that_is_not_verified_where_somebody_asks_for_it(text, asked):
    lines = text.split("\n")
    number = next(n for n, line in enumerate(lines, 1) if re.search("true|VERIFY_NONE|[fF]alse", line))

    assert is_asked_for(lines, number, of_developers=False) is asked


def test_what_holds_for_developers_only():
    lines = ["if (env.IsDevelopment())", "{", "    app.UseDeveloperExceptionPage();", "}"]

    assert is_asked_for(lines, 3, of_developers=True)
    assert not is_asked_for(
        ["public void Configure()", "{", "    app.UseDeveloperExceptionPage();"], 3, of_developers=True
    )
    assert not is_asked_for(lines, 99, of_developers=True)


@pytest.mark.parametrize(
    ("text", "exempt"),
    [
        ("@csrf_exempt\n@require_api_key\ndef f(request):\n    save(request)", True),
        ("@csrf_exempt\ndef f(request):\n    if not hmac.compare_digest(a, b):\n        return no()", True),
        ("@csrf_exempt\ndef f(request):\n    save(request)\n\n\ndef other():\n    hmac.new(b'')", False),
        ("@login_required\n@csrf_exempt\ndef f(request):\n    save(request)", False),
        ("@csrf_exempt\ndef f(request):\n    run(request.META['HTTP_X_EVENT'])", False),
    ],
)
def test_views_that_forged_requests_reach(text, exempt):
    assert is_exempt_with_a_key(*at(text, "csrf_exempt")) is exempt


@pytest.mark.parametrize(
    ("line", "compares"),
    [
        ("name = md5(content).hexdigest()", True),
        ("return createHash('md5').update(x).digest('hex').substring(0, 8);", True),
        ("nonce = hashlib.sha1(s).hexdigest()[:16]", True),
        ("key = sha1(static::class);", True),
        ("self.css_hash = hashlib.md5(", True),
        ("stored = md5(password_file)", False),
        ("stored = md5($password . $url)", False),
        ("x = hashlib.md5(value).hexdigest()", False),
    ],
)
def test_sums_that_withstand_nobody(line, compares):
    assert is_for_comparison(["def f():", "    " + line], 2) is compares


def test_what_a_protocol_asks_for():
    assert is_of_protocol("lib/ntlm/hash.js", ["x"], 1)
    assert is_of_protocol("a.rb", ["# for Gravatar", "Digest::MD5.hexdigest(mail)"], 2)
    assert not is_of_protocol("a.rb", ["Digest::MD5.hexdigest(mail)"], 1)


def test_templates_that_are_no_pages():
    text = 'The check "{{ name|safe }}" is down.'

    assert is_text(text)
    assert not is_text("{{ body|safe }}")
    assert not is_text(f"<p>{text}</p>")
    assert template_scan.scan(SourceFile(name="mail/alert.html", text=text)) == []
    assert template_scan.scan(SourceFile(name="page.html", text=f"<p>{text}</p>")) != []


def test_html_that_was_made_on_purpose():
    assert is_rendered("<%= raw comment.markdown_body %>")
    assert is_rendered('<p v-html="descriptionHTML"></p>')
    assert not is_rendered('<p v-html="comment.text"></p>')
    assert not is_rendered("<%= raw @user.bio %>")
    assert is_rendered("<code dangerouslySetInnerHTML={{ __html: renderedCode }} />")
    assert not is_rendered("<div dangerouslySetInnerHTML={{ __html: comment.html }} />")
    assert sanitizes(["x", "import DOMPurify from 'dompurify'"])
    assert not sanitizes(["x = 1"])


def test_what_is_started_by_hand_and_what_developers_have():
    def found(kind: str, file: str):
        rule = Rule(id=kind, cwe="CWE-78", severity="HIGH", description="x", recommendation="y")
        return rule.at(file, 1)

    assert of_no_weight(found("js/shell-injection", "extra/release.mjs"), "")
    assert not of_no_weight(found("js/shell-injection", "server/app.mjs"), "")
    assert of_no_weight(found("js/sql-injection", "server/migrations/1_index.js"), "")
    assert not of_no_weight(found("js/sql-injection", "server/queries/link.js"), "")
    assert of_no_weight(found("infra/exposed-port", ".devcontainer/compose.yml"), "")
    assert not of_no_weight(found("infra/docker-socket", ".devcontainer/compose.yml"), "")


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("d41d8cd98f00b204e9800998ecf8427e", False),
        ("VerySecretPassword", False),
        ("¡Contraseña", False),
        ("[(#{js.password})]", False),
        ("k9Qz7Lw2Vx5Tn8Rb", True),
    ],
)
def test_values_that_are_no_secrets(value, secret):
    assert looks_secret(value) is secret


def test_a_pass_that_is_gone_through_is_no_password():
    assert not names_a_secret("scaleFilterFirstPass")
    assert names_a_secret("mail_pass")


def test_what_a_controller_of_csharp_is_handed_is_of_the_program():
    text = """
class OrdersController : ControllerBase {
    public OrdersController(string root, IStore store) { }
    [HttpGet] public string Read(string name, IStore store, CancellationToken stop, IFormFile file) { return name; }
}
"""
    module = read("csharp", text, "a.cs")
    assert module is not None
    [owner] = [one.what for one in module.body if isinstance(one, Define) and isinstance(one.what, Class)]
    functions = [one.what for one in owner.body if isinstance(one, Define) and isinstance(one.what, Function)]

    assert [sorted(filled("csharp", one)) for one in functions] == [[], ["file", "name"]]


def test_what_a_test_runs_in_is_of_tests():
    assert place_of("scripts/test-environments/oidc/compose.yml", "") == "test"
    assert place_of("test_utils/a.py", "") == place_of("integ_tests/common.py", "") == "test"
    assert place_of("latest-data/a.py", "") == place_of("test-kitchen/a.py", "") == "production"


def test_objects_in_a_file_that_the_program_writes():
    assert is_own_file("state = pickle.load(f)", "pickle.dump(state, f)\nstate = pickle.load(f)")
    assert not is_own_file("state = pickle.load(f)", "state = pickle.load(f)")
    assert not is_own_file("state = pickle.loads(sent)", "pickle.dump(state, f)")
