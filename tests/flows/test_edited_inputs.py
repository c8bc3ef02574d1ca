"""Inputs that an approver edits: what runs is the edited work, and nothing else ever does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from compiler.catalogue import ActionSpec
from compiler.plan import ApprovalRule, Foreach
from deployments.cli.main import app
from operations.decide import DecisionRequest, decide_gate
from operations.edit_inputs import EditRefused

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "branch": {"type": "string", "maxLength": 20, "x-editable": True},
        "count": {"type": "integer", "x-editable": True},
        "note": {"type": "string", "x-editable": True},
        "path": {"type": "string"},
    },
    "required": ["branch", "path"],
    "additionalProperties": False,
}
INPUTS = {"branch": "main", "path": "/src"}


def fix(node: Any, **changes: Any) -> Any:
    values = {"gate": ApprovalRule(), "risk": "APPROVAL_REQUIRED", "inputs": INPUTS, "input_schema": SCHEMA}
    return node("fix", **{**values, **changes})


async def asked(bench: Any, flow_run: Any) -> Any:
    return await bench.records.question(((await bench.record(flow_run)).id, "fix"))


async def started(bench: Any, *nodes: Any) -> Any:
    bench.sandbox.answer("fix", {})
    flow_run = await bench.start(await bench.deploy(*nodes), triggered_by="ada")
    assert (await bench.execute(flow_run)).is_paused()
    return flow_run


@pytest.fixture
async def waiting(bench: Any, node: Any) -> Any:
    """A run that waits for the approval of `fix` with these inputs."""
    return await started(bench, fix(node))


async def edit(bench: Any, seen: Any, *, by: str = "kim", **edits: Any) -> Any:
    word = DecisionRequest(
        decision="APPROVED", by=by, verified=True, channel="api", notes="so", digest=seen.digest, edits=edits
    )
    return await decide_gate(word, seen.id, records=bench.records)


async def go_on(bench: Any, flow_run: Any) -> Any:
    await bench.resume(flow_run)
    return await bench.execute(flow_run)


async def test_edited_inputs_are_what_runs_and_the_audit_tells_who_changed_them(bench, waiting) -> None:
    before = await asked(bench, waiting)
    decision = await edit(bench, before, branch="next", count=2)
    assert decision.applied, decision.reason
    assert (await go_on(bench, waiting)).is_completed()
    assert [each.inputs for each in bench.sandbox.requests] == [{"branch": "next", "path": "/src", "count": 2}]
    after = await asked(bench, waiting)
    assert (after.edits, after.base_digest) == ({"branch": "next", "count": 2}, before.digest)
    assert after.card["inputs"] == {"branch": "next", "path": "/src", "count": 2}
    assert after.card["digest"] == after.digest != before.digest
    trail = await bench.records.audit_trail(run_id=after.run_id)
    assert [(each.event, each.by, each.digest) for each in trail] == [
        ("requested", None, before.digest),
        ("superseded", "kim", before.digest),
        ("requested", "kim", after.digest),
        ("approved", "kim", after.digest),
    ]


async def test_every_item_of_a_foreach_is_edited(bench, node) -> None:
    inputs = {"branch": "main", "path": "{{ item }}"}
    flow_run = await started(bench, fix(node, foreach=Foreach(items=["/a", "/b"]), inputs=inputs))
    assert (await edit(bench, await asked(bench, flow_run), branch="next")).applied
    assert (await go_on(bench, flow_run)).is_completed()
    ran = sorted((each.inputs["path"], each.inputs["branch"]) for each in bench.sandbox.requests)
    assert ran == [("/a", "next"), ("/b", "next")]


async def test_a_second_approver_may_edit_what_the_first_one_edited(bench, node) -> None:
    flow_run = await started(bench, fix(node, gate=ApprovalRule(quorum=2)))
    first = await edit(bench, await asked(bench, flow_run), branch="next")
    assert (first.applied, first.votes) == (False, ("kim",))
    second = await edit(bench, await asked(bench, flow_run), by="robin", count=3)
    assert second.votes == ("robin",), "who approved other inputs has not approved these"
    again = await asked(bench, flow_run)
    assert again.edits == {"branch": "next", "count": 3}
    await bench.records.decide(again.id, decision="APPROVED", by="kim", verified=True, channel="api")
    assert (await go_on(bench, flow_run)).is_completed()
    assert bench.sandbox.requests[0].inputs == {"branch": "next", "path": "/src", "count": 3}


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ({"path": "/etc"}, "'path' of node 'fix' may not be changed"),
        ({"branch": "next", "path": "/etc"}, "'path' of node 'fix' may not be changed"),
        ({"unknown": 1}, "those that may: 'branch', 'count'"),
        ({"branch": 7}, "do not fit 'act'"),
        ({"branch": "x" * 21}, "do not fit 'act'"),
        ({"count": "many"}, "do not fit 'act'"),
        ({"count": float("nan")}, "not JSON"),
        ({"branch": "a\0b"}, r"U\+0000"),
        ({"count": 2**60}, "have no digest: .* give large numbers as text"),
        ({"note": "x" * 1_000_000}, "at most 1,000,000 are recorded"),
    ],
)
async def test_what_may_not_be_edited_is_refused_and_nothing_runs(bench, waiting, edits, why) -> None:
    before = await asked(bench, waiting)
    with pytest.raises(EditRefused, match=why):
        await edit(bench, before, **edits)
    assert await asked(bench, waiting) == before
    assert (await go_on(bench, waiting)).is_paused()
    assert bench.ran() == []


async def test_an_edit_of_what_was_seen_before_somebody_elses_edit_is_refused(bench, waiting) -> None:
    seen = await asked(bench, waiting)
    assert (await edit(bench, seen, branch="next")).applied
    late = await edit(bench, seen, branch="other")
    assert (late.applied, late.counted) == (False, False)
    assert (await asked(bench, waiting)).edits == {"branch": "next"}
    await go_on(bench, waiting)
    assert [each.inputs["branch"] for each in bench.sandbox.requests] == ["next"]


async def test_an_edit_of_what_nobody_asks_any_more_is_told_so(bench, waiting) -> None:
    before = await asked(bench, waiting)
    word = DecisionRequest(
        decision="APPROVED",
        by="kim",
        verified=True,
        channel="api",
        digest="sha256:" + "0" * 64,
        edits={"branch": "x"},
    )
    late = await decide_gate(word, before.id, records=bench.records)
    assert (late.counted, late.reason) == (False, "what you saw is not what would run now: look at the card again")
    assert await asked(bench, waiting) == before


async def test_a_rejection_with_edits_decides_nothing(bench, waiting) -> None:
    before = await asked(bench, waiting)
    word = DecisionRequest(decision="REJECTED", by="kim", verified=True, channel="api", edits={"branch": "next"})
    with pytest.raises(EditRefused, match="belong to an approval"):
        await decide_gate(word, before.id, records=bench.records)
    assert await asked(bench, waiting) == before


async def test_an_edit_by_who_may_not_approve_changes_nothing(bench, waiting) -> None:
    before = await asked(bench, waiting)
    decision = await edit(bench, before, by="ada", branch="next")
    assert not decision.counted
    assert "started this run" in decision.reason
    assert await asked(bench, waiting) == before
    assert [each.event for each in await bench.records.audit_trail(run_id=before.run_id)] == [
        "requested",
        "refused",
    ]
    assert (await go_on(bench, waiting)).is_paused()
    assert bench.ran() == []


async def test_edits_of_an_agent_that_has_changed_since_are_refused(bench, waiting) -> None:
    actions = {"act": ActionSpec(name="act", input_schema=SCHEMA, output_schema={"type": "object"})}
    await bench.register("worker-bee", actions, version="1.1.0")
    with pytest.raises(EditRefused, match="not what was asked any more"):
        await edit(bench, await asked(bench, waiting), branch="next")
    assert (await go_on(bench, waiting)).is_paused()
    assert bench.ran() == []


async def test_an_approved_edit_is_worth_nothing_once_the_agent_has_changed(bench, waiting) -> None:
    assert (await edit(bench, await asked(bench, waiting), branch="next")).applied
    actions = {"act": ActionSpec(name="act", input_schema=SCHEMA, output_schema={"type": "object"})}
    await bench.register("worker-bee", actions, version="1.1.0")
    assert (await go_on(bench, waiting)).is_paused()
    again = await asked(bench, waiting)
    assert (again.status, again.edits, again.card["inputs"]) == ("PENDING", None, INPUTS)
    assert bench.ran() == []


async def test_edits_written_past_the_check_open_no_gate(bench, waiting) -> None:
    before = await asked(bench, waiting)
    forged = {"digest": before.digest + "0", "card": before.card, "edits": {"path": "/etc"}}
    amended = await bench.records.amend_gate(before.id, by="eve", verified=True, channel="api", **forged)
    await bench.records.decide(amended.id, decision="APPROVED", by="eve", verified=True, channel="api")
    await go_on(bench, waiting)
    assert bench.ran() == []


@pytest.fixture
def command(bench: Any, prefect_api: str, tmp_path: Path) -> Any:
    """Runs `commandcenter` on the records and the server of the test."""
    env = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/records.db",
        "PREFECT_API_URL": prefect_api,
        "NATS_URL": "nats://localhost",
    }

    async def invoke(*arguments: str) -> Any:
        options = [*arguments, "--state", str(tmp_path / "state")]
        return await asyncio.to_thread(CliRunner().invoke, app, options, env=env)

    return invoke


async def test_the_command_line_approves_edited_inputs_and_shows_how_it_came_to_that(
    bench, waiting, command
) -> None:
    run = await bench.record(waiting)
    refused = await command("approve", run.id, "fix", "--set", "path=/etc", "--by", "kim")
    assert "may not be changed" in str(refused.exception)
    digest = (await asked(bench, waiting)).digest
    stale = await command("approve", run.id, "fix", "--set", "branch=next", "--digest", "sha256:0", "--by", "kim")
    assert (stale.exit_code, (await asked(bench, waiting)).digest) == (1, digest)
    done = await command("approve", run.id, "fix", "--set", "branch=next", "--digest", digest, "--by", "kim")
    assert (done.exit_code, done.output.strip()) == (0, "approved by kim")
    assert (await bench.execute(waiting)).is_completed()
    assert bench.sandbox.requests[0].inputs["branch"] == "next"
    shown = json.loads((await command("show", run.id, "--json")).output)
    events = [(each["event"], each["by"], each["channel"]) for each in shown["audit"]]
    assert events[-2:] == [("requested", "kim", "cli"), ("approved", "kim", "cli")]
    assert "approved by kim (cli, unverified)" in " ".join((await command("show", run.id)).output.split())


async def test_looking_at_cards_on_the_command_line_is_on_record(bench, waiting, command) -> None:
    run = await bench.record(waiting)
    await command("approvals")
    assert [each.event for each in await bench.records.audit_trail(run_id=run.id)] == ["requested"]
    assert "APPROVAL REQUIRED" in (await command("approvals", "--cards")).output
    viewed = (await bench.records.audit_trail(run_id=run.id))[-1]
    assert (viewed.event, viewed.channel, viewed.verified) == ("viewed", "cli", False)


async def test_show_tells_where_each_node_stands_and_why_one_was_skipped(bench, node, command) -> None:
    bench.sandbox.answer("scan", {})
    nodes = (node("scan", when="{{ context.wanted }}"), fix(node), node("after", "fix"))
    flow_run = await started(bench, *nodes)
    shown = json.loads((await command("show", (await bench.record(flow_run)).id, "--json")).output)
    stands = {each["nodeId"]: each["status"] for each in shown["nodes"]}
    assert stands == {"scan": "SKIPPED", "fix": "WAITING_APPROVAL", "after": "PENDING"}
    told = (await command("show", (await bench.record(flow_run)).id)).output
    assert "SKIPPED" in told


async def typed(bench: Any, flow_run: Any, *, changes: str, choice: str = "approve") -> Any:
    """Somebody fills in the form in Prefect's UI; the state after the next execution."""
    which = (await asked(bench, flow_run)).id
    answer = {"your_name": "kim", f"decision_{which}": choice, f"changes_{which}": changes}
    await bench.resume(flow_run, answer)
    return await bench.execute(flow_run)


async def test_inputs_changed_in_prefects_form_are_what_runs(bench, waiting) -> None:
    before = await asked(bench, waiting)
    assert (await typed(bench, waiting, changes='{"branch": "next"}')).is_completed()
    assert [each.inputs for each in bench.sandbox.requests] == [{"branch": "next", "path": "/src"}]
    after = await asked(bench, waiting)
    assert (after.edits, after.base_digest) == ({"branch": "next"}, before.digest)
    assert (after.responded_by, after.channel, after.verified) == ("kim", "form", False)


@pytest.mark.parametrize(
    "changes",
    [
        "branch=next",
        "[1]",
        '"next"',
        "null",
        '{"path": "/etc"}',
        '{"branch": 7}',
        '{"count": NaN}',
        '{"count": 1e400}',
        "[" * 20_000,
    ],
)
async def test_what_cannot_be_changed_in_the_form_approves_nothing_and_is_asked_again(
    bench, waiting, changes, caplog
) -> None:
    before = await asked(bench, waiting)
    assert (await typed(bench, waiting, changes=changes)).is_paused()
    assert await asked(bench, waiting) == before
    assert bench.sandbox.requests == []
    assert "nothing was decided" in caplog.text
    # The old answer is read again with each execution, and still counts for nothing.
    assert (await typed(bench, waiting, changes="  ")).is_completed()
    assert [each.inputs for each in bench.sandbox.requests] == [INPUTS]


async def test_who_rejects_rejects_whatever_stands_in_the_other_fields(bench, waiting) -> None:
    assert (await typed(bench, waiting, changes='{"branch": "next"}', choice="reject")).is_failed()
    assert bench.sandbox.requests == []
    assert (await asked(bench, waiting)).status == "REJECTED"


async def test_a_form_that_changes_nothing_approves_the_very_question_that_was_asked(bench, waiting) -> None:
    before = await asked(bench, waiting)
    assert (await typed(bench, waiting, changes="{}")).is_completed()
    after = await asked(bench, waiting)
    assert (after.id, after.digest, after.edits) == (before.id, before.digest, before.edits)
