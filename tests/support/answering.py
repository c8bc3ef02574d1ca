"""A server that was started -> it answers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import httpx


def wait_until_it_answers(
    url: str,
    process: subprocess.Popen[bytes],
    *,
    seconds: float = 240,
    besides: Callable[[], bool] = lambda: True,
) -> None:
    """Return once a GET succeeds and `besides` is true. Raises RuntimeError after that time, or at the server's end."""
    deadline = time.monotonic() + seconds
    # One client for all tries, that loads no authorities: the server that starts needs the CPU.
    with httpx.Client(timeout=5, trust_env=False, verify=False) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get(url).is_success and besides():
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise RuntimeError(f"the server does not answer at {url}")
