"""What Prefect's engine logs about our runs: the right level, and no traceback of no exception."""

from __future__ import annotations

import logging

import pytest

from agents.sandbox.port import AgentFailure, AgentResult, LogLine
from compiler.plan import ApprovalRule


async def test_a_run_that_waits_for_a_person_is_no_error_in_its_log(bench, node, caplog) -> None:
    caplog.set_level(logging.INFO)
    flow_run = await bench.start(await bench.deploy(node("fix", gate=ApprovalRule(), risk="APPROVAL_REQUIRED")))
    assert (await bench.execute(flow_run)).is_paused()
    (ended,) = [each for each in caplog.records if "Finished in state Suspended" in each.getMessage()]
    assert (ended.levelno, ended.levelname) == (logging.INFO, "INFO")


async def test_a_failed_run_stays_an_error_and_its_log_has_no_traceback_of_nothing(bench, node, caplog) -> None:
    caplog.set_level(logging.INFO)
    failure = AgentFailure(kind="bad-request", message="the file is not there")
    bench.sandbox.answer("scan", AgentResult(failure=failure))
    flow_run = await bench.start(await bench.deploy(node("scan")))
    assert (await bench.execute(flow_run)).is_failed()
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert any("Finished in state Failed" in each.getMessage() for each in errors)
    assert any("Task run failed" in each.getMessage() for each in errors)
    assert "NoneType: None" not in caplog.text


async def test_what_an_agent_writes_does_nothing_on_the_workers_terminal(bench, node, caplog) -> None:
    caplog.set_level(logging.INFO)
    hostile = "\x1b[2J\x1b]0;owned\x07 done\u202e %s {}"
    failure = AgentFailure(kind="bad-request", message=f"failed {hostile}")
    line = LogLine(level=logging.INFO, text=f"logged {hostile}")
    bench.sandbox.answer("scan", AgentResult(failure=failure), logs=[line])
    flow_run = await bench.start(await bench.deploy(node("scan")))
    assert (await bench.execute(flow_run)).is_failed()
    messages = [each.getMessage() for each in caplog.records if each.name.startswith("prefect.")]
    assert any("logged \\u001b[2J" in each and each.endswith("%s {}") for each in messages)
    assert any("failed \\u001b[2J" in each for each in messages)
    assert all(char.isprintable() or char in "\n\t" for each in messages for char in each)


@pytest.fixture(autouse=True)
def seen(caplog: pytest.LogCaptureFixture) -> None:
    """Prefect's own set-up of logging must not hide these from the test."""
    logging.getLogger("prefect").propagate = True
