"""The same workflows as containers of Prefect's own Docker worker: the main job, a killed container, a cancellation."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def docker_pool(project: Any, image: str) -> Any:
    """A pool `docker`, served by `prefect worker start --type docker`."""
    secrets = project.folder / "secrets"
    options = [
        *("--image", image, "--network", f"container:{project.name}-worker-1"),
        *("--volume", f"{secrets}/database_url:/run/secrets/database_url:ro"),
        *("--volume", f"{secrets}/signing.key:/run/secrets/signing.key:ro"),
        *("--volume", f"{project.name}_demo:/repositories"),
        *("--env", "DATABASE_URL_FILE=/run/secrets/database_url"),
        *("--env", "COMMANDCENTER_SIGNING_KEY_FILE=/run/secrets/signing.key"),
        *("--env", "COMMANDCENTER_ALLOW_PLAINTEXT=database,prefect"),
        *("--env", "COMMANDCENTER_REPOSITORIES=/repositories"),
        *("--env", "COMMANDCENTER_SETTING_SLACK_API_URL=http://127.0.0.1:18081/api/"),
        *("--env", "COMMANDCENTER_SECRET_SLACK_BOT_TOKEN=xoxb-demo-token-of-the-local-sink"),
    ]
    project(
        "run", "--rm", "--no-TTY", "deploy", "commandcenter", "pool", "docker", "docker", *options, seconds=300
    )
    with (project.folder / "env").open("a") as file:
        file.write(f"DOCKER_GID={Path('/var/run/docker.sock').stat().st_gid}\n")
    project("--profile", "docker", "up", "--detach", "--no-recreate", "docker-worker", seconds=300)
    return project


def start_demo(project: Any) -> subprocess.Popen[str]:
    files = ("--file", "compose.yaml", "--file", "deployments/compose/demo.yaml")
    command = [
        "docker",
        "compose",
        *files,
        "--env-file",
        str(project.folder / "env"),
        "--project-name",
        project.name,
    ]
    run = ["run", "--rm", "--no-TTY", "--env", "COMMANDCENTER_POOL=docker", "demo"]
    return subprocess.Popen(
        [*command, *run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
    )


def flow_containers(run_docker: Any) -> list[str]:
    """Ids of running containers that execute a run."""
    return run_docker("ps", "--quiet", "--filter", "label=io.prefect.flow-run-id").stdout.split()


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.3)
    return found


def prefect(project: Any, method: str, path: str, body: Any = None) -> Any:
    """An answer of Prefect's API."""
    name, _, word = (project.folder / "secrets" / "prefect_auth").read_text().partition(":")
    url = f"http://127.0.0.1:{project.ports['PREFECT_PORT']}/api{path}"
    answer = httpx.request(method, url, json=body, auth=(name, word), trust_env=False, timeout=30)
    answer.raise_for_status()
    return answer.json()


def newest_run(project: Any) -> dict[str, Any]:
    wanted = {"limit": 1, "sort": "START_TIME_DESC", "flows": {"name": {"any_": ["security-audit-deploy"]}}}
    return prefect(project, "POST", "/flow_runs/filter", wanted)[0]


def test_the_main_job_runs_as_containers_with_its_gate_its_records_and_its_logs(
    docker_pool: Any, run_docker: Any
) -> None:
    demo = start_demo(docker_pool)
    container = until(lambda: flow_containers(run_docker), 180, "the first container")[0]
    (seen,) = json.loads(run_docker("inspect", container).stdout)
    out, err = demo.communicate(timeout=400)
    assert demo.returncode == 0, out[-3000:] + err[-3000:]
    assert "10 of 10 vulnerable lines are gone" in out
    host = seen["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["Privileged"] is False
    assert (docker_pool.folder / "secrets" / "records_password").read_text() not in json.dumps(seen)
    run = newest_run(docker_pool)
    assert run["work_pool_name"] == "docker"
    assert not run["infrastructure_pid"].startswith("commandcenter:")
    logs = prefect(
        docker_pool, "POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "limit": 200}
    )
    assert any("scan" in each["message"] for each in logs)


def test_a_run_whose_container_is_killed_goes_on_in_another_one(docker_pool: Any, run_docker: Any) -> None:
    demo = start_demo(docker_pool)
    before = until(lambda: flow_containers(run_docker), 180, "the first container")[0]
    run_docker("kill", "--signal", "KILL", before)
    out, err = demo.communicate(timeout=500)
    assert demo.returncode == 0, out[-3000:] + err[-3000:]
    run = newest_run(docker_pool)
    assert run["state_type"] == "COMPLETED"
    assert run["labels"]["commandcenter.takeovers"] == 1
    states = prefect(docker_pool, "GET", f"/flow_run_states/?flow_run_id={run['id']}")
    assert "CRASHED" in [each["type"] for each in states]


def test_a_cancelled_run_ends_with_its_container(docker_pool: Any, run_docker: Any) -> None:
    demo = start_demo(docker_pool)
    try:
        container = until(lambda: flow_containers(run_docker), 180, "the first container")[0]
        run = until(
            lambda: (found := newest_run(docker_pool))["state_type"] == "RUNNING" and found, 120, "the run's start"
        )
        prefect(
            docker_pool,
            "POST",
            f"/flow_runs/{run['id']}/set_state",
            {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": True},
        )
        until(lambda: container not in flow_containers(run_docker), 60, "the container's end")
        ended = until(
            lambda: (
                (found := prefect(docker_pool, "GET", f"/flow_runs/{run['id']}"))["state_type"] == "CANCELLED"
                and found
            ),
            60,
            "the cancellation",
        )
        assert "commandcenter.takeovers" not in ended["labels"]
    finally:
        demo.kill()
        demo.communicate()
