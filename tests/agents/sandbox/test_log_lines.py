"""What an agent writes, in pieces, as lines of its log."""

from __future__ import annotations

import pytest

from agents.sandbox.leaks.masking import Masker
from agents.sandbox.log_lines import LogStream
from agents.sandbox.port import Limits, LogLine


class Log:
    """A stream with a clock of its own."""

    def __init__(self, limits: Limits | None = None, secrets: dict[str, str] | None = None) -> None:
        self.now = 0.0
        self.lines: list[LogLine] = []
        self.stream = LogStream(
            limits or Limits(), Masker(secrets or {}), self.lines.append, clock=lambda: self.now
        )

    def feed(self, *pieces: str | bytes, seconds: float = 0.0) -> None:
        for piece in pieces:
            self.now += seconds
            self.stream.feed(piece.encode() if isinstance(piece, str) else piece)

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


def test_a_progress_bar_shows_its_last_state_at_intervals_and_at_its_end():
    log = Log()
    log.feed(*[f"\r{at:3}% done" for at in range(101)], seconds=0.1)
    log.feed("\n")

    assert log.texts[-1] == "100% done"
    assert 9 <= len(log.texts) <= 11
    assert len(set(log.texts)) == len(log.texts)
    assert all("\ufffd" not in text and "\r" not in text for text in log.texts)


def test_a_quick_progress_bar_is_one_line():
    log = Log()
    log.feed(*[f"{at}%\r" for at in range(101)])
    log.stream.close()

    assert log.texts == ["100%"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_no_character_is_broken_where_two_pieces_meet(size):
    text = "Größe 漢字 🔑 ok\rжщю 🚨\r\nфыю\n".encode()
    log = Log()
    log.feed(*[text[at : at + size] for at in range(0, len(text), size)])

    assert log.texts == ["жщю 🚨", "фыю"]


@pytest.mark.parametrize("end", [1, 2, 3])
def test_an_unfinished_line_is_shown_after_a_while_up_to_its_last_whole_character(end):
    raw = "wait 🔑".encode()
    log = Log()
    log.feed(raw[:-end])
    log.stream.show_unfinished()
    assert log.texts == []

    log.now += 5
    log.stream.show_unfinished()
    assert log.texts == ["wait "]

    log.feed(raw[-end:], " done\n")
    assert log.texts == ["wait ", "🔑 done"]


def test_a_line_that_ends_with_both_marks_is_one_line_also_between_two_pieces():
    log = Log()
    log.feed("one\r", "\ntwo\r\n", "\r\n")

    assert log.texts == ["one", "two", ""]


def test_an_endless_progress_bar_is_shown_to_its_end_in_little_memory():
    log = Log(Limits(log_line_bytes=100))
    for at in range(5000):
        log.feed(f"{at} of 5000\r", seconds=0.01)
    log.feed("finished\n")

    assert log.texts[-1] == "finished"
    assert log.texts[-2].endswith("of 5000")
    assert int(log.texts[-2].split()[0]) > 4800


def test_colours_and_cursor_moves_leave_no_trace():
    log = Log()
    log.feed("\x1b[32mok\x1b[0m\x1b[K \x1b]0;title\x07done\n")

    assert log.texts == ["ok done"]


def test_a_cut_line_ends_with_a_whole_character():
    log = Log(Limits(log_line_bytes=10))
    log.feed("ж" * 200 + "\n")

    assert log.texts[0].startswith("ж" * 10)
    assert not set(log.texts[0]) & {"?", "\ufffd"}


def test_a_secret_in_a_state_or_an_unfinished_line_is_masked():
    log = Log(secrets={"TOKEN": "ghp_16C7e42F292c6912E7710c838347Ae178B4a"})
    log.feed("a ghp_16C7e42F292c6912E7710c838347Ae178B4a\r", seconds=3)
    log.feed("b ghp_16C7e42F292c6912E7710c838347Ae178B4a")
    log.now += 5
    log.stream.show_unfinished()
    assert log.texts == [], "in a run with secrets only whole lines are shown"
    log.feed("\n")

    assert log.texts == ["b [secret TOKEN]"]


def test_a_record_of_the_sdk_is_never_shown_in_part():
    log = Log()
    log.feed('\x1e{"level": 30, "text": ')
    log.now += 10
    log.stream.show_unfinished()
    log.feed('"ready"}\n')

    assert [(line.level, line.text) for line in log.lines] == [(30, "ready")]


@pytest.mark.parametrize("between", ["", "\r"], ids=["a pause", "a carriage return"])
def test_a_secret_that_is_written_in_two_halves_is_not_shown_by_halves(between):
    secret = "xoxb-5f0c8f1e-0123456789"
    log = Log(secrets={"TOKEN": secret})
    log.feed(f"the token is {secret[:11]}", between)
    log.now += 60
    log.stream.show_unfinished()
    log.feed(secret[11:], "\n")

    shown = "".join(log.texts)
    assert secret[:11] not in shown
