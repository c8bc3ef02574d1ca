"""`commandcenter up` as its users start it: one process that has all the others, which can be killed at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import nats
import psutil
from contenders.child import free_port

from deployments.stack.addresses import Addresses, running
from records import Records, Run

_HALF_AN_HOUR = 1_800
_MOST_RUNS = 100_000
AGENT = Path(__file__).with_name("agent")
_COMMAND = str(Path(sys.executable).with_name("commandcenter"))
_CONTEXT = {"type": "object", "required": ["number"], "properties": {"number": {"type": "integer"}}}
_INPUTS = {"number": "{{ context.number }}"}
WORKFLOWS = {
    "small": [{"id": "only", "agent": "counter", "action": "count", "inputs": _INPUTS}],
    "gated": [{"id": "asked", "agent": "counter", "action": "countIfAllowed", "inputs": _INPUTS}],
    "burst": [
        {"id": "first", "agent": "counter", "action": "count", "inputs": _INPUTS},
        *(
            {"id": each, "agent": "counter", "action": "count", "inputs": _INPUTS, "dependsOn": ["first"]}
            for each in ("left", "right")
        ),
    ],
}


class Up:
    """One life of the platform on a folder."""

    def __init__(
        self, folder: Path, *, env: Mapping[str, str] | None = None, ports: tuple[int, int] | None = None
    ) -> None:
        self.folder = folder
        self._env = {**os.environ, **(env or {})}
        self.ports = ports or (free_port(), free_port())
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> float:
        """Seconds until it answers."""
        began = time.monotonic()
        state = self.folder / "state"
        with (self.folder / "up.log").open("ab") as log:
            said = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *(_COMMAND, "up", "--state", str(state), "--workflows", str(self.folder / "none")),
                *("--prefect-port", str(self.ports[0]), "--nats-port", str(self.ports[1])),
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while b"stop         Ctrl-C" not in (self.folder / "up.log").read_bytes()[said:]:
            if self._process.returncode is not None or time.monotonic() > began + 300:
                raise RuntimeError(f"the platform did not come up: {(self.folder / 'up.log').read_text()[-2000:]}")
            await asyncio.sleep(0.2)
        return time.monotonic() - began

    @property
    def addresses(self) -> Addresses:
        """Where its parts are."""
        found = running(self.folder / "state")
        assert found is not None
        return found

    async def deploy(self) -> None:
        """The agent and the workflows of this benchmark, by the command line."""
        folder = self.folder / "workflows"
        folder.mkdir(exist_ok=True)
        for name, nodes in WORKFLOWS.items():
            text = json.dumps({"name": name, "context": _CONTEXT, "nodes": nodes})  # JSON is YAML
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        await self.cli("agents", "register", str(AGENT))
        await self.cli("deploy", str(folder))

    async def cli(self, *arguments: str) -> str:
        """`commandcenter …`; what it prints."""
        env = {**self._env, "COMMANDCENTER_STATE": str(self.folder / "state")}
        process = await asyncio.create_subprocess_exec(
            _COMMAND, *arguments, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return output.decode()

    async def publish(self, workflow: str, numbers: Sequence[int]) -> None:
        """One event for each number, as fast as the stream acknowledges."""
        client = await nats.connect(self.addresses.nats_url)
        try:
            for number in numbers:
                event = {"projectId": 1, "context": {"number": number}, "triggeredBy": "bench"}
                headers = {"Nats-Msg-Id": f"{workflow}-{number}"}
                await client.jetstream().publish(
                    f"workflow.trigger.{workflow}", json.dumps(event).encode(), headers=headers
                )
        finally:
            await client.close()

    @property
    def pids(self) -> list[int]:
        """All of its processes."""
        assert self._process is not None
        main = psutil.Process(self._process.pid)
        return [main.pid, *(each.pid for each in main.children(recursive=True))]

    def kill(self) -> None:
        """`kill -9` of every process of it."""
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End it, if it lives, and wait for its end."""
        if self._process is not None:
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.terminate()
            await self._process.wait()


async def until_ended(records: Records, count: int, *, look_every: float) -> list[Run]:
    """The runs that have ended, once there are `count`. Raises RuntimeError after half an hour without."""
    deadline = time.monotonic() + _HALF_AN_HOUR
    while True:
        ended = [each for each in await records.runs(1, limit=_MOST_RUNS) if each.finished_at]
        if len(ended) >= count:
            return ended
        if time.monotonic() > deadline:
            raise RuntimeError(f"after half an hour {count - len(ended)} of {count} runs have not ended")
        await asyncio.sleep(look_every)
