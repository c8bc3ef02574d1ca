"""What our Prefect server does once where Prefect does it again and again; the answers are the same."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from docket import Docket, Worker
from prefect.server.api import background_workers
from prefect.utilities.schema_tools import validation

from deployments.prefect_server import background_services, checked_schemas

_JOINED = """\
import sys
from sqlalchemy import select
from deployments.prefect_server import sqlite
sqlite.use("sqlite+aiosqlite:///" + sys.argv[1])
from prefect.server.database import orm_models
print(select(orm_models.FlowRun))
"""


def test_on_sqlite_a_run_comes_with_its_state_queue_and_pool_in_one_statement(tmp_path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _JOINED, str(tmp_path / "prefect.db")], capture_output=True, text=True, check=True
    )
    for table in ("flow_run_state", "work_queue", "work_pool"):
        assert f"LEFT OUTER JOIN {table} " in run.stdout


def test_a_schema_is_checked_once_and_a_wrong_one_each_time(monkeypatch) -> None:
    validator = validation._VALIDATOR
    checked = []
    check = validator.check_schema
    monkeypatch.setattr(
        validator, "check_schema", lambda schema, **options: checked.append(schema) or check(schema, **options)
    )
    checked_schemas.use()
    right = {"type": "object", "properties": {"n": {"type": "integer"}}}
    for _ in range(3):
        validation.is_valid_schema(right)
        assert validation.validate({"n": 1}, right, raise_on_error=True) == []
        with pytest.raises(validation.ValidationError, match="'one' is not valid"):
            validation.validate({"n": "one"}, right, raise_on_error=True)
    assert len(checked) <= 2, "with the format checker, and without"
    for _ in range(2):
        with pytest.raises(ValueError, match="Invalid schema"):
            validation.is_valid_schema({"type": "object", "properties": {"n": {"type": "number?"}}})
    other = {"type": "object", "properties": {"n": {"type": "string"}}}
    with pytest.raises(validation.ValidationError):
        validation.validate({"n": 1}, other, raise_on_error=True)


async def test_the_background_services_run_and_are_asked_for_once_a_second(monkeypatch) -> None:
    monkeypatch.setattr(background_workers, "Worker", Worker)
    background_services.use()
    often = vars(background_workers)["Worker"]
    made, ran = [], asyncio.Event()

    async def service() -> None:
        ran.set()

    async with Docket(name="quiet", url="memory://") as docket, often(docket) as worker:
        made += [worker.scheduling_resolution, worker.minimum_check_interval]
        docket.register(service)
        task = asyncio.create_task(worker.run_forever())
        due = datetime.now(UTC) + timedelta(seconds=0.5)
        await docket.add(service, when=due)()
        await asyncio.wait_for(ran.wait(), 5)
        task.cancel()
        await asyncio.wait([task])
    assert made == [background_services.LOOK_EVERY] * 2
