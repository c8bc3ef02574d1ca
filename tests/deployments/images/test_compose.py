"""compose.yaml: what it says of itself, and the main job on it, in real containers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, each in SERVICES.items() if "COMMANDCENTER_IMAGE" in each["image"]]
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::-[^}]*)?\}")


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_change_nothing_and_become_nothing(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "no-new-privileges" in service["security_opt"]
    assert "user" not in service
    assert service["mem_limit"]
    assert service["pids_limit"]


def test_every_container_has_a_read_only_root_and_says_whether_it_is_healthy() -> None:
    # Dagger's engine is privileged. The collector's image holds one program, which can ask nobody.
    theirs = {name: each for name, each in SERVICES.items() if name not in (*OURS, "dagger")}
    for name, service in theirs.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges" in service["security_opt"], name
    assert [name for name, each in theirs.items() if "cap_add" in each] == ["postgres"]
    assert [name for name, each in theirs.items() if "healthcheck" not in each] == ["collector"]
    once = {"migrate", "deploy", "backup"}
    assert {name for name in OURS if SERVICES[name].get("healthcheck", {}).get("disable")} == once


def test_links_lead_where_the_ports_are() -> None:
    program = Path(sys.executable).parent / "docker-compose"
    command = [program, "--file", "compose.yaml", "--env-file", ".env.example", "config", "--format", "json"]
    moved = {**os.environ, "PREFECT_PORT": "14200", "API_PORT": "19002"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=moved, check=True)
    for name in ("worker", "listener", "api"):
        told = json.loads(done.stdout)["services"][name]["environment"]
        assert told["PREFECT_UI_URL"] == "http://127.0.0.1:14200", name
        assert told["COMMANDCENTER_API_URL"] == "http://127.0.0.1:19002", name


def test_every_part_that_serves_writes_json_in_compose_and_on_kubernetes() -> None:
    for name in ("server", "listener", "worker", "api", "migrate"):
        assert SERVICES[name]["environment"]["COMMANDCENTER_LOG_FORMAT"] == "${LOG_FORMAT:-json}", name
    manifest = (ROOT / "deployments" / "kubernetes" / "commandcenter.yaml").read_text()
    pods = [each for each in yaml.safe_load_all(manifest) if each["kind"] in ("Deployment", "Job")]
    assert len(pods) == 5
    for pod in pods:
        (container,) = pod["spec"]["template"]["spec"]["containers"]
        formats = [each["value"] for each in container["env"] if each["name"] == "COMMANDCENTER_LOG_FORMAT"]
        assert formats == ["json"], pod["metadata"]["name"]


def test_only_the_worker_may_make_namespaces_and_nothing_but_the_dagger_engine_is_privileged() -> None:
    assert [name for name, each in SERVICES.items() if "seccomp" in str(each.get("security_opt"))] == ["worker"]
    assert [name for name, each in SERVICES.items() if each.get("privileged")] == ["dagger"]
    assert SERVICES["dagger"]["profiles"] == ["dagger"]
    with_socket = [name for name, each in SERVICES.items() if "docker.sock" in json.dumps(each.get("volumes", []))]
    assert with_socket == ["docker-worker"]
    assert SERVICES["docker-worker"]["profiles"] == ["docker"]
    assert "ports" not in SERVICES["docker-worker"]


def test_every_port_is_published_on_this_machine_only_unless_said() -> None:
    ports = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert len(ports) >= 3
    assert all(port.startswith("${BIND:-127.0.0.1}:") for port in ports)
    assert "ports" not in SERVICES["postgres"]
    assert SERVICES["postgres"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_who_needs_another_waits_until_it_is_healthy_or_has_done_its_work() -> None:
    for name in ("listener", "worker", "api", "deploy"):
        conditions = {other: each["condition"] for other, each in SERVICES[name]["depends_on"].items()}
        assert conditions.pop("migrate") == "service_completed_successfully"
        assert conditions == dict.fromkeys(("postgres", "nats", "server"), "service_healthy")


def test_secrets_are_files_and_stand_in_no_environment_variable() -> None:
    for name, service in SERVICES.items():
        variables = service.get("environment", {})
        secret = [
            each for each in variables if re.search("PASSWORD|DATABASE_URL|NATS_URL|CONNECTION_URL|SECRET", each)
        ]
        assert all(each.endswith("_FILE") for each in secret), name
    assert all("file" in each for each in COMPOSE["secrets"].values())


def test_every_setting_is_explained_and_every_explained_setting_is_used() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    explained = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    used = set(VARIABLE.findall((ROOT / "compose.yaml").read_text()))
    assert used == explained
    # Every line stands below its explanation, or shares one with the line above.
    assert lines[0].startswith("#")
    assert all(each.startswith("#") or "=" in each or not each for each in lines)


@pytest.mark.parametrize(
    "more", [(), *(("--file", f"deployments/compose/{name}.yaml") for name in ("demo", "remote"))]
)
def test_compose_reads_the_file_with_every_profile_and_all_that_is_mounted_is_there(more: tuple[str, ...]) -> None:
    program = Path(sys.executable).parent / "docker-compose"
    command = [program, "--file", "compose.yaml", *more, "--env-file", ".env.example", "--profile", "*", "config"]
    done = subprocess.run(
        [*command, "--format", "json"], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr
    services = json.loads(done.stdout)["services"]
    assert {"prometheus", "grafana", "collector", "dagger", "docker-worker"} <= set(services)
    mounted = [
        Path(each["source"])
        for service in services.values()
        for each in service.get("volumes", [])
        if each["type"] == "bind" and each["source"].startswith(f"{ROOT}/")
    ]
    made = {ROOT / "repositories", ROOT / "backups", ROOT / "secrets" / "agents"}
    assert len(mounted) >= 8
    assert [each for each in mounted if not each.exists() and each not in made] == []


def test_a_second_host_has_a_worker_as_the_first_one_and_no_secret_but_its_own() -> None:
    program = Path(sys.executable).parent / "docker-compose"
    command = [program, "--file", "deployments/compose/worker.yaml", "--project-directory", ".", "config"]
    done = subprocess.run(
        [*command, "--format", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "PLATFORM": "10.0.0.1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (worker,) = json.loads(done.stdout)["services"].values()
    assert worker["read_only"] is True
    assert worker["cap_drop"] == ["ALL"]
    assert worker["environment"]["PREFECT_API_URL"] == "http://10.0.0.1:4200/api"
    assert "10.0.0.1:5432" in worker["environment"]["COMMANDCENTER_PLATFORM_ADDRESSES"]
    assert {each["source"] for each in worker["secrets"]} == {"database_url", "prefect_auth", "signing.key"}
    assert "depends_on" not in worker


def test_prometheus_watches_the_rules_and_grafana_finds_prometheus_and_the_dashboards() -> None:
    folder = ROOT / "deployments" / "compose"
    (job,) = yaml.safe_load((folder / "prometheus.yaml").read_text())["scrape_configs"]
    address = SERVICES["listener"]["environment"]["COMMANDCENTER_METRICS_ADDRESS"]
    assert job["static_configs"] == [{"targets": [f"listener:{address.rpartition(':')[2]}"]}]
    (rules,) = yaml.safe_load((folder / "prometheus.yaml").read_text())["rule_files"]
    assert f"./observability/alerts/rules.yaml:{rules}:ro" in SERVICES["prometheus"]["volumes"]
    (source,) = yaml.safe_load((folder / "grafana" / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (boards,) = yaml.safe_load((folder / "grafana" / "dashboards" / "commandcenter.yaml").read_text())["providers"]
    assert f"./observability/dashboards:{boards['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


def test_no_agent_reaches_a_server_of_the_stack() -> None:
    named = SERVICES["worker"]["environment"]["COMMANDCENTER_PLATFORM_ADDRESSES"]
    hosts = {each.rpartition(":")[0] for each in named.split(",")}
    serving = set(SERVICES) - set(OURS) | {"api", "listener"}
    # Prefect's server is known by PREFECT_API_URL.
    assert serving <= hosts


def test_secrets_are_made_once_and_kept_and_only_the_token_is_shown(tmp_path: Path) -> None:
    script, folder = ROOT / "deployments" / "compose" / "make-secrets.sh", tmp_path / "secrets"
    first = subprocess.run([script, folder], capture_output=True, text=True, timeout=60, check=True).stdout
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    assert set(found) >= {Path(each["file"]).name for each in COMPOSE["secrets"].values()}
    assert len(found["signing.key"]) == 32
    assert b"PRIVATE KEY" in found["nats_key.pem"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not any(value.decode() in first for name, value in found.items() if name.endswith("_password"))
    again = subprocess.run([script, folder], capture_output=True, text=True, timeout=60, check=True).stdout
    assert again == ""
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == found


def test_the_main_job_runs_in_containers_from_the_event_to_the_pushed_fix(project: Any) -> None:
    told = project("run", "--rm", "--no-TTY", "demo", seconds=600)
    assert "ended with SUCCESS" in told
    assert "10 of 10 vulnerable lines are gone" in told
    assert "✗" not in told


def test_every_part_is_healthy_and_no_secret_can_be_seen_from_outside(project: Any, run_docker: Any) -> None:
    containers = [json.loads(line) for line in project("ps", "--all", "--format", "json").splitlines()]
    health = {each["Service"]: each["Health"] for each in containers if each["State"] == "running"}
    assert health == dict.fromkeys(("api", "listener", "nats", "postgres", "server", "worker"), "healthy")
    seen = run_docker("inspect", *(each["ID"] for each in containers)).stdout
    secrets = [file for file in (project.folder / "secrets").iterdir() if file.name.endswith("_password")]
    assert len(secrets) >= 5
    assert not [file.name for file in secrets if file.read_text() in seen]
    logs = project("logs", "--no-color")
    assert not [file.name for file in secrets if file.read_text() in logs]


def test_the_api_answers_whoever_has_the_token_on_the_documents_port(project: Any) -> None:
    import httpx

    url = f"http://127.0.0.1:{project.ports['API_PORT']}"
    assert httpx.get(f"{url}/health", trust_env=False).json()["status"] == "ok"
    assert httpx.get(f"{url}/api/v1/runs", trust_env=False).status_code in (401, 404)


async def test_a_publisher_may_send_events_and_nothing_else(project: Any) -> None:
    import nats
    import nats.errors

    word = (project.folder / "secrets" / "nats_publisher_password").read_text()
    refused: asyncio.Queue[Exception] = asyncio.Queue()
    url = f"tls://publisher:{word}@127.0.0.1:{project.ports['NATS_PORT']}"
    tls = ssl.create_default_context(cafile=project.folder / "secrets" / "nats_ca.pem")
    client = await nats.connect(url, tls=tls, error_cb=refused.put, allow_reconnect=False)
    try:
        done = await client.jetstream().publish("graph.file.updated", b"{}")
        assert done.stream
        await client.publish("workflow.completed.forged", b"{}")
        async with asyncio.timeout(60):
            assert "permissions violation" in str(await refused.get()).lower()
    finally:
        await client.close()
    with pytest.raises(nats.errors.Error):
        await nats.connect(url.replace(word, "wrong"), tls=tls, allow_reconnect=False, max_reconnect_attempts=0)


def test_a_worker_that_is_killed_is_started_again_and_becomes_healthy(project: Any, run_docker: Any) -> None:
    before = project("ps", "--quiet", "worker").strip()
    pid = json.loads(run_docker("inspect", before).stdout)[0]["State"]["Pid"]
    os.kill(pid, 9)
    project("up", "--detach", "--wait", "--no-recreate", "worker", seconds=300)
    state = json.loads(run_docker("inspect", before).stdout)[0]
    assert state["RestartCount"] >= 1
    assert state["State"]["Health"]["Status"] == "healthy"
