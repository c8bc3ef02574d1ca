"""What docs/guides/publish.md says is done as it stands there, against a real platform."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "publish.md").read_text()
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
(PYTHON,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def shell(platform: Any, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    programs = str(Path(sys.executable).parent)
    environment = {
        **platform.env,
        "COMMANDCENTER_STATE": str(platform.state),
        "PATH": f"{programs}:{os.environ['PATH']}",
        **env,
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=False
    )


def events(platform: Any, **wanted: str) -> list[dict[str, Any]]:
    """Those of the page that came in, once there are any with these values."""
    deadline = time.monotonic() + 60
    while True:
        listed = json.loads(platform.cli("events", "list", "--subject", "hub.health.status", "--json").stdout)
        known = [json.loads(platform.cli("events", "why", each["id"], "--json").stdout) for each in listed]
        found = [each for each in known if wanted.items() <= each["payload"].items()]
        if found:
            return found
        assert time.monotonic() < deadline, listed
        time.sleep(0.2)


def test_the_shell_of_the_page_publishes_once_per_id(platform) -> None:
    first, _ = SHELL
    done = shell(platform, first)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("hub.health.status is kept: COMMANDCENTER_EVENTS_1 ") == 2
    again = shell(platform, first)
    assert "was kept before, by this id" in again.stdout
    assert len(events(platform, service="graph", status="up")) == 1
    assert len(events(platform, service="graph", status="down")) == 2


def test_a_service_with_its_own_credentials_publishes_until_they_are_revoked(platform) -> None:
    _, second = SHELL
    add, listing, revoke = second.strip().splitlines()
    made = shell(platform, add)
    assert made.returncode == 0, made.stderr
    (url,) = re.findall(r"^nats://billing:\S+$", made.stdout, re.MULTILINE)
    assert "billing" in shell(platform, listing).stdout

    for said in ("new", "again"):
        ran = subprocess.run(
            [sys.executable, "-c", PYTHON],
            env={"PATH": os.environ["PATH"], "NATS_PUBLISHER_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split()[::2] == ["COMMANDCENTER_EVENTS_1", said]
    assert len(events(platform, service="billing", status="down")) == 1

    event = "commandcenter events publish hub.health.status"
    elsewhere = {"NATS_PUBLISHER_URL": url, "COMMANDCENTER_STATE": "/nowhere"}
    assert shell(platform, f"{event} '{{}}'", **elsewhere).returncode == 0
    for payload, told in (("'[1]'", "no JSON object"), ("'{a: 1}'", "not valid JSON")):
        refused = shell(platform, f"{event} {payload}", **elsewhere)
        assert refused.returncode == 1
        assert told in refused.stderr

    assert shell(platform, revoke).returncode == 0
    refused = shell(platform, f"{event} '{{}}'", **elsewhere)
    assert refused.returncode == 1
    assert "refuses this publisher: it is revoked, or its password is not right" in " ".join(
        refused.stderr.split()
    )
    password = url.split(":")[2].partition("@")[0]
    assert password not in refused.stderr
