"""A Dagger engine that is absent, dead or frozen: an answer in time, the right kind, a reason, a fresh session."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agents.sandbox.agent_image import AgentImage
from agents.sandbox.dagger.engine import OPEN_SECONDS, EngineSession
from agents.sandbox.dagger.image import EngineMissing, EngineSettings
from agents.sandbox.dagger.sandbox import DaggerSandbox
from agents.sandbox.dagger.session import ANSWER_SECONDS, CLOSE_SECONDS, reason
from agents.sandbox.port import AgentRequest

LIMIT_SECONDS = 60.0
"""On a machine that is busy; `test_every_answer_fits_into_ten_seconds` adds up what is promised."""
FAKE = Path(__file__).with_name("fake_dagger.py")
REQUEST = AgentRequest(
    run_id="run", node_id="node", entry_path="agents.builtin.notifier", action="x", inputs={}, result_schema=None
)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine keeps what is well waiting, too; a test whose engine is silent has less."""
    monkeypatch.setattr("agents.sandbox.dagger.session.ANSWER_SECONDS", LIMIT_SECONDS)
    monkeypatch.setattr("agents.sandbox.dagger.engine.OPEN_SECONDS", LIMIT_SECONDS)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineSettings:
    cli = tmp_path / "dagger"
    cli.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    cli.chmod(cli.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("FAKE_DAGGER", str(tmp_path))
    return EngineSettings(cli=str(cli), runner_host="tcp://somewhere:1234")


@pytest_asyncio.fixture
async def engine(settings: EngineSettings) -> AsyncIterator[EngineSession]:
    session = EngineSession(settings)
    yield session
    await session.close()


@pytest.mark.parametrize(
    ("fault", "words"), [("fails", "tcp://nowhere is not there"), ("silent", "did not answer")]
)
async def test_an_engine_that_is_not_there_is_answered_in_time_with_its_reason_and_nothing_runs(
    fault: str, words: str, settings: EngineSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "silent":
        monkeypatch.setattr("agents.sandbox.dagger.engine.OPEN_SECONDS", 1.0)
    (tmp_path / fault).touch()
    sandbox = DaggerSandbox(settings)
    began = time.monotonic()
    result = await sandbox.run(REQUEST, on_log=lambda line: None)
    assert time.monotonic() - began < LIMIT_SECONDS
    assert result.failure is not None
    assert result.failure.kind == "sandbox-unavailable"
    assert words in result.failure.message
    report = await sandbox.check()
    assert not report.available
    assert words in report.detail
    await sandbox.close()


async def test_a_frozen_engine_is_given_up_in_time_and_the_next_run_has_a_fresh_session(
    engine: EngineSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await (await engine.client()).version() == "v0"
    first = (tmp_path / "pid").read_text()
    (tmp_path / "frozen").touch()
    monkeypatch.setattr("agents.sandbox.dagger.session.ANSWER_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(EngineMissing, match="did not answer"):
        await engine.client()
    assert time.monotonic() - began < LIMIT_SECONDS
    (tmp_path / "frozen").unlink()
    assert await (await engine.client()).version() == "v0"
    assert (tmp_path / "pid").read_text() != first
    assert not Path(f"/proc/{first}").exists()


async def test_a_session_that_was_killed_is_replaced_at_once(engine: EngineSession, tmp_path: Path) -> None:
    await engine.client()
    first = int((tmp_path / "pid").read_text())
    os.kill(first, signal.SIGKILL)
    assert await engine.is_gone()
    assert await (await engine.client()).version() == "v0"
    assert not await engine.is_gone()
    assert int((tmp_path / "pid").read_text()) != first


async def test_an_engine_that_freezes_while_the_image_is_made_ready_does_not_hold_up_the_worker(
    engine: EngineSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: object) -> None:
        (tmp_path / "frozen").touch()
        monkeypatch.setattr("agents.sandbox.dagger.session.BUSY_SECONDS", 1.0)
        await asyncio.sleep(3600)

    monkeypatch.setattr("agents.sandbox.dagger.engine.prepare", slow)
    await engine.client()
    began = time.monotonic()
    with pytest.raises(EngineMissing, match="ended while the image"):
        await engine.base()
    assert time.monotonic() - began < LIMIT_SECONDS


async def test_runs_that_wait_for_an_engine_that_is_not_there_share_one_attempt(
    engine: EngineSession, tmp_path: Path
) -> None:
    (tmp_path / "fails").touch()
    said = await asyncio.gather(*(engine.base() for _ in range(10)), return_exceptions=True)
    assert ["is not there" in str(each) for each in said] == [True] * 10
    assert len((tmp_path / "starts").read_text().splitlines()) == 1
    (tmp_path / "fails").unlink()
    assert await (await engine.client()).version() == "v0"


async def test_an_image_that_takes_long_to_make_holds_up_only_those_who_want_it(
    engine: EngineSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def prepared(client: object, settings: object, wanted: AgentImage | None) -> str:
        if wanted is not None:
            begun.set()
            await done.wait()
        return "made"

    monkeypatch.setattr("agents.sandbox.dagger.engine.prepare", prepared)
    own = asyncio.create_task(engine.base(AgentImage(image="slow")))
    async with asyncio.timeout(60):
        await begun.wait()
        assert (await engine.base())[1] == "made"
        assert not own.done()
        done.set()
        assert (await own)[1] == "made"


async def test_closing_takes_seconds_even_where_the_engine_is_frozen(
    engine: EngineSession, tmp_path: Path
) -> None:
    await engine.client()
    (tmp_path / "frozen").touch()
    began = time.monotonic()
    await engine.close()
    assert time.monotonic() - began < LIMIT_SECONDS
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()


@pytest.mark.parametrize("image", ["./image.tar", "../root", "image.tar.gz", "~/root"])
async def test_a_relative_path_is_not_taken_for_an_image_of_a_registry(
    image: str, settings: EngineSettings
) -> None:
    engine = EngineSession(EngineSettings(cli=settings.cli, runner_host=settings.runner_host, image=image))
    with pytest.raises(EngineMissing, match="no absolute path: set COMMANDCENTER_DAGGER_IMAGE="):
        await engine.base()
    await engine.close()


def test_every_answer_fits_into_ten_seconds() -> None:
    ending = 2 * CLOSE_SECONDS  # of the connection, and of the CLI
    assert ANSWER_SECONDS + ending < 10
    assert OPEN_SECONDS + ending < 10


def test_an_error_without_words_is_named() -> None:
    assert reason(TimeoutError()) == "TimeoutError"
    assert reason(ValueError(" ")) == "ValueError"
