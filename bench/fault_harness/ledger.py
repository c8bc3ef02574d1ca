"""What happened, as seen from outside of the platform: one line of JSON each, on disk before anybody goes on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class Ledger:
    """An append-only file. Only the harness writes to it, and the harness is never killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(self, kind: str, **facts: Any) -> None:
        """One line, synced."""
        line = json.dumps({"at": round(time.time(), 3), "kind": kind, **facts}, ensure_ascii=False)
        os.write(self._descriptor, f"{line}\n".encode())
        os.fsync(self._descriptor)

    def read(self, kind: str) -> list[dict[str, Any]]:
        """All lines of one kind, oldest first."""
        lines = (json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if line["kind"] == kind]

    def close(self) -> None:
        """No more lines."""
        os.close(self._descriptor)
