"""The two-person rule over HTTP."""

from __future__ import annotations

from agents.registration.manifest import to_json


async def test_a_gate_is_removed_by_two_people_over_http(ann, as_person, workflow_yaml, monkeypatch):
    monkeypatch.setenv("COMMANDCENTER_MODE", "production")
    bob = as_person("bob")
    assert (await ann.put("/workflows/talk", content=workflow_yaml("talk"))).status_code == 200
    weaker = "\n".join(
        [
            "name: talk",
            "trigger: {event: graph.file.updated}",
            "nodes:",
            "  - {id: speak, agent: speaker, action: say, inputs: {text: hello}}",
        ]
    )
    refused = await ann.put("/workflows/talk", content=weaker, params={"removeGates": True})
    assert refused.status_code == 409
    (change,) = (await ann.get("/changes")).json()
    assert (change["kind"], change["requestedBy"], change["confirmedBy"]) == ("weaken-gates", "Ann", None)
    assert change["id"] in refused.json()["detail"]
    assert (await ann.post(f"/changes/{change['id']}/confirm")).status_code == 403
    confirmed = await bob.post(f"/changes/{change['id']}/confirm")
    assert confirmed.json()["confirmedBy"] == "Bob"
    done = await ann.put("/workflows/talk", content=weaker, params={"removeGates": True})
    assert done.status_code == 200
    assert (await ann.get("/changes")).json() == []


async def test_an_agent_with_hosts_is_registered_by_two_people_over_http(ann, eve, speaker, monkeypatch):
    monkeypatch.setenv("COMMANDCENTER_MODE", "production")
    manifest = to_json(speaker) | {"name": "loud", "network": ["hooks.example.org:443"]}
    refused = await ann.post("/agents", json=manifest)
    assert refused.status_code == 409
    (change,) = (await ann.get("/changes")).json()
    assert (await eve.post(f"/changes/{change['id']}/confirm")).status_code == 404
    assert (await ann.get("/agents/loud")).status_code == 404
