"""`commandcenter logs`: what a run's agents logged, with the node in each line, read and followed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.logging.handlers import APILogHandler

from agents.sandbox.port import LogLine
from compiler.plan import ApprovalRule

SCRIPT = "from deployments.cli.main import main; main()"


@pytest.fixture
def env(prefect_api: str, tmp_path: Path) -> dict[str, str]:
    database = f"sqlite:///{tmp_path}/records.db"
    return os.environ | {"DATABASE_URL": database, "PREFECT_API_URL": prefect_api, "NATS_URL": "nats://-"}


async def logs(env: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, "logs", *arguments, env=env, stdout=-1, stderr=-1
    )


async def printed(env: dict[str, str], *arguments: str) -> list[str]:
    process = await logs(env, *arguments)
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode().splitlines()


@pytest.fixture
async def run(bench: Any, node: Any) -> Any:
    """A run whose agents have logged, and that waits for an approval."""
    hostile = "\x1b[2Jone\ntwo"
    bench.sandbox.answer("scan", {}, logs=[LogLine(level=logging.INFO, text=hostile)])
    bench.sandbox.answer("tell", {}, logs=[LogLine(level=logging.WARNING, text="told them")])
    bench.sandbox.answer("fix", {}, logs=[LogLine(level=logging.INFO, text="fixed it")])
    plan = await bench.deploy(node("scan"), node("tell"), node("fix", "scan", gate=ApprovalRule()))
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).is_paused()
    await APILogHandler.aflush()
    return flow_run


async def test_each_line_names_its_node_and_shows_hostile_text_as_text(bench, run, env) -> None:
    record = await bench.record(run)
    lines = await printed(env, record.id)
    (one,) = [line for line in lines if "\\u001b[2Jone" in line]
    (two,) = [line for line in lines if line.endswith("two")]
    for line in (one, two):
        assert line.split()[1:3] == ["scan", "INFO"]
    assert any(line.split()[1:3] == ["tell", "WARNING"] and line.endswith("told them") for line in lines)
    assert any(line.split()[1:3] == ["(run)", "INFO"] for line in lines)
    assert all(line.isprintable() for line in lines)
    only = await printed(env, record.id, "tell", "--json")
    assert {json.loads(line)["node"] for line in only} == {"tell"}
    unknown = await logs(env, record.id, "tel")
    _, error = await unknown.communicate()
    assert (unknown.returncode, "its nodes are: scan, tell, fix" in error.decode()) == (1, True)


async def test_a_followed_log_goes_on_until_the_run_has_ended_and_repeats_nothing(bench, run, env) -> None:
    record = await bench.record(run)
    following = await logs(env, record.id, "-f")
    assert following.stdout is not None
    seen = [(await asyncio.wait_for(following.stdout.readline(), 60)).decode()]
    approval = await bench.records.approval(record.id, "fix")
    await bench.records.decide(approval.id, decision="APPROVED", by="kim", verified=True, channel="api")
    await bench.resume(run)
    assert (await bench.execute(run)).is_completed()
    await APILogHandler.aflush()
    rest, error = await asyncio.wait_for(following.communicate(), 60)
    lines = [*seen, *rest.decode().splitlines()]
    assert following.returncode == 0, error.decode()
    for text, times in (
        ("two", 1),
        ("told them", 1),
        ("fixed it", 1),
        ("Finished in state Completed('All nodes", 1),
    ):
        assert sum(text in line for line in lines) == times, (text, lines)
