"""A stack of compose.yaml -> events into it, questions answered, containers killed, and what its records say of it.

`python bench/composed.py --kills 100` kills containers of the running stack at random while events come in, and
compares what was accepted with what became of it. `COMPOSE` is how Compose is called (`docker compose`), `SECRETS` the
folder of the secrets.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nats.errors
from nats.aio.client import Client

from triggers.nats.connection import open_once

ROOT = Path(__file__).parents[1]
AGENT = ROOT / "bench" / "scale" / "agent"
PARTS = ("postgres", "nats", "server", "listener", "worker", "api")
ACCEPT_SECONDS = 600
"""How long NATS may refuse an event or be away."""
NAME = "composed"
WORKFLOW = """\
name: composed
context:
  type: object
  required: [number, ask]
  properties:
    number: {type: integer}
    ask: {type: boolean}
nodes:
  - id: first
    agent: counter
    action: count
    inputs: {number: "{{ context.number }}"}
  - id: asked
    agent: counter
    action: countIfAllowed
    dependsOn: [first]
    when: "{{ context.ask }}"
    inputs: {number: "{{ context.number }}"}
  - id: last
    agent: counter
    action: count
    dependsOn: [first, asked]
    inputs: {number: "{{ context.number }}"}
"""
_DONE = """(SELECT coalesce(json_agg(a."nodeKey"), '[]') FROM "AgentRun" a
 WHERE a."workflowRunId" = r.id AND a.status = 'SUCCESS')"""
_RUN = f"""'number', r."contextJson"->'number', 'id', r.id, 'status', r.status, 'message', r.message,
 'nodes', {_DONE}"""
# A stack that has done other work has runs without a number.
RUNS = f"""SELECT coalesce(json_agg(json_build_object({_RUN})), '[]') FROM "WorkflowRun" r
 WHERE r."contextJson"->'number' IS NOT NULL"""


@dataclass(kw_only=True)
class Composed:
    """One stack."""

    compose: Sequence[str]
    secrets: Path
    ports: dict[str, int]
    token: str = ""
    """Of a person, for the API."""
    cwd: Path = ROOT
    accepted: list[int] = field(default_factory=list)
    """Numbers of the events that NATS has acknowledged."""
    asked: set[int] = field(default_factory=set)
    """Those of them whose runs ask a person."""

    def run(self, *arguments: str, seconds: float = 300, stdin: str | None = None) -> str:
        """Call Compose. Raises CalledProcessError."""
        done = subprocess.run(
            [*self.compose, *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            cwd=self.cwd,
            input=stdin,
            check=False,
        )
        if done.returncode != 0:
            sys.stderr.write(done.stdout[-3000:] + done.stderr[-3000:])
            done.check_returncode()
        return done.stdout

    def deploy(self, folder: Path) -> None:
        """Register the agent of `bench/scale`, whose one action asks first, and deploy the workflow of this file."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        (folder / f"{NAME}.yaml").write_text(WORKFLOW)
        shutil.copytree(AGENT, folder / "counter", dirs_exist_ok=True)
        mount = ("--volume", f"{folder.absolute()}:/composed:ro")
        once = ("run", "--rm", "--no-TTY", *mount)
        # In the worker's container, which may make the jail in which an agent describes itself. Versions before this
        # one want to be told of NATS, to which this does not talk.
        register = ("worker", "commandcenter", "agents", "register", "/composed/counter")
        self.run(*once, "--env", "NATS_URL=nats://nats:4222", *register)
        self.run(*once, "deploy", "commandcenter", "deploy", f"/composed/{NAME}.yaml")

    async def publish(self, *, ask: bool = False) -> int:
        """Publish one event, again and again until NATS has it; gives its number. Raises what NATS says in the end."""
        number = len(self.accepted) + 1
        deadline = time.monotonic() + ACCEPT_SECONDS
        body = json.dumps({"projectId": 1, "context": {"number": number, "ask": ask}, "triggeredBy": "composed"})
        while True:
            try:
                async with asyncio.timeout(10):
                    client = await self._connect()
                    try:
                        headers = {"Nats-Msg-Id": f"composed-{number}"}
                        await client.jetstream().publish(
                            f"workflow.trigger.{NAME}", body.encode(), headers=headers
                        )
                    finally:
                        await client.close()
                break
            except (nats.errors.Error, OSError, TimeoutError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)
        self.accepted.append(number)
        if ask:
            self.asked.add(number)
        return number

    async def _connect(self) -> Client:
        """As a publisher, with the secrets of this moment: they may be replaced meanwhile."""
        word = (self.secrets / "nats_publisher_password").read_text()
        authority = self.secrets / "nats_ca.pem"
        options: dict[str, Any] = (
            {"tls": ssl.create_default_context(cafile=authority)} if authority.exists() else {}
        )
        url = f"nats://publisher:{word}@127.0.0.1:{self.ports['NATS_PORT']}"
        return await open_once(url, allow_reconnect=False, connect_timeout=5, **options)

    def sql(self, query: str) -> Any:
        """The one value of the query, in JSON."""
        psql = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--username", "postgres")
        return json.loads(
            self.run("exec", "--no-TTY", "postgres", *psql, "--dbname", "commandcenter", stdin=query, seconds=60)
        )

    def runs(self) -> dict[int, list[dict[str, Any]]]:
        """Number of the event -> its runs."""
        found: dict[int, list[dict[str, Any]]] = {}
        for run in self.sql(RUNS):
            found.setdefault(run["number"], []).append(run)
        return found

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """An answer of the HTTP API, as the person with the token."""
        url = f"http://127.0.0.1:{self.ports['API_PORT']}{path}"
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, url, json=body, headers=headers, timeout=60, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def pending(self) -> list[dict[str, Any]]:
        """The approvals that wait."""
        return self.api("GET", "/approvals?status=PENDING&limit=1000")

    def asks(self, number: int) -> bool:
        """Whether the run of that event waits for a person."""
        ids = {run["id"] for run in self.runs().get(number, [])}
        return any(each["runId"] in ids for each in self.pending())

    def ended(self) -> set[int]:
        """Numbers of the events whose runs have ended well."""
        return {
            number for number, found in self.runs().items() if all(run["status"] == "SUCCESS" for run in found)
        }

    def approve_all(self) -> int:
        """Approve whatever waits; gives how many."""
        waiting = self.pending()
        for each in waiting:
            self.api(
                "POST", f"/approvals/{each['id']}/decision", {"decision": "approve", "digest": each["digest"]}
            )
        return len(waiting)

    def kill(self, service: str) -> bool:
        """Kill the first process of a container of that service, as the kernel would; False: there was none."""
        container = self.run("ps", "--quiet", service).split()
        if not container:
            return False
        told = subprocess.run(
            ["docker", "inspect", "--format", "{{.State.Pid}}", container[0]],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        if (pid := int(told)) == 0:
            return False
        os.kill(pid, signal.SIGKILL)
        return True

    def compared(self) -> list[str]:
        """What was lost, doubled or has failed; nothing when all is well."""
        runs = self.runs()
        problems = [f"event {number} has no run" for number in self.accepted if number not in runs]
        for number, found in sorted(runs.items()):
            if len(found) > 1:
                problems.append(f"event {number} has {len(found)} runs")
            for run in found:
                owed = {"first", "last"} | ({"asked"} if number in self.asked else set())
                done = Counter(run["nodes"])
                if run["status"] != "SUCCESS":
                    problems.append(f"run of event {number} is {run['status']}: {run['message']}")
                elif set(done) != owed or max(done.values()) > 1:
                    problems.append(
                        f"run of event {number} has done {dict(done)} instead of {sorted(owed)} once each"
                    )
        return problems

    async def quiet(self, seconds: float, *, approve: bool = True) -> list[str]:
        """Wait until everything that was accepted has ended well; what has not, after that time."""
        deadline = time.monotonic() + seconds
        problems = ["nothing was asked yet"]
        while problems and time.monotonic() < deadline:
            try:
                if approve:
                    await asyncio.to_thread(self.approve_all)
                problems = await asyncio.to_thread(self.compared)
            except (httpx.HTTPError, subprocess.SubprocessError, ValueError) as exc:
                problems = [f"the stack does not answer: {exc}"]
            if problems:
                await asyncio.sleep(1)
        return problems


async def until(condition: Callable[[], Any], seconds: float, what: str) -> None:
    """Until it holds; it may block. Raises TimeoutError, which says what has not happened."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} has not come within {seconds} s")
        await asyncio.sleep(1)


async def kill_at_random(
    stack: Composed, *, kills: int, seed: int = 1, parts: Sequence[str] = PARTS, quiet_seconds: float = 600
) -> tuple[Counter[str], list[str]]:
    """Kill containers one after another while events come in; gives how often each, and what was lost."""
    dice, killed = random.Random(seed), Counter[str]()
    while killed.total() < kills:
        await stack.publish(ask=dice.random() < 0.2)
        await asyncio.sleep(dice.uniform(0, 4))
        part = dice.choice(list(parts))
        if not await asyncio.to_thread(stack.kill, part):
            continue  # it is being started again
        killed[part] += 1
        if killed.total() % 10 == 0 and (left := await stack.quiet(quiet_seconds)):
            return killed, left
    return killed, await stack.quiet(quiet_seconds)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--token", default=os.environ.get("TOKEN", ""), help="Of a person who may approve; also TOKEN."
    )
    parser.add_argument("--nats-port", type=int, default=4222)
    parser.add_argument("--api-port", type=int, default=9002)
    options = parser.parse_args()
    stack = Composed(
        compose=shlex.split(os.environ.get("COMPOSE", "docker compose")),
        secrets=ROOT / os.environ.get("SECRETS", "secrets"),
        ports={"NATS_PORT": options.nats_port, "API_PORT": options.api_port},
        token=options.token,
    )
    stack.deploy(ROOT / ".commandcenter" / "composed")
    began = time.monotonic()
    killed, problems = asyncio.run(kill_at_random(stack, kills=options.kills, seed=options.seed))
    print(
        f"{killed.total()} kills in {time.monotonic() - began:.0f} s: {dict(killed)}; {len(stack.accepted)} events"
    )
    print("\n".join(problems) or "nothing lost, nothing doubled")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
