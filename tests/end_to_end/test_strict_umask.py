"""A platform that is started under umask 077 works as under any other: agents are other users than the worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("commandcenter"))


def test_the_main_job_under_a_strict_umask(tmp_path: Path) -> None:
    command = [COMMAND, "demo", "--approve", "--state", str(tmp_path / "state")]
    done = subprocess.run(
        command, env=dict(os.environ), capture_output=True, text=True, timeout=180, check=False, umask=0o077
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
