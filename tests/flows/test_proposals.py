"""Actions with an effect: proposed in the jail, shown at the gate, and carried out exactly as it was approved."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from agents.repository.git import Git, GitError
from agents.sandbox.port import AgentFailure, AgentResult
from compiler.plan import ApprovalRule, Foreach, Retries
from deployments.demo.sample_repository import DemoRepository, make_repository
from operations.decide import DecisionRequest, decide_gate
from operations.edit_inputs import EditRefused
from tasks.card_text import card_markdown, card_text
from tasks.effect_picture import proposal_of_approval
from tasks.secrets import EnvironmentSecrets

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "repositoryPath": {"type": "string", "x-kind": "repository"},
        "targetBranch": {"type": "string", "x-editable": True},
        "note": {"type": "string", "x-editable": True},
    },
    "required": ["repositoryPath", "targetBranch"],
}


@pytest.fixture
def shop(tmp_path: Path) -> DemoRepository:
    """The sample application with its remote."""
    folder = tmp_path / "repositories"
    folder.mkdir()
    return make_repository(folder)


def fix(node: Any, shop: DemoRepository, **changes: Any) -> Any:
    inputs = {"repositoryPath": str(shop.path), "targetBranch": "fixes-1"}
    values: dict[str, Any] = {
        "gate": ApprovalRule(),
        "risk": "APPROVAL_REQUIRED",
        "effect": "publish-branch",
        "inputs": inputs,
        "input_schema": SCHEMA,
        "result_schema": {"type": "object"},
    }
    return node("fix", **{**values, **changes})


def patch(line: str = "new") -> str:
    head = "diff --git a/one.txt b/one.txt\nnew file mode 100644\n--- /dev/null\n+++ b/one.txt\n"
    return f"{head}@@ -0,0 +1 @@\n+{line}\n"


def proposes(shop: DemoRepository, **changes: Any) -> Any:
    """What the agent answers: a patch for the commit that it sees."""

    def answer(request: Any) -> AgentResult:
        commit = Git(folder=shop.path).text("rev-parse", "HEAD")
        result = {"patch": patch(), "baseCommit": commit, "commitMessage": "Fix it", "verified": "tests"}
        return AgentResult(output={**result, **changes}, duration_ms=3)

    return answer


async def asked(bench: Any, flow_run: Any) -> Any:
    approval = await bench.records.approval((await bench.record(flow_run)).id, "fix")
    assert approval is not None
    return approval


async def decide(bench: Any, seen: Any, decision: str = "APPROVED", **edits: Any) -> Any:
    word = DecisionRequest(
        decision=decision,  # pyright: ignore[reportArgumentType]
        by="kim",
        verified=True,
        channel="api",
        digest=seen.digest,
        edits=edits,
    )
    return await decide_gate(word, seen.id, records=bench.records)


async def go_on(bench: Any, flow_run: Any) -> Any:
    await bench.resume(flow_run)
    return await bench.execute(flow_run)


def branches(shop: DemoRepository) -> list[str]:
    return Git(folder=shop.remote).text("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()


def tree_with(shop: DemoRepository, base: str, diff: str) -> str:
    """The tree that the diff makes of the base commit, worked out beside the platform."""
    git, env = Git(folder=shop.remote), {"GIT_INDEX_FILE": str(shop.remote / "by-hand")}
    git.run("read-tree", base, env=env)
    git.run("apply", "--cached", "-", stdin=diff.encode(), env=env)
    return git.run("write-tree", env=env).decode().strip()


@pytest.fixture
async def waiting(bench: Any, node: Any, shop: DemoRepository) -> Any:
    """A run that waits for the approval of a proposed branch."""
    bench.sandbox.answer("fix", proposes(shop))
    flow_run = await bench.start(await bench.deploy(fix(node, shop)), triggered_by="ada")
    state = await bench.execute(flow_run)
    assert state.is_paused(), state.message
    return flow_run


async def test_the_gate_shows_the_diff_and_nothing_has_happened(bench, waiting, shop) -> None:
    approval = await asked(bench, waiting)
    assert branches(shop) == ["main"]
    assert await bench.records.agent_runs(approval.run_id) == []
    (kept,) = await bench.records.proposals(approval.run_id)
    assert (kept.node_id, kept.effect, kept.result["patch"]) == ("fix", "publish-branch", patch())
    first = "If this is approved, the platform does this and nothing else: Push branch fixes-1 with 1 file, +1 "
    for shown in (card_text(approval.card), card_markdown(approval.card).replace("`", "")):
        begins = shown.index(first)
        verified = shown.index("verified: its tests give what they gave before")
        diff = shown.index("+new")
        exact = shown.index('"targetBranch": "fixes-1"')
        assert begins < verified < diff < exact


async def test_over_http_the_proposal_has_effect_summary_diff_and_digest(bench, waiting) -> None:
    found = proposal_of_approval((await asked(bench, waiting)).card)
    assert found is not None
    assert (found["effect"], found["diff"]) == ("publish-branch", patch())
    assert found["summary"].startswith("Push branch fixes-1 with 1 file, +1 ")
    assert found["files"] == [{"name": "one.txt", "added": 1, "removed": 0}]
    assert len(found["digest"]) >= 64


async def test_after_approval_exactly_that_diff_is_in_the_remote_and_the_agent_ran_once(
    bench, waiting, shop
) -> None:
    approval = await asked(bench, waiting)
    shown = proposal_of_approval(approval.card)
    assert shown is not None
    await decide(bench, approval)
    assert (await go_on(bench, waiting)).is_completed()
    assert bench.ran() == ["fix"]
    git = Git(folder=shop.remote)
    pushed = git.text("rev-parse", "fixes-1^{tree}")
    expected = tree_with(shop, shown["request"]["baseCommit"], shown["diff"])
    assert hashlib.sha256(pushed.encode()).digest() == hashlib.sha256(expected.encode()).digest()
    (run,) = await bench.records.agent_runs(approval.run_id)
    assert run.output["prNumber"] == 1
    assert run.output["branch"] == "fixes-1"
    assert run.output["commit"] == git.text("rev-parse", "fixes-1")
    assert "patch" not in run.output


async def test_a_rejected_proposal_leaves_no_trace_in_the_remote(bench, waiting, shop) -> None:
    await decide(bench, await asked(bench, waiting), "REJECTED")
    assert (await go_on(bench, waiting)).is_failed()
    assert branches(shop) == ["main"]
    assert await bench.records.agent_runs((await bench.record(waiting)).id) == []


async def test_a_base_that_moved_is_proposed_anew_and_asked_again(bench, waiting, shop) -> None:
    before = await asked(bench, waiting)
    await decide(bench, before)
    commit(shop)
    assert (await go_on(bench, waiting)).is_paused()
    after = await asked(bench, waiting)
    assert (after.status, after.digest != before.digest) == ("PENDING", True)
    assert after.card["proposals"][0]["request"]["baseCommit"] == Git(folder=shop.path).text("rev-parse", "HEAD")
    assert branches(shop) == ["main"]
    await decide(bench, after)
    assert (await go_on(bench, waiting)).is_completed()
    assert "fixes-1" in branches(shop)


async def test_a_base_that_moves_at_the_last_moment_is_asked_again(bench, waiting, shop, monkeypatch) -> None:
    await decide(bench, await asked(bench, waiting))
    first = iter([True])
    from tasks import node as module

    refuse = module.refuse_moved_base

    async def moved(proposal: Any, *, services: Any) -> None:
        if next(first, False):
            commit(shop)
        await refuse(proposal, services=services)

    monkeypatch.setattr(module, "refuse_moved_base", moved)
    assert (await go_on(bench, waiting)).is_paused()
    assert branches(shop) == ["main"]


async def test_a_changed_proposal_on_record_is_not_what_was_approved(bench, waiting, shop) -> None:
    """Whoever writes to the database after the approval gets asked about, not carried out."""
    approval = await asked(bench, waiting)
    await decide(bench, approval)
    from sqlalchemy import update

    from records.tables import PROPOSAL

    (kept,) = await bench.records.proposals(approval.run_id)
    async with bench.records._db.write() as connection:  # pyright: ignore[reportPrivateUsage]
        forged = {**kept.result, "patch": patch("forged")}
        await connection.execute(update(PROPOSAL).values(resultJson=forged))
    assert (await go_on(bench, waiting)).is_paused()
    assert branches(shop) == ["main"]
    assert "+forged" in card_text((await asked(bench, waiting)).card)


async def test_the_branch_can_be_changed_by_who_approves_and_nothing_else_can(bench, waiting, shop) -> None:
    approval = await asked(bench, waiting)
    with pytest.raises(EditRefused, match="those that may: 'targetBranch'"):
        await decide(bench, approval, note="other")
    with pytest.raises(EditRefused, match="refused"):
        await decide(bench, approval, targetBranch="../main")
    decision = await decide(bench, approval, targetBranch="fixes-as-kim-wants")
    assert decision.applied, decision.reason
    assert "Push branch fixes-as-kim-wants" in card_text((await asked(bench, waiting)).card)
    assert (await go_on(bench, waiting)).is_completed()
    assert bench.ran() == ["fix"]
    assert branches(shop) == ["fixes-as-kim-wants", "main"]


async def test_nothing_to_do_asks_nobody(bench, node, shop) -> None:
    bench.sandbox.answer("fix", proposes(shop, patch=""))
    flow_run = await bench.start(await bench.deploy(fix(node, shop)))
    assert (await bench.execute(flow_run)).is_completed()
    run = await bench.record(flow_run)
    assert await bench.records.approvals(run_id=run.id) == []
    (done,) = await bench.records.agent_runs(run.id)
    assert (done.output["prNumber"], done.output["branch"]) == (0, "fixes-1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"patch": "rm -rf"}, "begins no change of one file"),
        ({"baseCommit": "0" * 40}, "the fix is made for commit"),
        ({"patch": patch().replace("one.txt", ".github/x")}, "run by build machines"),
    ],
)
async def test_a_proposal_that_cannot_be_carried_out_is_never_asked_about(
    bench, node, shop, changes, reason
) -> None:
    bench.sandbox.answer("fix", proposes(shop, **changes))
    flow_run = await bench.start(await bench.deploy(fix(node, shop)))
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert reason in str(state.message)
    run = await bench.record(flow_run)
    assert await bench.records.approvals(run_id=run.id) == []
    assert reason in str((await bench.records.proposals(run.id))[0].error)


async def test_an_agent_that_fails_to_propose_is_tried_again_and_its_failure_is_on_record(
    bench, node, shop
) -> None:
    passing = AgentResult(failure=AgentFailure(kind="transient", message="the model is busy"))
    bench.sandbox.answer("fix", passing, proposes(shop))
    retries = Retries(max=1, backoff_seconds=0.01)
    flow_run = await bench.start(await bench.deploy(fix(node, shop, retries=retries)))
    assert (await bench.execute(flow_run)).is_paused()
    tries = await bench.records.proposals((await bench.record(flow_run)).id)
    assert [each.error for each in tries] == ["the model is busy", None]


async def test_who_proposes_has_a_model_and_neither_the_secrets_nor_the_hosts_of_an_effect(
    bench, node, shop
) -> None:
    model = "http://models.example.org:8080/v1"
    bench.services = dataclasses.replace(
        bench.services,
        settings={"LLM_BASE_URL": model},
        secrets=(EnvironmentSecrets({f"COMMANDCENTER_SECRET_{name}": "v" for name in ("LLM_API_KEY", "TOKEN")}),),
    )
    bench.sandbox.answer("fix", proposes(shop))
    reaching = fix(
        node,
        shop,
        network=("{LLM_BASE_URL}", "hooks.example.org:443"),
        secrets=("LLM_API_KEY", "TOKEN"),
        required_secrets=("TOKEN",),
    )
    flow_run = await bench.start(await bench.deploy(reaching))
    assert (await bench.execute(flow_run)).is_paused()
    (request,) = bench.sandbox.requests
    assert request.network == ("models.example.org:8080",)
    assert dict(request.secrets) == {"LLM_API_KEY": "v"}


async def test_below_the_risk_of_a_gate_it_is_carried_out_at_once(bench, node, shop) -> None:
    bench.sandbox.answer("fix", proposes(shop))
    flow_run = await bench.start(await bench.deploy(fix(node, shop, gate=None, risk="AUTO")))
    assert (await bench.execute(flow_run)).is_completed()
    assert "fixes-1" in branches(shop)
    assert len(await bench.records.agent_runs((await bench.record(flow_run)).id)) == 1


async def test_each_item_of_a_foreach_is_proposed_and_one_approval_binds_them_all(bench, node, shop) -> None:
    def answer(request: Any) -> AgentResult:
        return proposes(shop, patch=patch(request.inputs["targetBranch"]))(request)

    bench.sandbox.answer("fix", answer)
    inputs = {"repositoryPath": str(shop.path), "targetBranch": "fixes-{{ item }}"}
    each = fix(node, shop, inputs=inputs, foreach=Foreach(items=["a", "b"], max_parallel=1))
    flow_run = await bench.start(await bench.deploy(each))
    assert (await bench.execute(flow_run)).is_paused()
    approval = await asked(bench, flow_run)
    text = card_text(approval.card)
    assert "(1 of 2): Push branch fixes-a" in text
    assert "(2 of 2): Push branch fixes-b" in text
    assert len(proposal_of_approval(approval.card)["items"]) == 2  # pyright: ignore[reportOptionalSubscript]
    await decide(bench, approval)
    assert (await go_on(bench, flow_run)).is_completed()
    assert branches(shop) == ["fixes-a", "fixes-b", "main"]


def commit(shop: DemoRepository) -> None:
    """Another commit in the repository, which its remote has too."""
    git = Git(
        folder=shop.path,
        protocols="file",
        env={
            f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        },
    )
    (shop.path / "moved.txt").write_text("moved\n")
    git.run("add", "moved.txt")
    git.run("commit", "--quiet", "-m", "move")
    try:
        git.run("push", "--quiet", str(shop.remote), "HEAD:main")
    except GitError as exc:
        pytest.fail(str(exc))
