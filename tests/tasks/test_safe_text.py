"""Hostile text on an approval card shows what it is and does nothing."""

from __future__ import annotations

import pytest

from tasks.safe_text import fenced, inline, safe_json, safe_text


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J\x1b[1;1Halready approved",
        "\x07\x08\x9b31m",
        "safe\u202egnp.exe",
        "a\u200bb\u2060c\ufeffd",
        "pay\u00adpal",
        "x\u2066y\u2069z",
        "line\u2028break\u2029",
        "\u115f\u3164\u2800",
        "tag\U000e0041\U000e0042",
        "variant\ufe0f",
    ],
)
def test_characters_that_act_or_hide_become_visible_escapes(hostile: str) -> None:
    shown = safe_text(hostile)
    assert "\\u" in shown
    assert all(char.isprintable() for char in shown)


def test_ordinary_text_in_any_language_stays_as_it_is() -> None:
    text = "Grüße, 世界! naïve — 🚨 3 CRITICAL\n\tnext"
    assert safe_text(text) == text


def test_long_text_is_cut_with_a_notice() -> None:
    shown = safe_text("x" * 10_000, limit=100)
    assert len(shown) < 150
    assert "[cut: 10,000 characters in all]" in shown


def test_escapes_do_not_let_text_grow_beyond_the_limit() -> None:
    assert len(safe_text("\x00" * 1_000, limit=1_000)) < 1_100


@pytest.mark.parametrize(
    "text", ["```\n# approved\n```", "````````", "~~~", "<script>alert(1)</script>", "[a](javascript:x)"]
)
def test_a_code_block_cannot_be_ended_from_inside(text: str) -> None:
    lines = fenced(text).split("\n")
    fence = lines[0].removesuffix("text")
    assert set(fence) == {"`"}
    assert lines[-1] == fence
    assert all(not line.strip().startswith(fence) for line in lines[1:-1])


@pytest.mark.parametrize("text", ["`", "``x``", "a ` b", "", "\n\n# heading"])
def test_a_code_span_cannot_be_ended_from_inside(text: str) -> None:
    span = inline(text)
    mark = span[: len(span) - len(span.lstrip("`"))]
    assert mark
    assert span.endswith(mark)
    assert mark not in span[len(mark) : -len(mark)]
    assert "\n" not in span


def test_json_shows_strings_with_their_newlines_escaped() -> None:
    assert safe_json({"a": "x\ny"}) == '{\n  "a": "x\\ny"\n}'
