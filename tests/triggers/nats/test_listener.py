import asyncio
import json

import pytest
from nats.js.errors import NotFoundError

from operations.errors import PermanentTriggerError, TransientTriggerError
from triggers.in_memory import MemoryLaunch, MemoryRecords
from triggers.intake import Intake
from triggers.nats.connection import connect
from triggers.nats.event_subjects import refused_subjects
from triggers.nats.listener import Listener
from triggers.nats.stream_subjects import covers
from triggers.nats.streams import CONSUMER, EVENTS


def by_subject(trigger, subject, event):
    return covers(trigger.event, subject)


@pytest.fixture
def records():
    return MemoryRecords()


@pytest.fixture
def launch():
    return MemoryLaunch()


@pytest.fixture
async def listener(nats_server, broker, records, launch, background):
    on_reconnect = []
    connection = await connect(nats_server.url, on_reconnect=on_reconnect)
    listener = Listener(connection=connection, intake=Intake(inbox=records, launch=launch, matches=by_subject))
    on_reconnect.append(listener.reconnected)
    task = background(listener.run())
    await asyncio.wait_for(listener.ready.wait(), 5)
    yield listener
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await connection.close()


@pytest.fixture
def publish(broker, listener):
    """Publishes after the streams are there."""

    async def publish(subject="graph.file.updated", payload=None, **headers):
        data = payload if isinstance(payload, bytes) else json.dumps(payload or {"projectId": 1}).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await broker.jetstream().publish(subject, data, headers=named or None)

    return publish


async def pending(broker):
    """How many messages are not done with."""
    try:
        info = await broker.jetstream().consumer_info(EVENTS, CONSUMER)
    except NotFoundError:
        return None
    return info.num_pending + info.num_ack_pending


async def test_an_event_starts_each_workflow_of_its_project_that_listens_to_it(
    records, launch, publish, workflow, eventually
):
    records.plans += [workflow("a"), workflow("b"), workflow("c", event="audit.result.*")]
    await publish(payload={"projectId": 1, "filePath": "x.py"})
    await eventually(lambda: len(launch.runs) == 2)
    assert {run["workflow"] for run in launch.runs.values()} == {"a", "b"}
    assert all(run["context"] == {"projectId": 1, "filePath": "x.py"} for run in launch.runs.values())
    assert all(run["trigger"] == "graph.file.updated" for run in launch.runs.values())


async def test_an_event_of_one_project_never_starts_anothers_workflow(
    records, launch, publish, workflow, eventually
):
    records.plans += [workflow("a", project=1), workflow("a", project=2)]
    await publish(payload={"projectId": 2})
    await publish("workflow.trigger.a", {"projectId": 3})
    await eventually(lambda: launch.runs and records.letters)
    assert [run["context"]["projectId"] for run in launch.runs.values()] == [2]
    letter = next(iter(records.letters.values()))
    assert "project 3 has no active workflow 'a'" in letter.reason
    assert letter.project_id == 3


async def test_a_manual_trigger_starts_the_workflow_that_its_subject_names(
    records, launch, publish, workflow, eventually
):
    records.plans += [workflow("a", event=None), workflow("b", event=None)]
    await publish("workflow.trigger.b", {"workflowName": "b", "context": {"k": 1}, "projectId": 1})
    await eventually(lambda: launch.runs)
    assert [run["workflow"] for run in launch.runs.values()] == ["b"]
    assert launch.runs["run-1"]["context"] == {"k": 1, "projectId": 1}


async def test_a_message_is_gone_from_the_stream_only_when_its_runs_exist(
    records, launch, publish, workflow, eventually, broker
):
    records.plans.append(workflow("a"))
    launch.fault = TransientTriggerError("Prefect is away")
    await publish()
    await asyncio.sleep(0.3)
    assert await pending(broker) == 1
    launch.fault = None
    await eventually(lambda: launch.runs)

    async def done():
        return await pending(broker) == 0

    await eventually(done)
    assert len(launch.runs) == 1
    assert not records.letters


async def test_a_malformed_event_becomes_a_dead_letter_and_harms_no_other(
    records, launch, publish, workflow, eventually, broker
):
    records.plans.append(workflow("a"))
    bad = [b"{", b"\xff", b'{"filePath": "no project"}', b'{"projectId": 1, "x": "' + b"a" * 600_000 + b'"}']
    for payload in bad:
        await publish(payload=payload)
    await publish(payload={"projectId": 1})
    await eventually(lambda: len(records.letters) == len(bad) and launch.runs)
    assert len(launch.runs) == 1
    assert {letter.payload for letter in records.letters.values()} == set(bad)
    reasons = " ".join(letter.reason for letter in records.letters.values())
    assert "not JSON" in reasons
    assert "names no project" in reasons
    assert "at most" in reasons

    async def done():
        return await pending(broker) == 0

    await eventually(done)


async def test_a_workflow_that_can_never_start_becomes_a_dead_letter_while_the_others_start(
    records, launch, publish, workflow, eventually
):
    records.plans += [workflow("broken"), workflow("sound")]
    start = launch.start

    async def picky(plan, **what):
        if plan.name == "broken":
            raise PermanentTriggerError("its parameters are refused")
        return await start(plan, **what)

    launch.start = picky
    await publish()
    await eventually(lambda: records.letters and launch.runs)
    letter = next(iter(records.letters.values()))
    assert (letter.reason, letter.project_id) == ("its parameters are refused", 1)
    assert [run["workflow"] for run in launch.runs.values()] == ["sound"]


async def test_the_same_message_id_starts_one_run_even_outside_the_streams_window(
    records, launch, publish, workflow, eventually, broker
):
    records.plans.append(workflow("a"))
    first = await publish(Nats_Msg_Id="event-7")
    second = await publish(Nats_Msg_Id="event-7")
    assert second.duplicate
    await eventually(lambda: launch.runs)
    # The window is over: the stream takes the copy as a new message.
    await broker.jetstream().delete_stream(EVENTS)
    third = None
    while third is None:
        try:
            third = await publish(Nats_Msg_Id="event-7")
        except Exception:
            await asyncio.sleep(0.05)
    assert not third.duplicate
    assert first.seq == 1

    async def taken():
        return await pending(broker) == 0

    await eventually(taken)
    assert len(launch.runs) == 1
    await publish(payload={"projectId": 1, "other": "content"}, Nats_Msg_Id="event-8")
    await eventually(lambda: len(launch.runs) == 2)


async def test_a_deleted_consumer_is_made_anew_and_nothing_is_lost(
    records, launch, publish, workflow, eventually, broker
):
    records.plans.append(workflow("a"))
    await publish(payload={"projectId": 1, "n": 1})
    await eventually(lambda: len(launch.runs) == 1)
    await broker.jetstream().delete_consumer(EVENTS, CONSUMER)
    await publish(payload={"projectId": 1, "n": 2})
    await eventually(lambda: len(launch.runs) == 2)
    assert sorted(run["context"]["n"] for run in launch.runs.values()) == [1, 2]


async def test_a_restart_of_nats_in_the_middle_loses_and_doubles_nothing(
    records, launch, publish, workflow, eventually, nats_server
):
    records.plans.append(workflow("a"))
    for number in range(20):
        await publish(payload={"projectId": 1, "n": number})
        if number == 10:
            nats_server.kill()
            await asyncio.sleep(0.2)
            nats_server.start()
            await asyncio.sleep(0.5)
    await eventually(lambda: len(launch.runs) == 20, 20)
    assert sorted(run["context"]["n"] for run in launch.runs.values()) == list(range(20))


async def test_subjects_of_new_workflows_are_taken_after_a_refresh(
    records, launch, listener, publish, workflow, eventually
):
    records.plans.append(workflow("a", event="shop.order.*"))
    await listener.ensure()
    await publish("shop.order.paid")
    await eventually(lambda: launch.runs)
    records.plans.clear()
    await listener.ensure()
    with pytest.raises(Exception, match="no response"):
        await publish("shop.order.paid")


async def test_an_unexpected_error_is_tried_again_and_given_up_with_its_text(
    records, launch, publish, workflow, eventually, monkeypatch
):
    monkeypatch.setattr("triggers.nats.listener.LONGEST_DELAY", 0.02)
    records.plans.append(workflow("a"))
    launch.fault = RuntimeError("a bug")
    await publish()
    await eventually(lambda: records.letters)
    letter = next(iter(records.letters.values()))
    assert letter.reason == "a bug"
    assert letter.deliveries == 8


async def test_200_events_at_once_start_200_runs(records, launch, publish, workflow, eventually):
    records.plans.append(workflow("a"))
    await asyncio.gather(*(publish(payload={"projectId": 1, "n": number}) for number in range(200)))
    await eventually(lambda: len(launch.runs) == 200)
    assert {run["context"]["n"] for run in launch.runs.values()} == set(range(200))


async def test_a_password_in_the_address_of_nats_is_never_logged(caplog, background, eventually):
    background(connect("nats://user:s3cret@127.0.0.1:9"))
    await eventually(lambda: "No NATS at nats://127.0.0.1:9" in caplog.text)
    assert "s3cret" not in caplog.text


async def test_a_subject_that_another_stream_has_is_said_with_the_fix(nats_server, broker, records, caplog):
    await broker.jetstream().add_stream(name="THEIRS", subjects=["graph.>"])
    listener = Listener(connection=broker, intake=Intake(inbox=records, launch=MemoryLaunch(), matches=by_subject))
    with pytest.raises(TransientTriggerError, match=r"refuses stream 'COMMANDCENTER_EVENTS'.*another stream"):
        await listener.ensure()


async def test_a_trigger_on_another_streams_subject_is_refused_and_all_others_go_on(
    nats_server, broker, records, launch, listener, publish, workflow, eventually, caplog
):
    await broker.jetstream().add_stream(name="THEIRS", subjects=["shop.>"])
    records.plans += [workflow("overlaps", event="shop.order.paid"), workflow("fine", event="mail.received")]
    await listener.ensure()
    await publish("mail.received")
    await publish()
    await eventually(lambda: len(launch.runs) == 1)
    assert "Workflow 'overlaps' cannot be started by 'shop.order.paid'" in caplog.text
    # A deploy asks before it saves anything.
    new = [workflow("overlaps", event="shop.order.paid"), workflow("third", event="mail.sent")]
    asked = await refused_subjects(nats_server.url, records, new)
    assert [(each.workflow, each.subject) for each in asked] == [("overlaps", "shop.order.paid")]
    assert await refused_subjects("nats://127.0.0.1:9", records, new) == ()
    await broker.jetstream().delete_stream("THEIRS")
    await listener.ensure()
    await publish("shop.order.paid")
    await eventually(lambda: len(launch.runs) == 2)


async def test_events_wait_while_the_database_is_away(records, launch, publish, workflow, eventually, monkeypatch):
    records.plans.append(workflow("a"))

    async def away(*args, **named):
        raise OSError("connection refused")

    with monkeypatch.context() as patch:
        for method in ("active_plans", "dead_letter"):
            patch.setattr(records, method, away)
        await publish()
        await publish(payload=b"{")
        await asyncio.sleep(0.3)
    await eventually(lambda: len(launch.runs) == 1 and len(records.letters) == 1)
