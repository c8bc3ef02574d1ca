"""The image, built and started for real: who it runs as, what it lacks, its health, its jail."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SECCOMP = ROOT / "deployments" / "images" / "seccomp.json"
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
# What the worker has beyond that; compose.yaml says why.
FOR_JAILS = ("--security-opt", f"seccomp={SECCOMP}", "--security-opt", "systempaths=unconfined")
CHECK_JAIL = """
import asyncio
from agents.sandbox.choice import open_sandbox

async def main():
    sandbox = open_sandbox("bubblewrap")
    report = await sandbox.check()
    print(report.available, report.detail, report.advice)
    await sandbox.close()

asyncio.run(main())
"""
MAKE_ENVIRONMENT = """
import asyncio, os
from pathlib import Path
from package_server import package_server
from agents.environments.environment import environment_of
from agents.sandbox.choice import open_sandbox

async def main():
    folder = Path("/tmp/greeter")
    folder.mkdir()
    sandbox = open_sandbox("bubblewrap")
    with package_server() as index:
        os.environ["PIP_INDEX_URL"] = index.url
        (folder / "requirements.txt").write_text(index.add("tinywords", "2.1", {"tinywords.py": "WORD = 1"}))
        made = await environment_of(folder, store=Path("/tmp/store"), sandbox=sandbox)
    print(*sorted(file.name for file in made.iterdir() if file.suffix == ".py"))
    await sandbox.close()

asyncio.run(main())
"""
RunDocker = Callable[..., Any]


@pytest.fixture
def named(run_docker: RunDocker) -> Iterator[str]:
    """A name for one container, which is gone after the test."""
    name = f"commandcenter-test-{uuid.uuid4().hex[:8]}"
    yield name
    run_docker("rm", "--force", name, check=False)


def test_the_image_is_not_root_has_a_health_check_and_names_its_version(image: str, run_docker: RunDocker) -> None:
    (found,) = json.loads(run_docker("image", "inspect", image).stdout)
    config = found["Config"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"] == ["CMD", "python3", "-P", "-m", "deployments.images.health"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_there_is_no_compiler_no_pip_and_nothing_of_the_repository_but_the_packages(
    image: str, run_docker: RunDocker
) -> None:
    search = "for each in gcc cc make pip pip3 curl wget ssh; do command -v $each; done; ls -A /src; id -u"
    found = run_docker("run", "--rm", *HARDENED, image, "sh", "-c", search, check=False)
    assert found.stdout.split() == ["10001"]


def test_it_works_on_a_read_only_root_without_capabilities(image: str, run_docker: RunDocker, named: str) -> None:
    volume = ("--volume", f"{named}:/var/lib/commandcenter")
    try:
        done = run_docker("run", "--rm", *HARDENED, *volume, image, "commandcenter", "migrate", "--json")
        assert json.loads(done.stdout)["revision"]
        refused = run_docker("run", "--rm", *HARDENED, image, "touch", "/opt/commandcenter/x", check=False)
        assert refused.returncode != 0
    finally:
        run_docker("volume", "rm", "--force", named)


def test_the_server_becomes_healthy_and_ends_when_it_is_told(
    image: str, run_docker: RunDocker, named: str
) -> None:
    run_docker(
        "run",
        "--detach",
        "--name",
        named,
        *HARDENED,
        "--env",
        "COMMANDCENTER_ALLOW_PLAINTEXT=prefect",
        "--env",
        "PREFECT_SERVER_API_AUTH_STRING=admin:only-for-this-test",
        image,
        "commandcenter",
        "server",
        "--host",
        "0.0.0.0",
    )
    deadline = time.monotonic() + 180
    while (state := _state(run_docker, named))["Health"]["Status"] != "healthy":
        assert state["Running"], run_docker("logs", named, check=False).stderr
        assert time.monotonic() < deadline, state
        time.sleep(1)
    # Prefect writes its pages to a folder before it serves them.
    fetch = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:4200/').read().decode()[:2000])"
    assert "<!doctype html" in run_docker("exec", named, "python3", "-P", "-c", fetch).stdout.lower()
    began = time.monotonic()
    run_docker("stop", "--time", "30", named)
    assert time.monotonic() - began < 20
    assert not _state(run_docker, named)["OOMKilled"]


def test_the_jail_stands_in_the_worker_with_our_profile_and_without_any_capability(
    image: str, run_docker: RunDocker
) -> None:
    done = run_docker("run", "--rm", *HARDENED, *FOR_JAILS, image, "python3", "-P", "-c", CHECK_JAIL)
    assert done.stdout.startswith("True bubblewrap"), done.stdout


def test_an_agents_environment_is_made_in_the_image_by_a_pip_that_nothing_else_can_call(
    image: str, run_docker: RunDocker
) -> None:
    server = ("--volume", f"{ROOT / 'bench' / 'package_server.py'}:/test/package_server.py:ro")
    options = ("--env", "PYTHONPATH=/test", "--env", "PIP_CERT=", *server)
    done = run_docker(
        *("run", "--rm", *HARDENED, *FOR_JAILS, *options, image, "python3", "-P", "-c", MAKE_ENVIRONMENT),
        seconds=300,
    )
    assert done.stdout.split() == ["tinywords.py"]
    callable_by_name = run_docker("run", "--rm", *HARDENED, image, "python3", "-m", "pip", check=False)
    assert "No module named pip" in callable_by_name.stderr


def test_without_the_profile_nothing_runs_and_the_reason_is_given(image: str, run_docker: RunDocker) -> None:
    done = run_docker("run", "--rm", *HARDENED, image, "python3", "-P", "-c", CHECK_JAIL)
    assert done.stdout.startswith("False ")
    assert "namespace" in done.stdout


def test_the_profile_keeps_the_kernel_the_clock_keys_and_other_processes_out_of_reach() -> None:
    profile = json.loads(SECCOMP.read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    allowed = {name for rule in profile["syscalls"] for name in rule["names"]}
    denied = (
        "bpf kexec_load kexec_file_load init_module finit_module delete_module perf_event_open ptrace keyctl add_key "
        "request_key process_vm_readv process_vm_writev userfaultfd open_by_handle_at reboot swapon settimeofday "
        "clock_settime io_uring_setup fsopen open_tree move_mount syslog acct quotactl"
    )
    assert not allowed & set(denied.split())
    assert {"unshare", "clone", "clone3", "mount", "umount2", "pivot_root", "sethostname"} <= allowed
    assert {rule["action"] for rule in profile["syscalls"]} == {"SCMP_ACT_ALLOW"}
    assert not any(
        "args" not in rule and {"personality", "socket"} & set(rule["names"]) for rule in profile["syscalls"]
    )


def _state(run_docker: RunDocker, name: str) -> dict[str, Any]:
    return json.loads(run_docker("inspect", name).stdout)[0]["State"]
