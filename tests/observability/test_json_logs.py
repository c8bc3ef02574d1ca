"""Logs as JSON: one line per record, with what it belongs to, whatever the message holds."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from observability.json_logs import (
    JsonFormatter,
    LogFormatError,
    as_json_line,
    know_run,
    log_as_json,
    log_context,
    log_format,
    name_runs,
)
from observability.log_errors import error_of
from observability.traces.ids import trace_id
from records.database.ids import id_of_flow_run


@pytest.fixture
def lines() -> Iterator[tuple[logging.Logger, StringIO]]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("worker"))
    logger = logging.getLogger("test.json")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)
    logger.propagate = True


async def test_lines_of_tasks_side_by_side_carry_their_own_run_and_node(
    lines: tuple[logging.Logger, StringIO],
) -> None:
    logger, stream = lines

    async def node(name: str) -> None:
        with log_context(node=name, item=None, attempt=2):
            await asyncio.sleep(0)
            logger.warning("at work")

    with log_context(run_id="r1", trace_id="t1"):
        await asyncio.gather(node("a"), node("b"))
        logger.warning("between")
    logger.warning("outside")
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(each.get("run_id"), each.get("node"), each.get("attempt")) for each in found] == [
        ("r1", "a", 2),
        ("r1", "b", 2),
        ("r1", None, None),
        (None, None, None),
    ]
    assert found[0]["trace_id"] == "t1"
    assert "item" not in found[0]


def test_lines_of_prefects_engine_about_a_run_carry_its_ids_as_ours_do(
    lines: tuple[logging.Logger, StringIO],
) -> None:
    """It logs before our code is there, and after."""
    logger, stream = lines
    flow_run = "4517f220-98bb-4ddf-8437-68720c9a24ee"
    logger.warning("beginning", extra={"flow_run_id": flow_run})
    know_run(flow_run, run_id="r1", trace_id=trace_id(flow_run))
    logger.warning("finished", extra={"flow_run_id": flow_run})
    begun, finished = (json.loads(line) for line in stream.getvalue().splitlines())
    assert begun["trace_id"] == finished["trace_id"] == flow_run.replace("-", "")
    assert finished["run_id"] == "r1"


def test_the_first_lines_about_a_run_carry_its_id_on_record(
    lines: tuple[logging.Logger, StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written before the run is on record."""
    monkeypatch.setattr("observability.json_logs._record_id", None)
    name_runs(id_of_flow_run)
    logger, stream = lines
    flow_run = "0a0f53a0-3f8e-4a53-8c0c-1f9f4bd4f9fd"
    logger.warning("submitting", extra={"flow_run_id": flow_run})
    know_run(flow_run, run_id="an older run, made under another id")
    logger.warning("beginning", extra={"flow_run_id": flow_run})
    logger.warning("of no run")
    found = [json.loads(line).get("run_id") for line in stream.getvalue().splitlines()]
    assert found == [id_of_flow_run(flow_run), "an older run, made under another id", None]


def test_hostile_text_stays_one_line_of_ascii() -> None:
    # Formatted without a logger: pytest would keep the text of one, and its workers cannot send half a surrogate.
    text = 'a\n{"level": "CRITICAL"}\x1b[2J\u202e\ud800'
    record = logging.LogRecord("test.json", logging.ERROR, __file__, 1, text, (), None)
    (line,) = JsonFormatter("worker").format(record).splitlines()
    assert line.isascii()
    assert json.loads(line)["level"] == "ERROR"


def test_errors_in_json_are_found_by_who_watches_logs(lines: tuple[logging.Logger, StringIO]) -> None:
    logger, stream = lines
    try:
        raise ValueError("because")
    except ValueError:
        logger.exception("It failed")
    logger.warning("not so bad")
    bad, fine = stream.getvalue().splitlines()
    assert error_of(bad) == "test.json: It failed: ValueError: because"
    assert error_of(fine) is None
    assert error_of("{not json") is None


def test_all_that_a_part_prints_is_json_up_to_its_last_error(tmp_path: Path) -> None:
    program = tmp_path / "part.py"
    program.write_text(
        "import logging, sys, warnings\n"
        "from observability.json_logs import log_as_json\n"
        "assert log_as_json('listener')\n"
        "print('ready', flush=True)\n"
        "print('warning: no such setting', file=sys.stderr)\n"
        "warnings.warn('soon gone')\n"
        "logging.getLogger('x').warning('logged')\n"
        "print('half a line', end='')\n"
        "raise ValueError('the end\\nof it')\n"
    )
    env = {**os.environ, "COMMANDCENTER_MODE": "production", "PYTHONPATH": str(Path(__file__).parents[2])}
    env.pop("COMMANDCENTER_LOG_FORMAT", None)
    done = subprocess.run([sys.executable, str(program)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    found = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
    assert {each["part"] for each in found} == {"listener"}
    told = [(each["level"], each["message"].splitlines()[0]) for each in found]
    assert told[:3] == [("INFO", "ready"), ("INFO", "half a line"), ("INFO", "warning: no such setting")]
    assert "soon gone" in told[3][1]
    assert told[4:] == [("WARNING", "logged"), ("CRITICAL", "the end")]
    assert "ValueError: the end" in found[-1]["error"]


def test_lines_of_nats_keep_their_level() -> None:
    line = json.loads(as_json_line("[9] 2026/11/28 18:00:00.123456 [ERR] disk is full", "nats"))
    assert (line["level"], line["part"], line["message"]) == ("ERROR", "nats", "disk is full")
    assert as_json_line('{"level": "INFO"}', "nats") == '{"level": "INFO"}'
    assert json.loads(as_json_line("{not json", "nats"))["message"] == "{not json"


def test_text_is_the_default_and_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert log_format({}) == "text"
    assert log_format({"COMMANDCENTER_MODE": "production"}) == "json"
    assert log_format({"COMMANDCENTER_MODE": "production"}, terminal=True) == "text"
    assert not log_as_json("worker", loggers=("test.none",))
    with pytest.raises(LogFormatError, match="COMMANDCENTER_LOG_FORMAT"):
        log_format({"COMMANDCENTER_LOG_FORMAT": "xml"})
