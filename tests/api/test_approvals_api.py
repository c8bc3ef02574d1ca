import asyncio


async def test_an_open_approval_is_listed_and_its_view_recorded(ann, ask):
    approval = await ask()
    listed = (await ann.get("/approvals", params={"status": "PENDING"})).json()
    assert [(each["id"], each["nodeId"], each["card"]) for each in listed] == [
        (approval.id, "shout", {"agent": "speaker"})
    ]
    shown = (await ann.get(f"/approvals/{approval.id}")).json()
    assert [(entry["event"], entry["by"]) for entry in shown["audit"]] == [("requested", None), ("viewed", "Ann")]


async def test_who_looks_is_told_which_decision_they_cannot_take(ann, as_person, ask):
    approval = await ask(triggered_by="Bob", approvers=["Ann", "Bob"])
    path = f"/approvals/{approval.id}"
    assert (await ann.get(path)).json()["objections"] == {}
    own = (await as_person("bob").get(path)).json()["objections"]
    assert list(own) == ["approve"]
    assert "started this run" in own["approve"]
    await ann.post(f"{path}/decision", json={"decision": "reject", "digest": approval.digest})
    assert set((await ann.get(path)).json()["objections"]) == {"approve", "reject"}


async def test_a_page_that_looks_again_and_again_is_one_view(ann, as_person, ask):
    approval = await ask()
    for client in (ann, ann, as_person("bob"), ann):
        shown = (await client.get(f"/approvals/{approval.id}")).json()
    views = [entry["by"] for entry in shown["audit"] if entry["event"] == "viewed"]
    assert views == ["Ann", "Bob"]


async def test_a_decision_stands_wakes_the_run_and_says_who(ann, ask, resumed):
    approval = await ask()
    answer = await ann.post(
        f"/approvals/{approval.id}/decision",
        json={"decision": "approve", "notes": "fine", "digest": approval.digest},
    )
    assert answer.status_code == 200
    decided = answer.json()
    assert (decided["applied"], decided["run"]) == (True, "resumed")
    assert (decided["approval"]["status"], decided["approval"]["respondedBy"]) == ("APPROVED", "Ann")
    assert (decided["approval"]["verified"], decided["approval"]["channel"]) == (True, "api")
    assert resumed == ["flow-1"]


async def test_the_first_decision_wins_and_later_ones_are_told_whose_it_is(as_person, ask, resumed):
    approval = await ask()
    path = f"/approvals/{approval.id}/decision"
    people = [as_person(name) for name in ("ann", "bob") * 5]
    choices = ["approve", "reject"] * 5
    answers = await asyncio.gather(
        *(
            person.post(path, json={"decision": choice, "digest": approval.digest})
            for person, choice in zip(people, choices, strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    winner = next(answer for answer in answers if answer.status_code == 200).json()["approval"]
    for answer in answers:
        if answer.status_code == 409:
            detail = answer.json()
            assert detail["approval"]["respondedBy"] == winner["respondedBy"]
            assert f"by {winner['respondedBy']}" in detail["detail"]
    assert resumed == ["flow-1"]


async def test_a_decision_on_something_else_than_what_was_seen_is_refused(ann, ask, resumed):
    approval = await ask()
    path = f"/approvals/{approval.id}/decision"
    answer = await ann.post(path, json={"decision": "approve", "digest": "sha256:" + "0" * 64})
    assert answer.status_code == 409
    assert not resumed
    assert (await ann.post(path, json={"decision": "approve", "digest": approval.digest})).status_code == 200


async def test_a_decision_that_does_not_say_what_was_seen_is_refused(ann, ask, resumed, records):
    approval = await ask()
    for body in (
        {"decision": "approve"},
        {"decision": "reject", "digest": None},
        {"decision": "approve", "digest": ""},
    ):
        answer = await ann.post(f"/approvals/{approval.id}/decision", json=body)
        assert answer.status_code == 422
        assert "digest" in answer.json()["detail"]
    assert (
        "a decision names what was seen"
        in (await ann.post(f"/approvals/{approval.id}/decision", json={"decision": "approve"})).json()["detail"]
    )
    assert not resumed
    assert (await records.question(approval.id)).status == "PENDING"


async def test_who_is_not_entitled_is_refused(ann, as_person, ask):
    approval = await ask(triggered_by="Ann", approvers=("Ann", "Cid"))
    path = f"/approvals/{approval.id}/decision"
    own = await ann.post(path, json={"decision": "approve", "digest": approval.digest})
    assert own.status_code == 403
    assert "started this run" in own.json()["detail"]
    other = await as_person("bob").post(path, json={"decision": "approve", "digest": approval.digest})
    assert other.status_code == 403
    assert "may not decide" in other.json()["detail"]


async def test_a_quorum_counts_people(ann, as_person, ask, resumed):
    approval = await ask(quorum=2)
    path = f"/approvals/{approval.id}/decision"
    first = (await ann.post(path, json={"decision": "approve", "digest": approval.digest})).json()
    again = (await ann.post(path, json={"decision": "approve", "digest": approval.digest})).json()
    assert (first["applied"], again["applied"], again["votes"]) == (False, False, ["Ann"])
    assert not resumed
    second = (await as_person("bob").post(path, json={"decision": "approve", "digest": approval.digest})).json()
    assert (second["applied"], second["votes"]) == (True, ["Ann", "Bob"])


async def test_another_project_sees_and_decides_nothing(eve, ask):
    approval = await ask()
    assert (await eve.get("/approvals")).json() == []
    assert (await eve.get(f"/approvals/{approval.id}")).status_code == 404
    decision = await eve.post(
        f"/approvals/{approval.id}/decision", json={"decision": "approve", "digest": approval.digest}
    )
    assert decision.status_code == 404
    assert (await eve.get(f"/runs/{approval.run_id}")).status_code == 404
    assert (await eve.get("/runs")).json() == []


async def test_a_run_is_shown_with_its_approvals(ann, ask):
    approval = await ask()
    listed = (await ann.get("/runs", params={"workflow": "talk"})).json()
    assert [run["id"] for run in listed] == [approval.run_id]
    shown = (await ann.get(f"/runs/{approval.run_id}")).json()
    assert (shown["context"], shown["triggeredBy"]) == ({"a": 1}, "Cid")
    assert [each["id"] for each in shown["approvals"]] == [approval.id]
    assert shown["states"] == {"speak": "PENDING", "shout": "WAITING_APPROVAL"}
    assert [each["status"] for each in shown["nodes"]] == ["PENDING", "WAITING_APPROVAL"]
    assert shown["agentRuns"] == []
    assert [node["id"] for node in shown["graph"]["nodes"]] == ["speak", "shout"]
    assert [each["kind"] for each in shown["timeline"]][:1] == ["run"]


async def test_a_question_is_shown_with_votes_taint_and_the_rule(ann, as_person, records, workflow_yaml, ask):
    approval = await ask(quorum=2)
    await as_person("bob").post(
        f"/approvals/{approval.id}/decision", json={"decision": "approve", "digest": approval.digest}
    )
    shown = (await ann.get(f"/approvals/{approval.id}")).json()
    assert (shown["votes"], shown["quorum"], shown["onExpiry"]) == (["Bob"], 2, "reject")
    assert (shown["superseded"], shown["earlier"], shown["tainted"]) == (False, [], [])
    chosen = await ann.get("/approvals", params={"runId": approval.run_id, "workflow": "talk"})
    assert [each["id"] for each in chosen.json()] == [approval.id]
    assert (await ann.get("/approvals", params={"workflow": "other"})).json() == []
