import dataclasses

import pytest

from agents.registration.manifest import to_json


async def test_agents_of_the_own_project_are_listed_and_shown(ann, eve, speaker):
    assert (await ann.get("/agents")).json() == [to_json(speaker)]
    assert (await ann.get("/agents/speaker")).json() == to_json(speaker)
    assert (await eve.get("/agents")).json() == []
    assert (await eve.get("/agents/speaker")).status_code == 404


async def test_a_manifest_registers_an_agent_for_the_own_project_only(ann, eve, speaker, records):
    manifest = to_json(dataclasses.replace(speaker, name="singer"))
    answer = await eve.post("/agents", json=manifest)
    assert answer.status_code == 201
    assert [agent["name"] for agent in (await eve.get("/agents")).json()] == ["singer"]
    assert [agent["name"] for agent in (await ann.get("/agents")).json()] == ["speaker"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"surplus": 1}, "surplus"),
        ({"name": "No Name"}, "name"),
        ({"version": "one"}, "version"),
        ({"actions": []}, "actions"),
        ({"network": ["anywhere"]}, "host:port"),
        ({"entry_path": "/etc"}, "entry_path '/etc'"),
        ({"entry_path": "os.path"}, "entry_path 'os.path'"),
        ({"entry_path": ""}, "entry_path ''"),
    ],
)
async def test_a_manifest_that_is_not_in_order_is_refused(ann, speaker, change, says):
    answer = await ann.post("/agents", json=to_json(speaker) | change)
    assert answer.status_code == 422
    assert says in str(answer.json()["detail"])


async def test_an_agent_may_stand_in_a_folder_that_the_server_allows(ann, speaker, tmp_path):
    inside, outside = tmp_path / "agents" / "mine", tmp_path / "agents" / ".." / "other"
    manifest = to_json(dataclasses.replace(speaker, name="mine"))
    assert (await ann.post("/agents", json=manifest | {"entry_path": str(inside)})).status_code == 201
    assert (await ann.post("/agents", json=manifest | {"entry_path": str(outside)})).status_code == 422


async def test_no_manifest_lowers_the_risk_of_what_is_registered(ann, speaker):
    manifest = to_json(speaker)
    for action in manifest["actions"]:
        action["risk"] = None
    answer = await ann.post("/agents", json=manifest)
    assert answer.status_code == 409
    assert "speaker.shout" in answer.json()["detail"]
    assert (await ann.get("/agents/speaker")).json() == to_json(speaker)
