"""What an agent does wrong: one clear message, the right state on record and in Prefect, and nothing else is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

AGENT = Path(__file__).parent / "agents" / "misbehaving"
WORKFLOW = """\
name: misbehaving
nodes:
{nodes}
"""
NODE = "  - {{id: {action}, agent: misbehaving, action: {action}, inputs: {{}}, timeoutSeconds: 5}}\n"
# Action -> kind of failure and what the message must say.
WRONG = {
    "rubbish": ("invalid-output", "result"),
    "exit": ("exit", "3"),
    "raise": ("exit", "the disk is on fire"),
    "sleep": ("timeout", "5"),
    "eat": ("memory", "memoryMb"),
    "forbid": ("invalid-output", "n"),
}


@pytest.fixture(scope="module")
def registered(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    platform.cli("agents", "register", str(AGENT))
    file = tmp_path_factory.mktemp("workflows") / "misbehaving.yaml"
    file.write_text(WORKFLOW.format(nodes="".join(NODE.format(action=each) for each in ("behave", *WRONG))))
    platform.cli("deploy", str(file))


async def test_each_fails_for_its_own_reason_and_the_good_one_is_not_disturbed(
    platform, registered, watch, connection
) -> None:
    platform.cli("trigger", "misbehaving", "--context", "marker=wrong")
    detail = await watch.ended({"marker": "wrong"})
    found = {each.node_id: each for each in detail.agent_runs}
    assert found["behave"].status == "SUCCESS"
    assert found["behave"].output == {"n": 1}
    for action, (kind, says) in WRONG.items():
        run = found[action]
        assert (run.status, run.failure_kind) == ("FAILED", kind), run
        assert says in run.error
        assert "Traceback" not in run.error
        assert f"node {action!r} failed: " in detail.run.message
    assert detail.run.status == "FAILED"
    flow_run = await connection.prefect.read_flow_run(detail.flow_run_id)
    assert flow_run.state.is_failed()
    assert flow_run.state.message == detail.run.message
    limits = found["behave"].limits
    assert {"memory", "time", "network", "files"} <= set(limits)


async def test_one_agent_can_be_run_once_from_the_command_line(platform, registered, tmp_path) -> None:
    inputs = tmp_path / "inputs.json"
    inputs.write_text("{}")
    done = platform.cli("agents", "run", "misbehaving", "behave", "--input", str(inputs), "--json")
    assert json.loads(done.stdout)["output"] == {"n": 1}
    assert "a line of output" in done.stderr
    bad = platform.cli("agents", "run", "misbehaving", "exit", "--input", str(inputs), check=False)
    assert bad.returncode == 1
    assert "exit" in bad.stderr
    inputs.write_text('{"surplus')
    broken = platform.cli("agents", "run", "misbehaving", "behave", "--input", str(inputs), check=False)
    assert broken.returncode == 1
    assert "Traceback" not in broken.stderr


async def test_an_agent_whose_files_changed_runs_as_it_was_registered(platform, watch, tmp_path) -> None:
    folder = tmp_path / "changing"
    folder.mkdir()
    code = (AGENT / "agent.py").read_text().replace('name="misbehaving"', 'name="changing"')
    (folder / "agent.py").write_text(code)
    platform.cli("agents", "register", str(folder))
    file = tmp_path / "changing.yaml"
    file.write_text("name: changing\nnodes:\n  - {id: a, agent: changing, action: behave, inputs: {}}\n")
    platform.cli("deploy", str(file))
    (folder / "agent.py").write_text("raise SystemExit('another agent now')\n")
    platform.cli("trigger", "changing", "--context", "marker=changed")
    detail = await watch.ended({"marker": "changed"})
    assert detail.run.status == "SUCCESS"
    assert [each.output for each in detail.agent_runs] == [{"n": 1}]


async def test_a_broken_workflow_is_refused_with_every_place_and_nothing_is_deployed(platform, tmp_path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("name: never-deployed\nnodes:\n  - {id: a, agent: misbehaving, action: behave, inputs: {}}\n")
    bad.write_text(
        "name: bad\nnodes:\n"
        "  - {id: a, agent: misbehavin, action: behave, inputs: {}, dependsOn: [b]}\n"
        "  - {id: b, agent: notifier, action: sendFax, inputs: {}, dependsOn: [a]}\n"
    )
    done = platform.cli("deploy", str(tmp_path), check=False)
    assert done.returncode == 1
    assert f"{bad}:3:" in done.stderr
    assert f"{bad}:4:" in done.stderr
    assert "misbehaving" in done.stderr, "did you mean …"
    assert "waits for itself: a → b → a" in done.stderr
    assert "Traceback" not in done.stderr
    listed = platform.cli("trigger", "never-deployed", check=False)
    assert listed.returncode == 1
    assert "has no workflow 'never-deployed'" in listed.stderr


async def test_malformed_and_oversized_events_become_dead_letters_and_the_next_one_runs(
    platform, watch, connection
) -> None:
    import nats

    client = await nats.connect(platform.addresses.nats_url)
    stream = client.jetstream()
    before = await connection.records.count_dead_letters()
    for payload in (b"not json", b"[" * 5_000, b'{"projectId": 1}' + b" " * 1_040_000, b'{"filePath": "a.py"}'):
        await stream.publish("graph.file.updated", payload)
    await client.close()
    platform.cli("trigger", "compliance-check-weekly", "--context", "marker=after-rubbish")
    await watch.ended({"marker": "after-rubbish"})
    letters = await connection.records.dead_letters(limit=10)
    assert await connection.records.count_dead_letters() >= before + 4
    assert all(letter.reason for letter in letters)
