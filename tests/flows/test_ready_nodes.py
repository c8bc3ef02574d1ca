"""What may start next: dependencies, skips, handlers, and what fails a run."""

from __future__ import annotations

from compiler.plan import Plan, PlanNode
from flows.ready_nodes import failure_of, ready_nodes
from tasks.outcome import NodeOutcome, failed


def node(node_id: str, *after: str, on_failure: str = "fail") -> PlanNode:
    return PlanNode(
        id=node_id,
        agent="a",
        agent_type="SCRIPT",
        agent_version="1.0.0",
        entry_path="agents.builtin.a",
        action="act",
        risk="AUTO",
        inputs={},
        input_schema={},
        output_schema={},
        depends_on=after,
        on_failure=on_failure,
    )


def plan(*nodes: PlanNode) -> Plan:
    return Plan(name="w", project_id=1, nodes=nodes)


DONE = NodeOutcome(status="SUCCESS", output={})


def ready(p: Plan, ended: dict[str, NodeOutcome], started: set[str] | None = None) -> list[str]:
    return [each.id for each in ready_nodes(p, ended=ended, started=started or set()).ready]


def test_a_node_starts_as_soon_as_its_own_dependencies_are_done() -> None:
    diamond = plan(node("a"), node("b", "a"), node("c", "a"), node("d", "b"), node("e", "b", "c"))
    assert ready(diamond, {}) == ["a"]
    assert ready(diamond, {"a": DONE}) == ["b", "c"]
    assert ready(diamond, {"a": DONE, "b": DONE}, {"c"}) == ["d"]
    assert ready(diamond, {"a": DONE, "b": DONE, "c": DONE, "d": DONE}) == ["e"]


def test_a_failed_node_skips_all_that_depends_on_it_and_nothing_else() -> None:
    p = plan(node("a"), node("b"), node("c", "a"), node("d", "c"), node("e", "b"))
    step = ready_nodes(p, ended={"a": failed(p.node("a"), "broke"), "b": DONE}, started=set())
    assert [each.id for each in step.ready] == ["e"]
    assert set(step.skipped) == {"c", "d"}
    assert "'a' failed" in step.skipped["c"].reason


def test_continue_lets_dependents_go_on_and_does_not_fail_the_run() -> None:
    p = plan(node("a", on_failure="continue"), node("b", "a"))
    ended = {"a": failed(p.node("a"), "broke")}
    assert ready(p, ended) == ["b"]
    assert failure_of(p, {**ended, "b": DONE}) is None


def test_a_handler_runs_only_after_the_failure_it_handles() -> None:
    p = plan(node("a", on_failure="handler:mend"), node("mend", "a"), node("b", "a"))
    assert ready(p, {}) == ["a"]
    good = ready_nodes(p, ended={"a": DONE}, started=set())
    assert [each.id for each in good.ready] == ["b"]
    assert good.skipped["mend"].status == "SKIPPED"
    assert not good.skipped["mend"].blocks
    bad = ready_nodes(p, ended={"a": failed(p.node("a"), "broke")}, started=set())
    assert [each.id for each in bad.ready] == ["mend"]
    assert set(bad.skipped) == {"b"}
    assert failure_of(p, {"a": failed(p.node("a"), "broke"), "mend": DONE}) is None
    assert failure_of(p, {"a": failed(p.node("a"), "broke"), "mend": failed(p.node("mend"), "too")}) == (
        "node 'a' failed: broke; node 'mend' failed: too"
    )


def test_a_rejected_gate_fails_the_run_with_its_reason() -> None:
    p = plan(node("a"), node("b", "a"))
    rejected = NodeOutcome(status="REJECTED", reason="'a' was rejected by kim: no", blocks=True)
    assert ready_nodes(p, ended={"a": rejected}, started=set()).skipped["b"].blocks
    assert failure_of(p, {"a": rejected}) == "'a' was rejected by kim: no"
