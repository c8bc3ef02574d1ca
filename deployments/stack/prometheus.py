"""A state folder and the address of the metrics -> Prometheus, where it is installed, with our alert rules."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

import yaml

from deployments.stack.probe import HttpProbe
from deployments.stack.process import Command
from deployments.stack.supervised_process import SupervisedProcess

_VARIABLE = "COMMANDCENTER_METRICS_ADDRESS"
_START_SECONDS = 30.0


def serve_metrics_somewhere() -> str:
    """Have the listener that inherits this environment serve its metrics; gives the address."""
    address = os.environ.get(_VARIABLE) or f"127.0.0.1:{_free_port()}"
    os.environ[_VARIABLE] = address
    return address


@asynccontextmanager
async def prometheus(state: Path, *, target: str, every_seconds: int = 2) -> AsyncGenerator[str | None]:
    """Run it while the block lasts; gives its address, None where there is no `prometheus` on the PATH."""
    program = shutil.which("prometheus")
    if program is None:
        yield None
        return
    folder = state.absolute() / "prometheus"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    rules = folder / "rules.yaml"
    rules.write_text(
        files("observability.alerts").joinpath("rules.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    settings = {
        "global": {"scrape_interval": f"{every_seconds}s", "evaluation_interval": f"{every_seconds}s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "commandcenter", "static_configs": [{"targets": [target]}]}],
    }
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(json.loads(json.dumps(settings))), encoding="utf-8")
    address = f"127.0.0.1:{_free_port()}"
    command = Command(
        name="prometheus",
        arguments=[
            program,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
            "--enable-feature=exemplar-storage",
        ],
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
        umask=0o077,
        log=state.absolute() / "logs" / "prometheus.log",
    )
    probe = HttpProbe(f"http://{address}/-/ready")
    process = SupervisedProcess(command, probe=probe, timeout=_START_SECONDS, report=lambda part, event: None)
    try:
        await process.start()
        yield f"http://{address}"
    finally:
        await process.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
