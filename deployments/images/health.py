"""What a part wrote down about itself → exit status 0 (at work) or 1, for a container's health check.

`python -m deployments.images.health` takes a few hundredths of a second: it imports nothing but the standard library.
A container that has another command than a part's, such as one that executes a single run, is healthy.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path
from typing import Any

VARIABLE = "COMMANDCENTER_HEALTH_FILE"
MAX_AGE_SECONDS = 60.0
"""A part without a port touches its file every few seconds; after this time it is not at work any more."""
PARTS = ("server", "worker", "listener", "api")
"""Commands that stay, and say how their health is checked."""
_ANSWER_SECONDS = 5
_FIRST = Path("/proc/1/cmdline")
"""The command of the container."""


def check_by_url(url: str) -> None:
    """Have this container's health checked by a request to `url`. Does nothing outside of the image."""
    _write({"url": url})


def check_by_file(file: str) -> None:
    """Have it checked by the age of `file`, which the part touches while it is at work."""
    _write({"file": file})


def problem() -> str | None:
    """Why the part is not at work; None where it is."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    if not Path(named).exists():
        return "the part is still starting" if part_of_container() else None
    how: dict[str, str] = json.loads(Path(named).read_text())
    return _problem_of_file(Path(how["file"])) if "file" in how else _problem_of_url(how["url"])


def part_of_container() -> str | None:
    """The part whose command the container was started with; None for another command, and outside of a container."""
    words = _FIRST.read_bytes().decode(errors="replace").split("\0")
    return next(
        (after for each, after in pairwise(words) if each.endswith("commandcenter") and after in PARTS), None
    )


def _write(how: dict[str, Any]) -> None:
    if named := os.environ.get(VARIABLE):
        Path(named).write_text(json.dumps(how))


def _problem_of_file(file: Path) -> str | None:
    try:
        age = time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return "the part is still starting"
    return None if age < MAX_AGE_SECONDS else f"the part has shown no sign of life for {age:.0f} s"


def _problem_of_url(url: str) -> str | None:
    # A proxy in the environment is not for addresses of this container.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if url.startswith("https:"):
        # The certificate is not checked: the question goes to this container alone, and sends nothing.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        handlers.append(urllib.request.HTTPSHandler(context=context))
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(url, timeout=_ANSWER_SECONDS):
            return None
    except (urllib.error.URLError, OSError) as exc:
        return f"{url} does not answer: {exc}"


if __name__ == "__main__":
    found = problem()
    if found is not None:
        print(found)
    sys.exit(0 if found is None else 1)
