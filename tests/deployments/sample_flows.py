"""Flows for the worker's tests and figures; importable by the worker because this folder is on its PYTHONPATH."""

import asyncio
import os
import threading
import time
from pathlib import Path

from prefect import flow, get_run_logger, suspend_flow_run, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.context import AsyncClientContext, FlowRunContext
from prefect.input import RunInput


@flow
async def empty():
    pass


@task
async def double(value: int) -> int:
    return value * 2


@flow(log_prints=True)
async def doubling(value: int = 1) -> int:
    get_run_logger().info("doubling %s", value)
    return await double(value)


@flow
async def failing():
    raise ValueError("this flow always fails")


@flow
async def exiting():
    raise SystemExit(3)


@flow
async def sleeping(seconds: float = 60, pid_file: str = ""):
    """Holds a child process, as an agent's sandbox does, and kills it when it is cancelled."""
    child = await asyncio.create_subprocess_exec("sleep", str(seconds), start_new_session=True)
    try:
        if pid_file:
            await asyncio.to_thread(Path(pid_file).write_text, f"{child.pid}\n{os.getpid()}\n")
        await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


@flow
async def computing(rounds: int, log: str):
    """Keeps the thread of all runs from turning to another."""
    _note(log, "begins")
    for _ in range(rounds):
        time.sleep(0.15)  # noqa: ASYNC251 - that is what it is for
        await asyncio.sleep(0)
    _note(log, "ends")


def _note(log: str, what: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{what}\n")


class Answer(RunInput):
    word: str = "no"


@flow
async def asking(answer_file: str):
    answer = await suspend_flow_run(wait_for_input=Answer, timeout=600)  # pyright: ignore[reportGeneralTypeIssues]
    await asyncio.to_thread(Path(answer_file).write_text, answer.word)


@flow
def synchronous():
    pass


@flow
async def meeting(file: str, guests: int):
    """Ends when that many runs are here at the same time; says what they have in common."""
    client = AsyncClientContext.get()
    flow_object = FlowRunContext.get().flow
    line = f"{os.getpid()} {threading.get_ident()} {id(client.client)} {id(flow_object)}\n"
    path = Path(file)
    await asyncio.to_thread(_append, path, line)
    for _ in range(1_000):
        if (await asyncio.to_thread(path.read_text)).count("\n") == guests:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("the others did not come")


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line)


@flow
async def presenting():
    await acreate_markdown_artifact("# Found", key="what-was-found")
