"""`trigger: manual` on a real Prefect server: the form of the deployment, what it refuses, and the run."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.exceptions import PrefectHTTPStatusError

from compiler.plan import EventTrigger, ManualTrigger
from deployments.publishing.deploy import PrefectPublisher
from operations.launcher import Launcher
from operations.start_run import InvalidContext, start_run, typed_context

FIELDS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "version": {"type": "string", "description": "What is released"},
        "environment": {"type": "string", "enum": ["staging", "production"], "default": "staging"},
    },
    "required": ["version"],
}


async def start_with(bench: Any, deployment: Any, context: object) -> Any:
    return await bench.client.create_flow_run_from_deployment(deployment.id, parameters={"context": context})


async def test_prefects_form_asks_for_the_fields_and_the_run_has_the_defaults(bench: Any, node: Any) -> None:
    plan = await bench.deploy(node("tell"), name="typed", triggers=(ManualTrigger(context=FIELDS),))
    await PrefectPublisher(bench.client, "typed-pool").publish(plan)
    deployment = await bench.client.read_deployment_by_name("typed/project-1")

    form = deployment.parameter_openapi_schema
    assert form["properties"]["context"]["properties"] == FIELDS["properties"]
    assert form["properties"]["context"]["required"] == ["version"]
    assert "context" in form["required"]
    for wrong in ({}, {"version": 4}, {"version": "4", "environment": "prod"}):
        with pytest.raises(PrefectHTTPStatusError, match="Validation failed for field"):
            await start_with(bench, deployment, wrong)
    with pytest.raises(PrefectHTTPStatusError):
        await bench.client.create_flow_run_from_deployment(deployment.id)

    bench.sandbox.answer("tell", {})
    flow_run = await start_with(bench, deployment, {"version": "1.4"})
    state = await bench.execute(flow_run)

    assert state.is_completed(), state.message
    context = {"projectId": 1, "version": "1.4", "environment": "staging"}
    assert (await bench.record(flow_run)).context == context


async def test_what_a_terminal_gives_is_read_by_its_type_and_checked(bench: Any, node: Any) -> None:
    plan = await bench.deploy(node("tell"), name="typed-terminal", triggers=(ManualTrigger(context=FIELDS),))
    await PrefectPublisher(bench.client, "typed-pool").publish(plan)
    about = {"records": bench.records, "launch": Launcher(bench.client), "project_id": 1, "trigger": "manual"}

    wrong = typed_context([("version", "1"), ("environment", "prod")], plan)
    with pytest.raises(InvalidContext, match="environment"):
        await start_run(plan.name, wrong, triggered_by="ann", **about)
    right = typed_context([("version", "1.10"), ("environment", "production")], plan)
    started = await start_run(plan.name, right, triggered_by="ann", **about)

    flow_run = await bench.client.read_flow_run(started.flow_run_id)
    assert flow_run.parameters["context"] == {"version": "1.10", "environment": "production", "projectId": 1}


async def test_beside_an_event_the_form_takes_what_the_event_brings(bench: Any, node: Any) -> None:
    triggers = (EventTrigger(event="shop.order.paid"), ManualTrigger(context=FIELDS))
    plan = await bench.deploy(node("tell"), name="typed-mixed", triggers=triggers)
    await PrefectPublisher(bench.client, "typed-pool").publish(plan)
    deployment = await bench.client.read_deployment_by_name("typed-mixed/project-1")

    titles = [each["title"] for each in deployment.parameter_openapi_schema["properties"]["context"]["anyOf"]]
    assert titles == ["Started by hand", "Of another trigger"]
    assert await start_with(bench, deployment, {"order": 7})


async def test_a_run_that_no_form_has_checked_is_refused_before_its_first_node(bench: Any, node: Any) -> None:
    filled = {**FIELDS, "required": ["environment", "version"]}
    manual = ManualTrigger(context=FIELDS)
    plan = await bench.deploy(node("tell"), name="untyped", triggers=(manual,), context_schema=filled)

    state = await bench.execute(await bench.start(plan, context={"version": 4}))

    assert state.is_failed()
    assert "does not fit workflow 'untyped'" in state.message
    assert bench.ran() == []


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"projectId": 2}, "belongs to project 1: leave it out"),
        ({"projectId": "1"}, "belongs to project 1: leave it out"),
        ({"a": ["x\0y"]}, "U+0000"),
        ({"a\0": 1}, "U+0000"),
    ],
    ids=["another project", "project as text", "NUL", "NUL in a key"],
)
async def test_what_prefect_lets_through_ends_on_record_before_the_first_node(
    bench: Any, node: Any, context: dict[str, Any], said: str
) -> None:
    flow_run = await bench.start(await bench.deploy(node("tell")), context=context)
    for _ in range(2):  # executed again, as after a crash or by Retry, it is refused again
        state = await bench.execute(flow_run)
        assert state.is_failed()
        assert said in (state.message or "")
    recorded = await bench.record(flow_run)
    assert (recorded.status, recorded.context) == ("FAILED", {"projectId": 1})
    assert said in (recorded.message or "")
    assert bench.ran() == []
