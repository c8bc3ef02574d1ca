"""How long a trivial run takes from its creation to its end, on our worker and on Prefect's stock process worker.

    python bench/worker.py [--runs 5] [--at-once 10] [--only commandcenter|process]

Prints, for each: the median and the slowest of runs one after the other, the time until a number of runs started
at once are all done, and the API requests that one run costs (those of the bench itself left out).
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from prefect.client.orchestration import PrefectClient

from deployments import ports
from records import upgrade

ROOT = Path(__file__).parent.parent
FLOWS = ROOT / "tests" / "deployments"
REQUEST = re.compile(r"^(GET|POST|PATCH|PUT|DELETE) (\S+) ([0-9.]+)$", re.MULTILINE)
IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")

WORKERS = {
    "commandcenter": ["-m", "deployments.worker_process", "--pool", "commandcenter", "--name", "bench"],
    "process": ["-m", "prefect", "worker", "start", "--type", "process", "--pool", "process", "--name", "bench"],
}


def environment(folder: Path, url: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return {
        **env,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": url,
        "PYTHONPATH": str(FLOWS),
        "DO_NOT_TRACK": "1",
        "DATABASE_URL": f"sqlite:///{folder / 'records.db'}",
        "COMMANDCENTER_STATE": str(folder),
    }


@contextlib.contextmanager
def process(arguments: list[str], env: dict[str, str], log: Path):
    with log.open("ab") as output:
        child = subprocess.Popen([sys.executable, *arguments], env=env, stdout=output, stderr=output, cwd=ROOT)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for_server(url: str) -> None:
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", trust_env=False).is_success:
                return
        time.sleep(0.1)


async def deploy(client: PrefectClient, kind: str):
    flow_id = await client.create_flow_from_name("empty")
    return await client.create_deployment(
        flow_id=flow_id,
        name=kind,
        entrypoint="sample_flows.empty",
        work_pool_name=kind,
        path=str(ROOT),
        parameter_openapi_schema={"type": "object", "properties": {}},
    )


async def until_online(client: PrefectClient, kind: str, worker: subprocess.Popen, log: Path) -> None:
    while True:
        assert worker.poll() is None, await asyncio.to_thread(log.read_text)
        with contextlib.suppress(Exception):
            if await client.read_workers_for_work_pool(kind):
                return
        await asyncio.sleep(0.1)


async def run(client: PrefectClient, deployment_id, *, pause: float = 0.01) -> float:
    began = time.perf_counter()
    created = await client.create_flow_run_from_deployment(deployment_id)
    while True:
        state = (await client.read_flow_run(created.id)).state
        if state.is_final():
            assert state.name == "Completed", state
            return time.perf_counter() - began
        await asyncio.sleep(pause)


def requests(log: Path, since: int) -> dict[str, list[float]]:
    """The server's milliseconds for each request, by kind of request."""
    found = collections.defaultdict(list)
    for method, path, milliseconds in REQUEST.findall(log.read_bytes()[since:].decode()):
        found[f"{method} {IDENTIFIER.sub('…', path)}"].append(float(milliseconds))
    return found


async def measure(kind: str, url: str, folder: Path, options: argparse.Namespace) -> dict:
    log = folder / "server.log"
    async with PrefectClient(url) as client:
        worker_log = folder / f"{kind}.log"
        with process(WORKERS[kind], environment(folder, url), worker_log) as worker:
            await until_online(client, kind, worker, worker_log)
            deployment_id = await deploy(client, kind)
            await run(client, deployment_id)
            await run(client, deployment_id)
            single = [await run(client, deployment_id) for _ in range(options.runs)]
            began = time.perf_counter()
            await asyncio.gather(*(run(client, deployment_id, pause=0.2) for _ in range(options.at_once)))
            together = time.perf_counter() - began
            # Once without looking at the run, so that all requests but the first are the worker's.
            await asyncio.sleep(6)
            since = log.stat().st_size
            await client.create_flow_run_from_deployment(deployment_id)
            await asyncio.sleep(3 if kind == "commandcenter" else 20)
            counted = requests(log, since)
    return {
        "median_s": round(statistics.median(single), 3),
        "slowest_s": round(max(single), 3),
        f"{options.at_once}_at_once_s": round(together, 2),
        "requests": sum(map(len, counted.values())) - 1,
        "milliseconds_by_request": dict(counted),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--only", choices=list(WORKERS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = ports.choose(None, remembered=None, part="Prefect's server", option="")
        url = f"http://127.0.0.1:{port}/api"
        server = ["-m", "deployments.server", "--port", str(port), "--access-log"]
        with process(server, environment(folder, url), folder / "server.log"):
            wait_for_server(url)
            asyncio.run(upgrade(f"sqlite:///{folder / 'records.db'}"))
            kinds = [options.only] if options.only else list(WORKERS)
            found = {kind: asyncio.run(measure(kind, url, folder, options)) for kind in kinds}
    print(json.dumps(found, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
