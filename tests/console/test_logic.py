"""What the console computes: its own tests and its linter, with the Node.js of the wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "console" / "build.py", "npm", *arguments],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )


@pytest.mark.parametrize("script", ["test", "lint"])
def test_the_consoles_own_checks_pass(bundle: None, script: str) -> None:
    """Among them: untouched lines of YAML stay byte-identical over 1,000 random sequences of edits."""
    done = npm("run", script)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
