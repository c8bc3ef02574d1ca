"""The same workflows as containers of Prefect's own Docker worker: the main job, a killed container, a cancellation."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
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


@contextmanager
def running_demo(project: Any) -> Generator[subprocess.Popen[str]]:
    """The main job, begun; stopped where a test has not waited for its end."""
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
    demo = subprocess.Popen(
        [*command, *run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
    )
    try:
        yield demo
    finally:
        demo.kill()
        demo.communicate()


RUN_LABEL = "io.prefect.flow-run-id"


def flow_containers(run_docker: Any) -> dict[str, str]:
    """Running containers that execute a run, by id, each with the id of its run."""
    told = run_docker(
        "ps", "--filter", f"label={RUN_LABEL}", "--format", f'{{{{.ID}}}} {{{{.Label "{RUN_LABEL}"}}}}'
    )
    return dict(line.split() for line in told.stdout.splitlines())


def first_container(project: Any, run_docker: Any, known: frozenset[str]) -> tuple[str, dict[str, Any]]:
    """The container of a run that is none of `known`, at work on it, and that run.

    The last container of the run before may still be there, since it ends a moment after its run. And one that has only
    just been made may be killed before it has begun, which proves nothing: so it is waited for until its run says so.
    """

    def at_work() -> Any:
        for container, run in flow_containers(run_docker).items():
            if run not in known:
                found = prefect(project, "GET", f"/flow_runs/{run}")
                return found["state_type"] == "RUNNING" and (container, found)
        return None

    return until(at_work, 300, "a container at work")


def known_runs(project: Any) -> frozenset[str]:
    """Ids of the runs that there have been."""
    return frozenset(each["id"] for each in prefect(project, "POST", "/flow_runs/filter", {"limit": 200}))


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


def test_the_main_job_runs_as_containers_with_its_gate_its_records_and_its_logs(
    docker_pool: Any, run_docker: Any
) -> None:
    known = known_runs(docker_pool)
    with running_demo(docker_pool) as demo:
        container, run = first_container(docker_pool, run_docker, known)
        (seen,) = json.loads(run_docker("inspect", container).stdout)
        out, err = demo.communicate(timeout=400)
    assert demo.returncode == 0, out[-3000:] + err[-3000:]
    assert "10 of 10 vulnerable lines are gone" in out
    host = seen["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["Privileged"] is False
    assert (docker_pool.folder / "secrets" / "records_password").read_text() not in json.dumps(seen)
    run = prefect(docker_pool, "GET", f"/flow_runs/{run['id']}")
    assert run["work_pool_name"] == "docker"
    assert not run["infrastructure_pid"].startswith("commandcenter:")
    logs = prefect(
        docker_pool, "POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "limit": 200}
    )
    assert any("scan" in each["message"] for each in logs)


def test_a_run_whose_container_is_killed_goes_on_in_another_one(docker_pool: Any, run_docker: Any) -> None:
    known = known_runs(docker_pool)
    with running_demo(docker_pool) as demo:
        before, run = first_container(docker_pool, run_docker, known)
        run_docker("kill", "--signal", "KILL", before)
        out, err = demo.communicate(timeout=500)
    assert demo.returncode == 0, out[-3000:] + err[-3000:]
    run = prefect(docker_pool, "GET", f"/flow_runs/{run['id']}")
    assert run["state_type"] == "COMPLETED"
    assert run["labels"]["commandcenter.takeovers"] == 1
    states = prefect(docker_pool, "GET", f"/flow_run_states/?flow_run_id={run['id']}")
    assert "CRASHED" in [each["type"] for each in states]


def test_a_cancelled_run_ends_with_its_container(docker_pool: Any, run_docker: Any) -> None:
    known = known_runs(docker_pool)
    with running_demo(docker_pool):
        container, run = first_container(docker_pool, run_docker, known)
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
