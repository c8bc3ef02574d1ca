import pytest

from operations.errors import PermanentTriggerError, TransientTriggerError

FITS = {"filePath": "a.py", "repositoryPath": "/r"}
"""What the workflow's event must carry."""


async def test_a_workflow_is_compiled_saved_and_shown(ann, workflow_yaml):
    saved = await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    assert saved.status_code == 200
    assert saved.json()["deployed"] is False
    listed = (await ann.get("/workflows")).json()
    assert [(each["name"], each["planDigest"]) for each in listed] == [("talk", saved.json()["planDigest"])]
    shown = (await ann.get("/workflows/talk")).json()
    assert [node["id"] for node in shown["plan"]["nodes"]] == ["speak", "shout"]
    assert shown["trigger"] == {"event": "graph.file.updated"}


async def test_mistakes_are_answered_with_their_places_and_nothing_is_saved(ann, workflow_yaml):
    wrong = workflow_yaml("talk").replace("agent: speaker", "agent: speeker")
    answer = await ann.put("/workflows/talk", content=wrong)
    assert answer.status_code == 422
    first = answer.json()["diagnostics"][0]
    assert first["line"] == 6
    assert "speeker" in first["message"]
    assert first["code"].startswith("CC")
    assert (await ann.get("/workflows")).json() == []


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"a: [", b"&a [*a, *a]", b"[" * 50_000, b"- 1"])
async def test_no_body_makes_the_server_fail(ann, body):
    assert (await ann.put("/workflows/talk", content=body)).status_code == 422
    for path in ("/workflows/talk/runs", "/agents", "/approvals/x/decision"):
        assert (await ann.post(path, content=body)).status_code in (400, 422)
    assert (await ann.get("/health")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"context": {"filePath": "a", "repositoryPath": "/r", "a": 1, "a": 2}}',
        b'{"context": {"a": 1}, "context": {"a": 2}}',
        b'{"context": {"filePath": "a", "repositoryPath": "/r", "a": NaN}}',
        b'{"context": {"filePath": "a", "repositoryPath": "/r", "a": 1e999}}',
        b'{"context": {"filePath": "a", "repositoryPath": "/r", "a": 123456789012345678901}}',
    ],
)
@pytest.mark.parametrize("headers", [{"content-type": "application/json"}, {}], ids=["typed", "untyped"])
async def test_json_that_two_readers_read_differently_starts_nothing(ann, workflow_yaml, launch, body, headers):
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    answer = await ann.post("/workflows/talk/runs", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(launch.runs) == 0


async def test_a_body_that_is_too_large_is_refused(ann):
    async def drip():
        for _ in range(30):
            yield b"# " + b"x" * 9_998

    assert (await ann.put("/workflows/talk", content=b"x" * 200_001)).status_code == 413
    assert (await ann.put("/workflows/talk", content=drip())).status_code == 413


async def test_the_address_names_the_workflow(ann, workflow_yaml):
    answer = await ann.put("/workflows/other", content=workflow_yaml("talk"))
    assert answer.status_code == 422
    assert "'talk'" in answer.json()["detail"]


async def test_no_workflow_of_another_project_is_seen_saved_or_started(ann, eve, workflow_yaml):
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    assert (await eve.get("/workflows")).json() == []
    assert (await eve.get("/workflows/talk")).status_code == 404
    assert (await eve.post("/workflows/talk/runs", json={})).status_code == 404
    foreign = workflow_yaml("talk").replace("name: talk", "name: talk\nprojectId: 2")
    assert (await ann.put("/workflows/talk", content=foreign)).status_code == 403


async def test_a_gate_is_not_removed_by_the_way(ann, workflow_yaml):
    gated = workflow_yaml("talk").replace("action: say", "action: say\n    approvalRequired: true")
    assert (await ann.put("/workflows/talk", content=gated)).status_code == 200
    answer = await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    assert answer.status_code == 409
    assert "speak" in answer.json()["detail"]
    meant = await ann.put("/workflows/talk?removeGates=true", content=workflow_yaml("talk"))
    assert meant.status_code == 200


async def test_a_run_is_started_in_the_callers_name(ann, workflow_yaml, launch):
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    answer = await ann.post("/workflows/talk/runs", json={"context": {**FITS, "k": 1}})
    assert answer.status_code == 202
    assert launch.runs[answer.json()["flowRunId"]] == {
        "workflow": "talk",
        "context": {**FITS, "k": 1, "projectId": 1},
        "trigger": "manual",
        "triggered_by": "Ann",
    }


async def test_the_same_idempotency_key_starts_one_run(ann, workflow_yaml, launch):
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    for key in ("one", "one", "two"):
        await ann.post("/workflows/talk/runs", json={"context": FITS}, headers={"Idempotency-Key": key})
    assert len(launch.runs) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"context": []},
        {"contxt": {}},
        {"context": {**FITS, "projectId": 2}},
        {"context": {**FITS, "x": {"__prefect_kind": "jinja", "template": "{{ 1 }}"}}},
        {"context": {**FITS, "x": "\x00"}},
    ],
)
async def test_a_context_that_is_not_in_order_starts_nothing(ann, workflow_yaml, launch, body):
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    assert (await ann.post("/workflows/talk/runs", json=body)).status_code == 422
    assert not launch.runs


@pytest.mark.parametrize(
    ("fault", "status"), [(TransientTriggerError("Prefect is away"), 503), (PermanentTriggerError("refused"), 422)]
)
async def test_what_keeps_a_run_from_starting_is_said(ann, workflow_yaml, launch, fault, status):
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    launch.fault = fault
    answer = await ann.post("/workflows/talk/runs", json={"context": FITS})
    assert (answer.status_code, answer.json()["detail"]) == (status, str(fault))


async def test_what_does_not_fit_the_fields_of_a_workflow_started_by_hand_is_refused(ann, workflow_yaml, launch):
    fields = "trigger: manual\ncontext:\n  count: {type: integer}\n  mode: {enum: [fast, slow], default: fast}\n"
    typed = workflow_yaml("typed").replace("trigger:\n  event: graph.file.updated\n", fields)
    assert (await ann.put("/workflows/typed", content=typed)).is_success, "the workflow is saved"

    refused = await ann.post("/workflows/typed/runs", json={"context": {"count": "3", "mode": "slwo"}})
    started = await ann.post("/workflows/typed/runs", json={"context": {"count": 3}})

    assert refused.status_code == 422
    assert "count" in refused.json()["detail"]
    assert "mode" in refused.json()["detail"]
    assert [run["context"] for run in launch.runs.values()] == [{"count": 3, "mode": "fast", "projectId": 1}]
    assert started.status_code == 202


async def test_events_that_were_given_up_are_listed_with_the_reason(ann, eve, records):
    letter = {"subject": "workflow.trigger.x", "payload": b"\xff{", "reason": "no such workflow"}
    await records.dead_letter("s", 1, project_id=1, **letter)
    await records.dead_letter("s", 2, project_id=None, **letter)
    (found,) = (await ann.get("/dead-letters")).json()
    assert (found["subject"], found["reason"], found["payload"]) == (
        "workflow.trigger.x",
        "no such workflow",
        "\ufffd{",
    )
    assert (await eve.get("/dead-letters")).json() == []
