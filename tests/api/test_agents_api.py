import dataclasses
from typing import Any

import pytest

from agents.authoring.new_agent import new_agent
from agents.registration.builtin_agents import builtin_spec
from agents.registration.bundle import pack
from agents.registration.manifest import from_json, to_json


async def test_agents_of_the_own_project_are_listed_and_shown(ann, eve, speaker):
    (shown,) = (await ann.get("/agents")).json()
    assert (await ann.get("/agents/speaker")).json() == shown
    assert not [name for part in (shown, *shown["actions"]) for name in part if "_" in name]
    assert from_json(shown) == speaker
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
        ({"files": {"agent.py": ""}}, "/agents/upload"),
        ({"name": "No Name"}, "name"),
        ({"version": "one"}, "version"),
        ({"actions": []}, "actions"),
        ({"network": ["anywhere"]}, "host:port"),
        ({"entry_path": "/etc"}, "entryPath '/etc'"),
        ({"entry_path": "os.path"}, "entryPath 'os.path'"),
        ({"entry_path": ""}, "entryPath ''"),
    ],
)
async def test_a_manifest_that_is_not_in_order_is_refused(ann, speaker, change, says):
    answer = await ann.post("/agents", json=to_json(speaker) | change)
    assert answer.status_code == 422
    assert says in str(answer.json()["detail"])


async def test_an_agent_may_stand_in_a_folder_that_the_server_allows(ann, speaker, tmp_path):
    inside, outside = tmp_path / "agents" / "mine", tmp_path / "agents" / ".." / "other"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
        (folder / "agent.py").write_text("")
    manifest = to_json(dataclasses.replace(speaker, name="mine"))
    answer = await ann.post("/agents", json=manifest | {"entry_path": str(inside)})
    assert answer.status_code == 201
    # Of the code as it is, whatever the manifest says: what runs is compared with it.
    assert answer.json()["codeDigest"] == pack(inside).digest
    assert (await ann.post("/agents", json=manifest | {"entry_path": str(outside)})).status_code == 422


async def test_no_manifest_lowers_the_risk_of_what_is_registered(ann, speaker):
    manifest = to_json(speaker)
    for action in manifest["actions"]:
        action["risk"] = None
    # The same code keeps its risk; other code under the name does not get less.
    assert (await ann.post("/agents", json=manifest)).json()["actions"][1]["risk"] == "APPROVAL_REQUIRED"
    answer = await ann.post("/agents", json=manifest | {"entry_path": "agents.builtin.other"})
    assert answer.status_code == 409
    assert "speaker.shout" in answer.json()["detail"]
    found = (await ann.get("/agents/speaker")).json()
    assert [action["risk"] for action in found["actions"]] == [None, "APPROVAL_REQUIRED"]


@pytest.mark.parametrize(
    ("change", "risky"),
    [
        ({}, []),
        ({"network": ["hooks.example.org:443"]}, ["say", "shout"]),
        ({"secrets": ["TOKEN"], "network": ["hooks.example.org:443"]}, ["say", "shout"]),
    ],
)
async def test_reach_makes_an_action_risky_whatever_the_manifest_says(ann, speaker, change, risky):
    manifest = to_json(dataclasses.replace(speaker, name="other", entry_path="agents.builtin.other")) | change
    for action in manifest["actions"]:
        action["risk"] = "AUTO"
    answer = await ann.post("/agents", json=manifest)
    assert answer.status_code == 201
    assert [each["name"] for each in answer.json()["actions"] if each["risk"] == "APPROVAL_REQUIRED"] == risky


async def test_an_effect_makes_an_action_risky_whatever_the_manifest_says(ann, speaker):
    manifest = to_json(dataclasses.replace(speaker, name="other", entry_path="agents.builtin.other"))
    manifest["actions"][0] |= {"effect": "publish-branch", "result_schema": {}, "risk": "AUTO"}
    answer = await ann.post("/agents", json=manifest)
    assert [each["risk"] for each in answer.json()["actions"]] == ["APPROVAL_REQUIRED", "APPROVAL_REQUIRED"]


async def test_the_same_code_keeps_its_risk_under_another_name(ann, speaker):
    manifest = to_json(dataclasses.replace(speaker, name="whisperer"))
    for action in manifest["actions"]:
        action["risk"] = "AUTO"
    answer = await ann.post("/agents", json=manifest)
    assert {each["name"]: each["risk"] for each in answer.json()["actions"]} == {
        "say": "AUTO",
        "shout": "APPROVAL_REQUIRED",
    }


async def test_a_built_in_agent_under_another_name_is_that_code_with_its_risk(ann):
    shipped = to_json(builtin_spec("patcher"))
    manifest: dict[str, Any] = shipped | {"name": "harmless", "risk": "AUTO", "code_digest": "sha256:other"}
    for action in manifest["actions"]:
        action["risk"] = "AUTO"
    answer = (await ann.post("/agents", json=manifest)).json()
    assert answer["codeDigest"] == shipped["code_digest"]
    risky = [each["name"] for each in answer["actions"] if each["risk"] == "APPROVAL_REQUIRED"]
    assert "generateFixPR" in risky


async def test_an_agent_is_removed_unless_a_workflow_uses_it(ann, eve, speaker, records, workflow_yaml):
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    refused = await ann.delete("/agents/speaker")
    assert refused.status_code == 409
    assert "is used by 'talk'" in refused.json()["detail"]
    assert (await eve.delete("/agents/speaker")).status_code == 404
    await records.set_workflow_status(1, "talk", "ARCHIVED")
    assert (await ann.delete("/agents/speaker")).status_code == 204
    assert (await ann.get("/agents")).json() == []
    assert (await ann.delete("/agents/speaker")).status_code == 404
    # A run that waits goes on with it, and registering it again brings it back.
    assert "speaker" in (await records.catalogue(1, archived=True)).agents
    await records.register_agent(1, speaker)
    assert [each["name"] for each in (await ann.get("/agents")).json()] == ["speaker"]


async def test_a_program_is_registered_by_its_folder_alone(ann, tmp_path):
    folder = tmp_path / "agents" / "counter"
    new_agent("counter", "shell", folder)
    answer = await ann.post("/agents", json={"entryPath": str(folder)})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["name"], answer.json()["codeDigest"]) == ("counter", pack(folder).digest)
    (folder / "requirements.txt").write_text("requests\n")
    refused = await ann.post("/agents", json={"entry_path": str(folder)})
    assert (refused.status_code, "'requests' is not pinned" in refused.json()["detail"]) == (422, True)
    (folder / "agent.yaml").write_text("name: counter\n")
    refused = await ann.post("/agents", json={"entry_path": str(folder)})
    assert (refused.status_code, "run must be a list" in refused.json()["detail"]) == (422, True)
    for outside in ("/etc", str(tmp_path / "agents" / ".." / "other"), ""):
        refused = await ann.post("/agents", json={"entry_path": outside})
        assert (refused.status_code, "nor inside of a folder" in refused.json()["detail"]) == (422, True)
