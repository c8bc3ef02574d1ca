"""Names and scene as JSON on stdin -> what the probes got, in the jail, as the user who runs this."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from catalogue import load_all

from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.port import AgentRequest, Limits, Mount, Sandbox

_LIMITS = ("use-time", "use-processor")
"""Probes of a limit that is set lower for them; a warm jail is for equal limits."""
_SCHEMA = {"type": "object", "required": ["answers"]}


async def run_jailed(sandbox: Sandbox, names: list[str], scene: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """One run for all that can share one, and one for each of the others."""
    probes = load_all()
    shared = [name for name in names if not probes[name].alone]
    runs = [_run(sandbox, shared, scene, Limits(timeout_seconds=120, cpu_seconds=100))]
    for name in names:
        if probes[name].alone:
            limits = Limits(timeout_seconds=2 if name == "use-time" else 60, cpu_seconds=1)
            runs.append(_run(sandbox, [name], scene, limits))
    answers: dict[str, dict[str, Any]] = {}
    for found in await asyncio.gather(*runs):
        answers |= found
    return answers


async def run_warm(
    sandbox: BubblewrapSandbox, names: list[str], scene: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """As `run_jailed`, one probe after the other's jail has been started ahead; without mounts, which none has."""
    probes = load_all()
    limits = Limits(timeout_seconds=120, cpu_seconds=100)
    shared = [name for name in names if not probes[name].alone]
    answers: dict[str, dict[str, Any]] = {}
    await _run(sandbox, [], scene, limits, mounts=False)  # cold; it has the next one's jail started
    for asked in (shared, *([name] for name in names if probes[name].alone and name not in _LIMITS)):
        async with asyncio.timeout(60):
            while not sandbox.warm.standing:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        served = sandbox.warm.used
        answers |= await _run(sandbox, asked, scene, limits, mounts=False)
        assert sandbox.warm.used == served + 1, asked
    return answers


async def _run(
    sandbox: Sandbox, names: list[str], scene: dict[str, Any], limits: Limits, *, mounts: bool = True
) -> dict[str, Any]:
    shown = (
        Mount(name="repository", source=Path(scene["repository"])),
        Mount(name="own", source=Path(scene["own"]), writable=True),
    )
    request = AgentRequest(
        run_id="probes",
        node_id="probes",
        entry_path=str(Path(__file__).parent),
        action="escape",
        inputs={"names": names, "scene": {**scene, "repository": "/work/repository", "own": "/work/own"}},
        result_schema=_SCHEMA,
        limits=limits,
        mounts=shown if mounts else (),
    )
    result = await sandbox.run(request, on_log=lambda line: None)
    if result.failure is not None:
        if len(names) > 1:
            raise RuntimeError(f"the probes did not run: {result.failure}")
        return {names[0]: {"escaped": False, "how": result.failure.kind}}
    return result.output["answers"]


async def _main() -> None:
    order = json.load(sys.stdin)
    sandbox = BubblewrapSandbox()
    try:
        answers = await run_jailed(sandbox, order["names"], order["scene"])
    finally:
        await sandbox.close()
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())
