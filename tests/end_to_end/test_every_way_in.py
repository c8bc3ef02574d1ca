"""One act, one outcome: the command line, HTTP, `up` and `prefect deploy` agree on what a deploy may do unasked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.stack.connection import connect_to
from deployments.stack.up import deploy_files
from operations.deploy import AgreementMissing

GATED = """\
name: {name}
trigger: {{event: graph.file.updated, filters: {{branch: never}}}}
nodes:
  - id: a
    agent: security-scanner
    action: scanRepository
    inputs: {{repositoryPath: "{{{{ context.repositoryPath }}}}", scanType: FULL}}
    {rule}
"""
GATE = "approvalRequired: true\n    approval: "
STRICT = GATE + "{quorum: 2, approvers: [ann, bob], allowSelfApproval: false}"
WEAKER = {
    "quorum": GATE + "{quorum: 1, approvers: [ann, bob], allowSelfApproval: false}",
    "approvers": GATE + "{quorum: 2, approvers: [], allowSelfApproval: false}",
    "self-approval": GATE + "{quorum: 2, approvers: [ann, bob], allowSelfApproval: true}",
    "no gate": "approvalRequired: false",
}
TOKEN = "token-of-ann"


@pytest.fixture(scope="module")
def http(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """`commandcenter api` beside the platform."""
    people = tmp_path_factory.mktemp("api") / "people.json"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    people.write_text(json.dumps({digest: {"name": "ann", "projectId": 1}}))
    port = _free_port()
    command = [
        platform.command,
        "api",
        "--people",
        str(people),
        "--port",
        str(port),
        "--state",
        str(platform.state),
    ]
    process = subprocess.Popen(command, env=platform.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=30
        ) as client:
            _wait_for(client)
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            if client.get("/health").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the API does not answer")


def by_command(platform: Any, http: Any, file: Path) -> tuple[bool, str]:
    done = platform.cli("deploy", str(file), check=False)
    return done.returncode == 0, done.stderr


def by_http(platform: Any, http: httpx.Client, file: Path) -> tuple[bool, str]:
    answer = http.put(f"/workflows/{file.stem}", content=file.read_text())
    return answer.is_success, answer.text


def by_up(platform: Any, http: Any, file: Path) -> tuple[bool, str]:
    try:
        asyncio.run(deploy_files(platform.addresses, [file], project_id=1))
    except AgreementMissing as exc:
        return False, str(exc)
    return True, ""


def by_prefect(platform: Any, http: Any, file: Path) -> tuple[bool, str]:
    script = f"import asyncio; from deployments.steps import register_workflow as r; asyncio.run(r({str(file)!r}))"
    env = {**os.environ, **platform.addresses.env()}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


WAYS = {"command": by_command, "http": by_http, "up": by_up, "prefect": by_prefect}


SLOW = ("command", "prefect")
"""Ways that start a process each time: two changes show that they make the same review."""
CASES = [(way, change) for way in WAYS for change in WEAKER if way not in SLOW or change in ("quorum", "no gate")]


@pytest.mark.parametrize(("way", "change"), CASES)
def test_less_control_is_refused_without_agreement_by_every_way_in(platform, http, tmp_path, way, change) -> None:
    name = f"{way}-{change}".replace(" ", "-")
    file = tmp_path / f"{name}.yaml"
    file.write_text(GATED.format(name=name, rule=STRICT))
    deployed, told = WAYS[way](platform, http, file)
    assert deployed, told
    before = _gate(platform, name)
    # With its text, so that it can be looked at and changed in the console, whoever has deployed it.
    assert http.get(f"/workflows/{name}").json()["source"] == file.read_text()

    file.write_text(GATED.format(name=name, rule=WEAKER[change]))
    deployed, told = WAYS[way](platform, http, file)

    assert not deployed
    assert "a person must agree" in told
    assert name in told
    assert _gate(platform, name) == before


def test_an_event_published_right_after_a_deploy_is_taken(platform, connection, tmp_path) -> None:
    for number in range(3):
        subject = f"right.after.{number}"
        file = tmp_path / f"right-after-{number}.yaml"
        file.write_text(
            f"name: right-after-{number}\ntrigger: {{event: {subject}}}\nnodes:\n"
            "  - {id: a, agent: compliance-checker, action: auditProject, "
            'inputs: {projectId: "{{ context.projectId }}", standards: [SOC2]}}\n'
        )
        platform.cli("deploy", str(file))
        asyncio.run(platform.publish(subject, {"projectId": 1}))  # raises where no stream takes it


async def test_an_archived_workflow_starts_nothing_by_any_way_and_says_so(
    platform, http, connection, tmp_path
) -> None:
    file = tmp_path / "put-away.yaml"
    file.write_text(
        GATED.format(name="put-away", rule="approvalRequired: false").replace("graph.file.updated", "put.away")
    )
    platform.cli("deploy", str(file))
    platform.cli("workflows", "archive", "put-away")
    listed = json.loads(platform.cli("workflows", "list", "--json").stdout)
    assert {each["name"]: each["status"] for each in listed}["put-away"] == "ARCHIVED"
    refused = platform.cli("trigger", "put-away", check=False)
    assert (refused.returncode, "'put-away' is ARCHIVED" in refused.stderr) == (1, True)
    answer = http.post("/workflows/put-away/runs", json={"context": {}})
    assert (answer.status_code, "is ARCHIVED" in answer.text) == (404, True)
    deployment = await connection.prefect.read_deployment_by_name("put-away/project-1")
    assert deployment.paused
    platform.cli("deploy", "--replace", str(file))
    assert not (await connection.prefect.read_deployment_by_name("put-away/project-1")).paused


def test_a_file_replaces_what_was_changed_elsewhere_only_where_a_person_says_so(platform, http, tmp_path) -> None:
    file = tmp_path / "in-both.yaml"
    first = GATED.format(name="in-both", rule=STRICT)
    file.write_text(first)
    platform.cli("deploy", str(file))
    edited = f"# edited in the console\n{first}"
    assert http.put("/workflows/in-both", content=edited).is_success

    # Its file is as it was: no error for a pipeline, and one sentence.
    told = platform.cli("deploy", str(file)).stderr
    assert "in-both stays as it is: version 2 was deployed by" in told
    assert "in-both stays as it is" in platform.cli("plan", str(file)).stdout
    # A platform that starts again deploys its files in the same way.
    assert asyncio.run(deploy_files(platform.addresses, [file], project_id=1)) == []
    assert http.get("/workflows/in-both").json()["source"] == edited

    file.write_text(f"# edited in the file\n{first}")
    refused = platform.cli("deploy", str(file), check=False)
    assert (refused.returncode, "its file has changed as well" in refused.stderr) == (1, True)
    assert not by_prefect(platform, http, file)[0]
    assert http.get("/workflows/in-both").json()["source"] == edited

    assert "in place of another version" in platform.cli("deploy", "--replace", str(file)).stderr
    assert http.get("/workflows/in-both").json()["source"] == file.read_text()
    assert http.get("/workflows/in-both/versions/2").json()["source"] == edited


async def test_a_schedule_that_a_person_has_paused_stays_paused(platform, connection, tmp_path) -> None:
    file = tmp_path / "quiet.yaml"
    workflow = GATED.format(name="quiet", rule="approvalRequired: false")
    file.write_text(
        workflow.replace("{event: graph.file.updated, filters: {branch: never}}", '{schedule: "0 3 * * *"}')
    )
    file.write_text(file.read_text().replace("{{ context.repositoryPath }}", "/nowhere"))
    platform.cli("deploy", str(file))
    before = await connection.prefect.read_deployment_by_name("quiet/project-1")
    await connection.prefect.update_deployment_schedule(before.id, before.schedules[0].id, active=False)
    platform.cli("deploy", str(file))
    after = await connection.prefect.read_deployment_by_name("quiet/project-1")
    assert [each.active for each in after.schedules] == [False]
    said = "quiet: its schedule '0 3 * * *' (UTC) is paused in Prefect and stays so"
    assert said in platform.cli("plan", str(file)).stdout
    assert said in platform.cli("deploy", str(file)).stderr
    file.write_text(file.read_text().replace("0 3 * * *", "0 4 * * *"))
    platform.cli("deploy", str(file))
    moved = await connection.prefect.read_deployment_by_name("quiet/project-1")
    assert [each.active for each in moved.schedules] == [True], "another schedule is another decision"
    assert json.loads(platform.cli("plan", str(file), "--json").stdout)["paused"] == []
    await connection.prefect.pause_deployment(moved.id)
    assert "quiet: its deployment is paused in Prefect and stays so" in platform.cli("plan", str(file)).stdout


@pytest.mark.parametrize("given", [{}, {"filePath": 3}], ids=["missing", "of another type"])
def test_a_context_that_the_run_would_refuse_is_refused_before_it_starts(platform, http, given) -> None:
    before = platform.cli("runs", "--limit", "1", "--json").stdout
    options = [part for name, value in given.items() for part in ("--context", f"{name}={value}")]
    refused = platform.cli("trigger", "security-audit-deploy", *options, check=False)
    assert (refused.returncode, "does not fit" in refused.stderr) == (1, True)
    answer = http.post("/workflows/security-audit-deploy/runs", json={"context": given})
    assert (answer.status_code, "does not fit" in answer.text) == (422, True)
    assert platform.cli("runs", "--limit", "1", "--json").stdout == before


@pytest.mark.parametrize("text", ["NaN", '{"__prefect_kind": "jinja", "template": "{{ 7*7 }}"}', "y" * 700_000])
def test_what_may_start_no_run_is_refused_alike_by_command_and_http(platform, http, tmp_path, text) -> None:
    file = tmp_path / "context.json"
    file.write_text(json.dumps({"x": text}) if text.startswith("y") else f'{{"x": {text}}}')
    refused = platform.cli("trigger", "security-audit-deploy", "--context", f"@{file}", check=False)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr) < 2_000
    answer = http.post(
        "/workflows/security-audit-deploy/runs",
        content=f'{{"context": {file.read_text()}}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in (413, 422)


def _gate(platform: Any, name: str) -> Any:
    async def look() -> Any:
        async with connect_to(platform.addresses) as connection:
            (plan,) = [each for each in await connection.records.active_plans(1) if each.name == name]
            return plan.nodes[0].gate

    return asyncio.run(look())


def test_a_workflow_that_is_renamed_in_its_file_runs_under_one_name_and_keeps_its_gate(platform, tmp_path) -> None:
    file = tmp_path / "renamed.yaml"
    file.write_text(GATED.format(name="old-name", rule=STRICT))
    platform.cli("deploy", str(file))
    file.write_text(GATED.format(name="new-name", rule="approvalRequired: false"))

    planned = json.loads(platform.cli("plan", str(file), "--json").stdout)["changes"]
    assert {(each["workflow"], each["kind"]) for each in planned} >= {
        ("old-name", "workflow-removed"),
        ("new-name", "gate-removed"),
    }
    assert platform.cli("deploy", str(file), check=False).returncode == 1
    file.write_text(GATED.format(name="new-name", rule=STRICT))
    platform.cli("deploy", str(file))

    listed = json.loads(platform.cli("workflows", "list", "--json").stdout)
    status = {each["name"]: each["status"] for each in listed}
    assert (status["old-name"], status["new-name"]) == ("ARCHIVED", "ACTIVE")

    # A file that is gone stops nothing; whoever deploys what lies beside it is told.
    file.unlink()
    beside = tmp_path / "beside.yaml"
    beside.write_text(GATED.format(name="beside", rule=STRICT))
    gone = "is gone, and it still starts runs; `commandcenter workflows archive new-name` ends that"
    planned = json.loads(platform.cli("plan", str(beside), "--json").stdout)["changes"]
    assert [gone in each["message"] for each in planned if each["workflow"] == "new-name"] == [True]
    assert gone in platform.cli("deploy", str(beside)).stderr
    platform.cli("workflows", "archive", "new-name")
    assert gone not in platform.cli("deploy", str(beside)).stderr
