"""Twenty canary secrets in twenty encodings: none is left in a log, a message, a result, an artifact or a name."""

import asyncio
import base64
import codecs
import gzip
import html
import io
import json
import logging
import quopri
import shlex
import threading
import urllib.parse
import zipfile
import zlib
from typing import Any

import pytest

from agents.sandbox.leaks.masking import Masker
from agents.sandbox.log_lines import LogStream
from agents.sandbox.port import Limits, LogLine

SECRETS = {
    "PLAIN": "hunter2-correct-horse",
    "SHORT": "p4ss",
    "SLACK": "https://hooks.slack.test/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "TOKEN": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "KEY": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"
    "ggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----\n",
    "QUOTES": 'it\'s "quoted" and\\escaped',
    "SPACES": "two words and  more",
    "PERCENT": "100%25+sure&yes=no",
    "UNICODE": "pässwörd-ñandú-密码",
    "EMOJI": "key-🔑-value",
    "JSON": '{"user": "ci", "password": "s3cr3t/x"}',
    "HEXLIKE": "deadbeef0123456789",
    "BASE64LIKE": "c2VjcmV0LXZhbHVlLWhlcmU=",
    "DOLLARS": "$HOME`id`$(id)!!",
    "HTML": "<b>a&b</b>'\"",
    "TABS": "a\tb\tcdef",
    "DIGITS": "8675309424242",
    "REGEX": "a.b*c+d?[e](f){g}|h^i$",
    "URL": "postgres://user:p%40ss@db.test:5432/x?sslmode=require",
    "SLASHES": "a/b\\c//d\\\\e",
}
ENCODINGS = {
    "as it is": lambda s: s,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 behind one byte": lambda s: base64.b64encode(b"x" + s.encode() + b"yz").decode(),
    "base64 behind two bytes": lambda s: base64.b64encode(b"xy" + s.encode() + b"z").decode(),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(b">>>" + s.encode()).decode(),
    "base64 in lines": lambda s: base64.encodebytes(s.encode() * 3).decode(),
    "base64 twice": lambda s: base64.b64encode(base64.b64encode(s.encode())).decode(),
    "base32": lambda s: base64.b32encode(s.encode()).decode(),
    "hex": lambda s: s.encode().hex(),
    "HEX with colons": lambda s: s.encode().hex(":").upper(),
    "URL": lambda s: urllib.parse.quote(s, safe=""),
    "URL form": urllib.parse.quote_plus,
    "URL, every character": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "JSON": json.dumps,
    "JSON within JSON": lambda s: json.dumps(json.dumps(s)),
    "JSON, every character": lambda s: "".join(f"\\u{unit:04x}" for unit in _utf16(s)),
    "Python": repr,
    "shell": shlex.quote,
    "HTML": lambda s: html.escape(s, quote=True),
    "bytes, in decimal": lambda s: str(list(s.encode())),
    "octal": lambda s: "".join(f"\\{byte:03o}" for byte in s.encode()),
    "mail": lambda s: quopri.encodestring(s.encode(), quotetabs=True).decode(),
    "reversed": lambda s: s.encode()[::-1].decode(errors="replace") if s.isascii() else s,
    "rot13": lambda s: codecs.encode(s, "rot13"),
}
# An encoding of four characters is too short to be told from other text.
CASES = [
    (name, way) for name in SECRETS for way in ENCODINGS if name != "SHORT" or way in ("as it is", "hex", "URL")
]


def test_there_are_twenty_secrets_and_twenty_encodings():
    assert len(SECRETS) >= 20
    assert len(ENCODINGS) >= 20


@pytest.mark.parametrize(("name", "way"), CASES)
def test_no_encoding_of_a_secret_is_left_in_a_log_or_a_result(name, way):
    secret = SECRETS[name]
    encoded = ENCODINGS[way](secret)
    masker = Masker({name: secret})
    lines: list[LogLine] = []
    stream = LogStream(Limits(), masker, lines.append)
    for byte in f"before {encoded} after\n".encode():  # the smallest chunks there are
        stream.feed(bytes([byte]))
    shown = "\n".join(line.text for line in lines)
    assert _parts(encoded, shown) == []
    assert "before" in shown
    assert masker.leaked(json.dumps({"output": encoded}).encode()) == name
    assert masker.leaked(f"before {encoded} after".encode()) == name


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_without_its_like_in_a_text_leaves_the_text_alone(name):
    text = "an ordinary line with 12345 and https://example.test/path?x=1 & <b>more</b>"
    masker = Masker({name: SECRETS[name]})
    assert masker.mask(text) == text
    assert masker.leaked(text.encode()) is None


@pytest.mark.parametrize("name", [name for name in SECRETS if len(SECRETS[name]) >= 20])
def test_a_secret_told_in_two_lines_is_masked_in_both(name):
    secret = SECRETS[name]
    half = len(secret) // 2
    masker = Masker({name: secret})
    lines: list[LogLine] = []
    stream = LogStream(Limits(), masker, lines.append)
    stream.feed(f"first {secret[:half]}\n{secret[half:]} last\n".encode())
    shown = "\n".join(line.text for line in lines)
    for piece in (secret[:half], secret[half:]):
        assert piece.strip() not in shown


def test_each_line_of_a_key_is_masked_by_itself():
    masker = Masker({"KEY": SECRETS["KEY"]})
    for line in SECRETS["KEY"].splitlines():
        assert masker.mask(f"line: {line}") == "line: [secret KEY]"


@pytest.mark.parametrize("pack", ["gzip", "zlib", "zip", "zip name", "pdf"])
def test_a_secret_in_a_compressed_file_is_found(pack):
    secret = SECRETS["TOKEN"].encode()
    match pack:
        case "gzip":
            content = gzip.compress(b"x" * 100 + secret)
        case "zlib":
            content = zlib.compress(b"x" * 100 + secret)
        case "pdf":
            content = b"%PDF-1.7\n1 0 obj\nstream\n" + zlib.compress(b"BT (" + secret + b") Tj") + b"\nendstream"
        case _:
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                name, body = (secret.decode(), b"x") if pack == "zip name" else ("a.txt", secret)
                archive.writestr(name, body)
            content = buffer.getvalue()
    assert Masker({"TOKEN": SECRETS["TOKEN"]}).leaked(content) == "TOKEN"
    assert Masker({"OTHER": SECRETS["PLAIN"]}).leaked(content) is None


def test_a_long_log_is_masked_in_good_time():
    import time

    masker = Masker(SECRETS)
    stream = LogStream(Limits(), masker, lambda line: None)
    started = time.process_time()
    stream.feed(b"a line of the usual length, with some words and a number 42 in it, no more\n" * 3_000)
    # What takes quadratic time in a regular expression, which no budget and no other thread interrupts.
    for hostile in (b"\\" * 60_000, b"\\x" * 30_000, b"0" * 60_000, b"%25" * 20_000):
        Masker({"TOKEN": SECRETS["TOKEN"]}).mask(hostile.decode())
    assert time.process_time() - started < 3


async def test_the_loop_goes_on_while_a_log_is_masked_and_what_takes_too_long_is_not_shown():
    secret = SECRETS["TOKEN"]
    hostile = "".join(f"%{ord(char):02x}" for char in secret) + "\\u0041%41&#65;=41" * 10
    chunk = f"{hostile}\n{secret}\n".encode() * 20
    lines: list[LogLine] = []
    stream = LogStream(Limits(), Masker({"TOKEN": secret}), lines.append, masking_seconds=0.05)
    taken = asyncio.create_task(stream.take(b"begun\n" * 200))
    turns = 0
    while not taken.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
    assert [line.text for line in lines] == ["begun"] * 200
    for _ in range(50):
        await stream.take(chunk)
    await stream.take(b"afterwards\n")
    await stream.end()
    shown = "\n".join(line.text for line in lines)
    assert secret not in shown
    assert lines[-1].text == "the log is not shown from here on: looking for secrets takes too long"
    assert lines[-1].level == logging.WARNING


async def test_hostile_logs_of_many_runs_leave_threads_for_the_rest_of_the_worker():
    done = threading.Event()

    class Slow(Masker):
        def may_hold(self, *given: Any, **options: Any) -> bool:
            done.wait(30)
            return False

    streams = [LogStream(Limits(), Slow({"TOKEN": SECRETS["TOKEN"]}), lambda line: None) for _ in range(40)]
    taken = [asyncio.create_task(each.take(b"a line\n" * 200)) for each in streams]
    try:
        await asyncio.sleep(0)  # each has begun
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "at once"), 10) == "at once"
    finally:
        done.set()
        await asyncio.gather(*taken)


def test_a_cut_line_shows_no_part_of_a_secret():
    lines: list[LogLine] = []
    secret = SECRETS["TOKEN"]
    stream = LogStream(Limits(log_line_bytes=100), Masker({"TOKEN": secret}), lines.append)
    stream.feed(b"x" * 80 + secret.encode() + b"\n")
    assert lines[0].text == "x" * 80 + "[secret TOKEN]"


LEAKS = {
    "stdout": "print('got ' + s)",
    "stderr": "import sys; sys.stderr.write(s + chr(10))",
    "the logger": "context.log.warning('got %s', s)",
    "base64": "import base64; print(base64.b64encode(b'x' + s.encode()).decode())",
    "a traceback": "raise ValueError(s)",
    "a result": "said = {'a': [s]}",
    "a key of the result": "said = {s: 1}",
    "an encoded result": "said = s.encode().hex()",
    "an artifact": "said = context.save_artifact('a.txt', s.encode())",
    "an artifact's name": "said = context.save_artifact(s, b'x')",
    "a packed artifact": "import gzip; said = context.save_artifact('a.gz', gzip.compress(s.encode()))",
    "a declared error": "from agents.sdk.errors import TransientError\nraise TransientError('no luck with ' + s)",
    "a crash": "import os, sys; sys.stderr.write(s); sys.stderr.flush(); os.abort()",
    "a half line": "import os, time; os.write(1, s.encode()[:20]); time.sleep(0.2); os.write(1, s.encode()[20:])",
}
_IN_THE_RESULT = {"a result", "a key of the result", "an encoded result", "an artifact", "an artifact's name"}
_IN_THE_RESULT |= {"a packed artifact"}


@pytest.mark.parametrize("way", LEAKS)
async def test_whatever_way_an_agent_leaks_its_secret_nothing_of_it_comes_out(way, run, logs):
    secret = SECRETS["TOKEN"]
    result = await run(f"s = context.secret('TOKEN')\n{LEAKS[way]}", secrets={"TOKEN": secret})
    everything = repr(result) + repr(logs) + "".join(repr(artifact.content) for artifact in result.artifacts)
    assert secret not in everything
    assert secret.encode().hex() not in everything
    assert base64.b64encode(b"x" + secret.encode()).decode()[4:-4] not in everything
    if way in _IN_THE_RESULT:
        assert result.failure is not None
        assert result.failure.kind == "leaked-secret"
        assert "'TOKEN'" in result.failure.message


async def test_a_secret_reaches_the_agent_and_is_nowhere_else_in_the_jail(run):
    code = """
    import os, pathlib
    secret = context.secret("TOKEN")
    found = []
    for folder in ("/tmp", "/jail", "/run", "/work", "/etc"):
        for path in pathlib.Path(folder).rglob("*"):
            if "site-packages" in str(path) or "/jail/lib" in str(path) or not path.is_file():
                continue
            try:
                if secret.encode() in path.read_bytes():
                    found.append(str(path))
            except OSError:
                pass
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            for file in ("cmdline", "environ"):
                try:
                    if secret.encode() in pathlib.Path("/proc", pid, file).read_bytes():
                        found.append(file)
                except OSError:
                    pass
    said = [len(secret), os.environ["TOKEN"] == secret, found]
    """
    result = await run(code, secrets={"TOKEN": SECRETS["TOKEN"]})
    assert result.output == {"said": [len(SECRETS["TOKEN"]), True, []]}


def _utf16(text: str) -> list[int]:
    wide = text.encode("utf-16-be")
    return [int.from_bytes(wide[i : i + 2], "big") for i in range(0, len(wide), 2)]


def _parts(encoded: str, shown: str) -> list[str]:
    """Pieces of the encoded secret that are still shown; its ends may stand for other bytes."""
    return [
        encoded[i : i + 10]
        for i in range(4, len(encoded) - 14)
        if encoded[i : i + 10] in shown and len(encoded) > 24
    ]
