"""Work that no thread could be stopped in: it ends at its limits, and says why."""

from __future__ import annotations

import math
import os
import re
import threading
import time

import pytest

from reliability import apart
from reliability.apart import CheckerBroken, NotChecked, Pool, ask
from reliability.turns import LANE

_ENDLESS = r"(a+)+$", "a" * 48 + "b"


def test_an_answer_comes_from_a_process_that_is_used_again() -> None:
    first, second = ask(os.getpid), ask(os.getpid)
    assert first == second != os.getpid()
    assert ask(math.gcd, 12, 18) == 6


def test_a_call_that_no_thread_could_be_stopped_in_is_ended_and_the_next_question_answered() -> None:
    before = ask(os.getpid)
    # On a busy machine the wait may be over before that much was computed.
    with pytest.raises(NotChecked, match=r"more than 0\.5 s of processor time|too long") as refused:
        ask(re.match, *_ENDLESS, seconds=0.5)
    assert not isinstance(refused.value, CheckerBroken)
    assert ask(os.getpid) != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


def test_what_stands_still_is_not_waited_for_for_ever() -> None:
    with pytest.raises(NotChecked, match="too long"):
        ask(time.sleep, 600, seconds=0.05)


def test_memory_and_depth_are_bounded() -> None:
    with pytest.raises(NotChecked, match="too much memory"):
        ask(bytes, 2 * apart.MEMORY_BYTES)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NotChecked, match="nested too deeply"):
        ask(str, deep)


def test_a_process_that_was_taken_over_answers_wrongly_at_worst() -> None:
    # A pickle that names a class could run anything where it is read.
    with pytest.raises(CheckerBroken, match="no plain value"):
        ask(re.compile, "a")
    with pytest.raises(CheckerBroken, match="ZeroDivisionError"):
        ask(divmod, 1, 0)
    with pytest.raises(CheckerBroken, match="ended with status"):
        ask(os.abort)


def test_it_knows_no_setting_and_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMANDCENTER_SECRET_TOKEN", "hunter22")
    pool = Pool()
    with pool.process() as process:
        assert process.ask(os.getenv, ("COMMANDCENTER_SECRET_TOKEN",), 5) is None
    pool.close()


def test_lanes_are_served_in_turn_and_not_in_the_order_of_their_questions() -> None:
    pool, order = Pool(at_once=1), list[str]()
    begin, threads = threading.Event(), list[threading.Thread]()

    def wait_in(lane: str) -> None:
        LANE.set(lane)
        with pool.process():
            order.append(lane)

    def hold() -> None:
        with pool.process():
            holding.set()
            begin.wait()

    holding = threading.Event()
    threads.append(threading.Thread(target=hold))
    threads[0].start()
    holding.wait()
    for number, lane in enumerate(["one"] * 20 + ["two"], start=1):
        threads.append(threading.Thread(target=wait_in, args=(lane,)))
        threads[-1].start()
        while pool.waiting < number:
            time.sleep(0.001)
    begin.set()
    for thread in threads:
        thread.join()
    pool.close()
    assert order.index("two") <= 1
    assert order.count("one") == 20
