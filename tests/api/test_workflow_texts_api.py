"""Texts of workflows that are kept: versions, ETags, drafts, other names; and the stream that tells of changes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest


async def test_the_text_is_kept_with_its_comments_in_each_version(ann: Any, workflow_yaml: Any) -> None:
    first = "# why: because\n" + workflow_yaml("talk")
    await ann.put("/workflows/talk", content=first)
    await ann.put("/workflows/talk", content=first)
    second = first.replace("because", "we must")
    await ann.put("/workflows/talk", content=second)
    shown = (await ann.get("/workflows/talk")).json()
    assert (shown["source"], shown["version"]) == (second, 2)
    assert [node["id"] for node in shown["graph"]["nodes"]] == ["speak", "shout"]
    versions = (await ann.get("/workflows/talk/versions")).json()
    assert [(each["number"], each["savedBy"]) for each in versions] == [(2, "Ann"), (1, "Ann")]
    assert (await ann.get("/workflows/talk/versions/1")).json()["source"] == first
    assert (await ann.get("/workflows/talk/versions/9")).status_code == 404


async def test_a_second_editor_does_not_overwrite_the_first(ann: Any, as_person: Any, workflow_yaml: Any) -> None:
    bob = as_person("bob")
    created = await ann.put("/workflows/talk", content=workflow_yaml("talk"), headers={"If-None-Match": "*"})
    assert created.status_code == 200
    read = await bob.get("/workflows/talk")
    assert read.headers["ETag"] == created.headers["ETag"]
    hers = "# ann\n" + workflow_yaml("talk")
    etag = {"If-Match": read.headers["ETag"]}
    assert (await ann.put("/workflows/talk", content=hers, headers=etag)).status_code == 200
    his = await bob.put("/workflows/talk", content="# bob\n" + workflow_yaml("talk"), headers=etag)
    assert his.status_code == 412
    assert his.json()["current"]["source"] == hers
    assert (await ann.get("/workflows/talk")).json()["source"] == hers
    again = await bob.put("/workflows/talk", content=hers + "# bob\n", headers={"If-Match": his.json()["etag"]})
    assert again.status_code == 200
    new = await bob.put("/workflows/talk", content=hers, headers={"If-None-Match": "*"})
    assert new.status_code == 412


async def test_two_editors_at_once_save_once(ann: Any, workflow_yaml: Any) -> None:
    created = await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    etag = {"If-Match": created.headers["ETag"]}
    texts = [f"# {number}\n" + workflow_yaml("talk") for number in range(6)]
    answers = await asyncio.gather(*(ann.put("/workflows/talk", content=each, headers=etag) for each in texts))
    assert sorted(each.status_code for each in answers) == [200] + [412] * 5
    assert len((await ann.get("/workflows/talk/versions")).json()) == 2


async def test_a_draft_need_not_compile_and_goes_when_the_workflow_is_saved(
    ann: Any, eve: Any, workflow_yaml: Any
) -> None:
    assert (await ann.get("/workflows/talk/draft")).status_code == 404
    body = {"source": "name: [", "baseETag": '"1-a"'}
    assert (await ann.put("/workflows/talk/draft", json=body)).status_code == 204
    found = (await ann.get("/workflows/talk/draft")).json()
    assert (found["source"], found["baseETag"], found["updatedBy"]) == ("name: [", '"1-a"', "Ann")
    assert (await eve.get("/workflows/talk/draft")).status_code == 404
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    assert (await ann.get("/workflows/talk/draft")).status_code == 404
    assert (await ann.delete("/workflows/talk/draft")).status_code == 404
    assert (await ann.put("/workflows/talk/draft", json={"source": "\0"})).status_code == 422


async def test_nobodys_draft_is_overwritten_or_forgotten_by_somebody_else(
    ann: Any, as_person: Any, workflow_yaml: Any
) -> None:
    bob = as_person("bob")
    new = {"If-Match": '"0"'}
    kept = await ann.put("/workflows/talk/draft", json={"source": "of Ann"}, headers=new)
    assert kept.status_code == 204
    shown = await bob.get("/workflows/talk/draft")
    assert shown.headers["etag"] == kept.headers["etag"]
    refused = await bob.put("/workflows/talk/draft", json={"source": "of Bob"}, headers=new)
    assert (refused.status_code, refused.json()["current"]["source"]) == (412, "of Ann")
    assert refused.json()["etag"] == shown.headers["etag"]
    seen = {"If-Match": shown.headers["etag"]}
    both = await asyncio.gather(
        *(
            each.put("/workflows/talk/draft", json={"source": f"by {at}"}, headers=seen)
            for at, each in enumerate((ann, bob))
        )
    )
    assert sorted(each.status_code for each in both) == [204, 412]
    assert (await bob.delete("/workflows/talk/draft", headers=seen)).status_code == 412

    # Drafts of workflows that were never saved are found; who deploys another text leaves them.
    await ann.put("/workflows/talk/draft", json={"source": "of Ann"})
    assert [(each["name"], each["updatedBy"]) for each in (await bob.get("/drafts")).json()] == [("talk", "Ann")]
    assert (await bob.put("/workflows/talk", content=workflow_yaml("talk"))).status_code == 200
    assert (await bob.get("/workflows/talk/draft")).json()["source"] == "of Ann"
    # One that was deployed, or is of who deploys, is no draft any more.
    text = workflow_yaml("talk") + "# as Ann has written it\n"
    await ann.put("/workflows/talk/draft", json={"source": text})
    assert (await bob.put("/workflows/talk", content=text)).status_code == 200
    assert (await bob.get("/drafts")).json() == []


async def test_a_renamed_workflow_keeps_its_text_and_the_old_one_starts_nothing(
    ann: Any, workflow_yaml: Any
) -> None:
    await ann.put("/workflows/talk", content="# mine\n" + workflow_yaml("talk"))
    renamed = await ann.post("/workflows/talk/rename", json={"name": "speech"})
    assert renamed.status_code == 200, renamed.text
    shown = (await ann.get("/workflows/speech")).json()
    assert shown["source"] == "# mine\n" + workflow_yaml("speech")
    states = {each["name"]: each["status"] for each in (await ann.get("/workflows")).json()}
    assert states == {"talk": "ARCHIVED", "speech": "ACTIVE"}
    assert (await ann.post("/workflows/speech/rename", json={"name": "a\nb: c"})).status_code == 422
    assert (await ann.post("/workflows/nothing/rename", json={"name": "x"})).status_code == 404


@pytest.fixture
def events() -> Any:
    def read(text: str) -> list[tuple[str, str, dict[str, Any]]]:
        found = []
        for block in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and line[0] != ":")
            if "data" in fields:
                found.append((fields["id"], fields["event"], json.loads(fields["data"])))
        return found

    return read


async def test_the_stream_goes_on_behind_the_last_event_and_tells_of_one_project(
    ann: Any, eve: Any, ask: Any, events: Any
) -> None:
    approval = await ask()
    all_ = events((await ann.get("/stream", params={"limit": 0}, headers={"Last-Event-ID": "0"})).text)
    assert {kind for _, kind, _ in all_} >= {"workflow", "run", "approval"}
    asked = next(data for _, kind, data in all_ if kind == "approval")
    assert asked == {"type": "approval", "id": approval.id, "runId": approval.run_id}
    theirs = await eve.get("/stream", params={"limit": 0}, headers={"Last-Event-ID": "0"})
    assert events(theirs.text) == []
    assert (await ann.get("/stream", headers={"Last-Event-ID": "x"})).status_code == 422


async def test_the_stream_tells_of_a_change_while_it_is_open(ann: Any, workflow_yaml: Any, events: Any) -> None:
    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    reading = asyncio.create_task(ann.get("/stream", params={"limit": 1000}, timeout=20))
    async with ann.stream("GET", "/stream", timeout=20) as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("retry")
        await ann.put("/workflows/other", content=workflow_yaml("other"))
        async for line in lines:
            if line.startswith("data:") and "other" in line:
                break
    reading.cancel()


async def test_figures_are_counted_from_the_records(ann: Any, eve: Any, ask: Any) -> None:
    approval = await ask()
    await ann.post(f"/approvals/{approval.id}/decision", json={"decision": "reject", "digest": approval.digest})
    found = (await ann.get("/statistics")).json()
    assert [each["counts"] for each in found["runs"]] == [{"PENDING": 1}]
    assert (found["approvals"]["count"], found["approvals"]["failed"]) == (1, 1)
    assert found["approvals"]["p50"] is not None
    assert found["pendingApprovals"] == 0
    assert (await eve.get("/statistics")).json()["runs"] == []
