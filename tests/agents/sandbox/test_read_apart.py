"""What an agent left, where reading it may take long or much: a process of its own does, or it is refused."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import struct
import time
from dataclasses import replace

import pytest

from agents.sandbox.leaks.masking import Masker
from agents.sandbox.outcome import ProcessEnd, judge
from agents.sandbox.port import AgentRequest, AgentResult
from agents.sandbox.report import JailReport
from reliability import apart

SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
_REQUEST = AgentRequest(
    run_id="run",
    node_id="work",
    entry_path="agent",
    action="act",
    inputs={},
    result_schema={"type": "object"},
    secrets={"TOKEN": SECRET},
)


def _judged(output: object, file: bytes | None = None, request: AgentRequest = _REQUEST) -> AgentResult:
    saved = [{"name": "report", "media_type": "application/x", "file": "0"}] if file is not None else []
    report = JailReport(
        status=0,
        result=json.dumps({"ok": True, "output": output, "artifacts": saved}).encode(),
        files=() if file is None else (("0", file),),
    )
    masker = Masker(request.secrets)
    return judge(ProcessEnd(report=report), request, masker, began=time.monotonic(), held={}, denied=())


def test_large_and_packed_results_are_read_as_small_ones_are() -> None:
    large = {"text": "x" * 200_000}
    for output, file in (({"a": [1, None, "ö"]}, b"plain"), (large, None), (large, gzip.compress(b"fine"))):
        read = _judged(output, file)
        assert (read.failure, read.output) == (None, output)
        assert [(each.name, each.media_type, each.content) for each in read.artifacts] == (
            [] if file is None else [("report", "application/x", file)]
        )
    for output, file in ((large | {"more": SECRET}, None), ({}, gzip.compress(SECRET.encode()))):
        read = _judged(output, file)
        assert read.failure is not None
        assert (read.failure.kind, read.output, read.artifacts) == ("leaked-secret", None, ())
    wrong = _judged(["x" * 200_000])
    assert wrong.failure is not None
    assert wrong.failure.kind == "invalid-output"


def test_a_small_result_needs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(apart, "ask")
    assert _judged({"text": "x" * 10_000}, b"plain").failure is None
    with pytest.raises(AttributeError):
        _judged({}, gzip.compress(b"fine"))


def test_what_asks_for_more_memory_than_there_is_is_refused_and_not_taken_for_harmless() -> None:
    packed = bytearray(lzma.compress(SECRET.encode(), format=lzma.FORMAT_ALONE))
    packed[1:5] = struct.pack("<I", 3 << 29)  # the size of its dictionary
    read = _judged({}, bytes(packed))
    assert read.failure is not None
    assert (read.failure.kind, read.artifacts) == ("output-limit", ())
    assert "too much memory" in read.failure.message


def test_what_takes_too_long_is_refused_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart.ask, "__kwdefaults__", {"seconds": 0.05})
    # Words of an agent cost most where a schema goes through all of them again and again.
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"pattern": "(a|b|ab)*c" * 90}}}}
    slow = replace(_REQUEST, result_schema=schema, secrets={})
    read = _judged({"a": ["ab" * 5_000] * 300}, request=slow)
    assert read.failure is not None
    assert read.failure.kind in ("output-limit", "invalid-output")
    monkeypatch.undo()
    assert _judged({"text": "x" * 200_000}).failure is None


def test_a_process_that_is_killed_meanwhile_is_replaced() -> None:
    pid = apart.ask(os.getpid)
    os.kill(pid, 9)
    assert _judged({"text": "x" * 200_000}).failure is None
