"""Parts that an agent tells over its log pipe: read outside the jail, within bounds, without secrets."""

from __future__ import annotations

import json

import pytest

from agents.sandbox.leaks.masking import Masker
from agents.sandbox.log_lines import LogStream
from agents.sandbox.port import Limits, LogLine
from observability.traces.parts import MOST_PARTS, model_use, spans_of

SECRET = "hunter2-swordfish-4711"
NESTED = """
with context.span("outer", {"files": 3}) as found:
    with context.span("call", kind="client"):
        pass
    found["more"] = True
try:
    with context.span("broken"):
        raise KeyError("x")
except KeyError:
    pass
context.log.info("told")
said = 1
"""


def _stream(secrets: dict[str, str] | None = None) -> tuple[LogStream, list[LogLine]]:
    lines: list[LogLine] = []
    return LogStream(Limits(), Masker(secrets or {}), lines.append), lines


def _tell(stream: LogStream, **changes: object) -> None:
    part = {"name": "x", "start": 1_000, "end": 2_000, "number": 0, "within": None, "attributes": {}} | changes
    stream.feed(f"\x1e{json.dumps({'span': part})}\n".encode())


async def test_an_agent_in_the_jail_tells_its_parts(run, logs):
    result = await run(NESTED)

    assert result.output == {"said": 1}
    assert [line.text for line in logs] == ["told"]
    call, outer, broken = result.parts
    assert (outer.name, outer.attributes, outer.failed) == ("outer", {"files": 3, "more": True}, False)
    assert (call.name, call.kind, call.within) == ("call", "client", outer.number)
    assert (broken.failed, broken.attributes, broken.within) == (True, {"error.type": "KeyError"}, None)
    assert outer.start_ms <= call.start_ms <= call.end_ms <= outer.end_ms


def test_a_part_with_a_secret_in_any_form_is_dropped():
    stream, lines = _stream({"TOKEN": SECRET})
    _tell(stream, name=f"with {SECRET}")
    _tell(stream, attributes={"a": SECRET[:12], "b": SECRET[12:], "c": SECRET.encode().hex()})
    _tell(stream, name="fine")
    assert [part.name for part in stream.parts] == ["fine"]
    assert lines == []


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": 1},
        {"start": "now"},
        {"start": -1},
        {"end": 1e300},
        {"number": True},
        {"number": None},
        {"start": 1 << 60},
    ],
)
def test_what_is_no_part_is_left_out(changes):
    stream, lines = _stream()
    _tell(stream, **changes)
    stream.feed(b'\x1e{"span": [1, 2]}\n')
    assert stream.parts == []
    assert lines == []


def test_hostile_parts_are_cut_and_cannot_pass_for_the_platforms():
    stream, _ = _stream()
    many = {f"own.key{number}": number for number in range(50)}
    _tell(stream, name="a\n\x1b[2J" + "b" * 5_000, kind="server", attributes=many)
    spoofed = {
        "workflow.run_id": "1",
        "agent.name": "x",
        "Own": 1,
        "a..b": 1,
        "deep": {"a": 1},
        "nan": float("nan"),
    }
    _tell(stream, number=1, attributes=spoofed | {"text": "c" * 5_000, "ok": True})
    first, second = stream.parts
    assert (len(first.name), first.name.isprintable(), first.kind) == (200, True, "internal")
    assert len(first.attributes) == 16
    assert second.attributes == {"text": "c" * 200, "ok": True}
    for number in range(2, MOST_PARTS * 2):
        _tell(stream, number=number)
    assert len(stream.parts) == MOST_PARTS


def test_parts_become_spans_within_their_attempt():
    stream, _ = _stream()
    _tell(stream, number=0, start=0, end=99_999)
    _tell(stream, number=1, within=0, start=5_000, end=4_000)
    _tell(stream, number=2, within=7)
    _tell(stream, number=3, within=3)
    spans = list(spans_of(stream.parts, trace="a" * 32, parent="b" * 16, start_ms=2_000, end_ms=6_000))
    again = list(spans_of(stream.parts, trace="a" * 32, parent="b" * 16, start_ms=2_000, end_ms=6_000))
    assert spans == again
    assert len({span.span_id for span in spans}) == 4
    times = [(span.start_ms, span.end_ms) for span in spans]
    assert times == [(2_000, 6_000), (5_000, 5_000), (2_000, 2_000), (2_000, 2_000)]
    assert [span.parent_id for span in spans] == ["b" * 16, spans[0].span_id, "b" * 16, "b" * 16]


def test_calls_of_models_add_up():
    stream, _ = _stream()
    chat = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2}
    _tell(stream, number=0, attributes=chat | {"gen_ai.usage.cost_usd": 0.25})
    _tell(stream, number=1, attributes=chat | {"gen_ai.usage.input_tokens": -5, "gen_ai.usage.output_tokens": "9"})
    _tell(stream, number=2, attributes={"gen_ai.usage.input_tokens": 1_000})
    used = model_use(stream.parts)
    assert used.as_json() == {"calls": 2, "inputTokens": 10, "outputTokens": 2, "costUsd": 0.25}
    assert model_use(stream.parts[2:]).as_json() == {}
