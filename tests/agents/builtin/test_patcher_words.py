"""Fixes in Go, Java, Ruby, PHP and C#: one word where that is safe; else what to use, by name."""

from __future__ import annotations

import logging

import pytest

from agents.builtin.patcher.edit import CannotFixError
from agents.builtin.patcher.repair import repair
from agents.builtin.patcher.word_fixes import LANGUAGES, fix, reason
from agents.builtin.scanning import engine
from agents.builtin.scanning.scan import scan
from agents.builtin.scanning.source_files import SourceFile

LOG = logging.getLogger("test")
needs_engine = pytest.mark.skipif(engine.program() is None, reason="the engine is not installed (make setup)")
WORDS = [
    (
        "a.go",
        "go/tls-verification-off",
        "\tc := &tls.Config{InsecureSkipVerify: true}",
        "InsecureSkipVerify: false",
    ),
    ("a.go", "go/weak-cipher", "\tc := &tls.Config{MinVersion: tls.VersionTLS10}", "tls.VersionTLS12"),
    ("a.go", "go/weak-key", "\trsa.GenerateKey(rand.Reader, 1024)", "rand.Reader, 2048"),
    ("a.rb", "rb/tls-verification-off", "http.verify_mode = OpenSSL::SSL::VERIFY_NONE", "VERIFY_PEER"),
    ("a.rb", "rb/weak-key", "OpenSSL::PKey::RSA.new(1024)", "new(2048)"),
    ("a.php", "php/tls-verification-off", "curl_setopt($h, CURLOPT_SSL_VERIFYPEER, false);", "VERIFYPEER, true"),
    ("a.php", "php/tls-verification-off", "curl_setopt($h, CURLOPT_SSL_VERIFYHOST, 0);", "VERIFYHOST, 2"),
    ("a.php", "php/debug-mode", "ini_set('display_errors', '1');", "'display_errors', '0'"),
    ("A.java", "java/weak-key", "    generator.initialize(1024);", "initialize(2048)"),
    ("A.cs", "cs/weak-key", "        new RSACryptoServiceProvider(1024);", "Provider(2048)"),
    (
        "A.cs",
        "cs/jwt-unverified",
        "        v.ValidateIssuerSigningKey = false;",
        "ValidateIssuerSigningKey = true",
    ),
    ("A.cs", "cs/unsafe-xml", "        s.DtdProcessing = DtdProcessing.Parse;", "DtdProcessing.Prohibit"),
    (
        "A.cs",
        "cs/tls-verification-off",
        "        h.ServerCertificateCustomValidationCallback = (a, b, c, d) => true;",
        "Callback = null;",
    ),
]


def test_the_word_may_stand_on_a_later_line_of_what_begins_there():
    text = "x\n\tc := &tls.Config{\n\t\tInsecureSkipVerify: true,\n\t}\n\td.InsecureSkipVerify = true\n"
    new = fix(SourceFile(name="a.go", text=text), "go/tls-verification-off", 2).apply(text)

    assert new == text.replace("InsecureSkipVerify: true", "InsecureSkipVerify: false")


def test_a_check_of_the_projects_own_is_left():
    text = "x\n\tc := &tls.Config{InsecureSkipVerify: true, VerifyPeerCertificate: pinned}\n"
    with pytest.raises(CannotFixError, match="a function of its own"):
        fix(SourceFile(name="a.go", text=text), "go/tls-verification-off", 2)


@pytest.mark.parametrize(("name", "rule", "line", "expected"), WORDS)
def test_one_word_is_changed_and_nothing_else(name, rule, line, expected):
    text = f"// é\n{line}\n// end\n"
    edit = fix(SourceFile(name=name, text=text), rule, 2)
    new = edit.apply(text)

    assert expected in new
    assert (new.split("\n")[0], new.split("\n")[2:]) == ("// é", ["// end", ""])
    assert edit.note


@pytest.mark.parametrize(
    ("name", "rule", "line"),
    [
        ("a.go", "go/tls-verification-off", "a(InsecureSkipVerify: true); b(InsecureSkipVerify: true)"),
        ("a.go", "go/tls-verification-off", "c.HostKeyCallback = ssh.InsecureIgnoreHostKey()"),
        ("A.java", "java/tls-verification-off", "v = NoopHostnameVerifier.INSTANCE;"),
        ("a.php", "php/weak-hash", "$h = md5($p);"),
    ],
)
def test_what_is_not_one_plain_word_is_left_with_what_to_use(name, rule, line):
    with pytest.raises(CannotFixError, match="; use "):
        fix(SourceFile(name=name, text=line), rule, 1)


def test_every_language_is_told_its_own_call():
    told = {suffix: reason("x/sql-injection", suffix) for suffix in LANGUAGES}

    assert len(set(told.values())) == len(LANGUAGES)
    assert "PreparedStatement" in told[".java"]
    assert reason("go/no-such-kind", ".go").endswith("; a person has to")


@needs_engine
def test_the_scanner_finds_what_is_fixed_no_more(tmp_path):
    text = 'package a\n\nimport "crypto/tls"\n\nvar C = &tls.Config{InsecureSkipVerify: true}\n'
    (tmp_path / "a.go").write_text(text)
    found = scan(tmp_path, ["a.go"], LOG).vulnerabilities
    done = repair(found, lambda name: text, LOG)

    assert [one.vulnerability.rule for one in done.fixed] == ["go/tls-verification-off"]
    assert done.changes["a.go"].new == text.replace("true", "false")
