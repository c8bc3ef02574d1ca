import asyncio
import json
import sqlite3
import statistics
import time

import pytest

from triggers.in_memory import MemoryRecords
from triggers.nats.connection import connect
from triggers.nats.outbox_watch import OutboxWatch
from triggers.nats.relay import Relay, encode
from triggers.nats.streams import EVENTS, RESULTS, ensure_streams


@pytest.fixture
def records():
    return MemoryRecords()


@pytest.fixture
async def relay(nats_server, broker, records):
    connection = await connect(nats_server.url)
    await ensure_streams(connection.jetstream())
    yield Relay(connection=connection, outbox=records)
    await connection.close()


async def stored(broker):
    stream = broker.jetstream()
    last = (await stream.stream_info(RESULTS)).state.last_seq
    return [await stream.get_msg(RESULTS, seq) for seq in range(1, last + 1)]


async def test_events_reach_nats_in_order_each_under_its_message_id(records, relay, broker):
    for number in range(250):
        records.add_event("agent.executed.scanner", {"n": number})
    while await relay.publish_pending():
        pass
    messages = await stored(broker)
    assert [json.loads(message.data)["n"] for message in messages] == list(range(250))
    assert messages[0].headers["Nats-Msg-Id"] == "event-1"
    assert not await records.pending_events(1)


async def test_a_crash_between_publishing_and_marking_doubles_nothing(records, relay, broker, monkeypatch):
    records.add_event("workflow.started.w1", {})

    async def crash(ids):
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(records, "mark_published", crash)
        with pytest.raises(OSError, match="killed"):
            await relay.publish_pending()
    await relay.publish_pending()
    assert len(await stored(broker)) == 1
    assert not await records.pending_events(1)


async def test_a_new_event_is_out_within_a_fifth_of_a_second(records, relay, broker, background, eventually):
    background(relay.run())
    await asyncio.sleep(0.3)
    seen = asyncio.Queue()

    async def note(message):
        await seen.put(time.monotonic())

    await broker.subscribe("workflow.completed.*", cb=note)
    await broker.flush()
    delays = []
    for _ in range(5):
        began = time.monotonic()
        records.add_event("workflow.completed.audit", {"status": "SUCCESS"})
        delays.append(await asyncio.wait_for(seen.get(), 2) - began)
    assert statistics.median(delays) < 0.2


async def test_the_relay_outlives_a_restart_of_nats_and_a_deleted_stream(
    records, relay, broker, background, eventually, nats_server
):
    background(relay.run())
    nats_server.kill()
    records.add_event("workflow.started.w1", {"n": 1})
    await asyncio.sleep(0.2)
    nats_server.start()
    await eventually(lambda: not records._outbox)
    await broker.jetstream().delete_stream(RESULTS)
    records.add_event("workflow.started.w1", {"n": 2})
    await eventually(lambda: not records._outbox)
    assert json.loads((await stored(broker))[-1].data) == {"n": 2}


async def test_an_event_too_large_for_nats_does_not_stop_the_others(records, relay, broker):
    records.add_event("workflow.completed.a", {"workflowRunId": "r1", "results": ["x" * 2_000_000]})
    records.add_event("workflow.completed.b", {"workflowRunId": "r2"})
    await relay.publish_pending()
    first, second = [json.loads(message.data) for message in await stored(broker)]
    assert first["workflowRunId"] == "r1"
    assert first["truncated"] is True
    assert "results" not in first
    assert second == {"workflowRunId": "r2"}


async def test_a_row_of_somebody_else_neither_manages_streams_nor_speaks_for_a_publisher(
    records, relay, broker, caplog
):
    """The relay has the platform's credentials: with a stream that republishes, a row became a trusted event."""
    await broker.jetstream().publish("graph.file.updated", b"{}")
    before = {name: (await broker.jetstream().stream_info(name)).config.as_dict() for name in (EVENTS, RESULTS)}
    heard = await broker.subscribe(">")
    await broker.flush()
    republished = {**before[RESULTS], "republish": {"src": ">", "dest": "graph.file.updated"}}
    hostile = {
        f"$JS.API.STREAM.PURGE.{EVENTS}": {},
        f"$JS.API.STREAM.UPDATE.{RESULTS}": republished,
        "commandcenter.in.1.publisher.graph.file.updated": {"projectId": 1},
        "graph.file.updated": {"projectId": 1},
        "workflow.completed.>": {},
        "workflow.completed.a.b": {},
        "workflow.completed.a 0\r\n\r\nPUB graph.file.updated 2\r\n{}": {},
        "": {},
    }
    for subject, payload in hostile.items():
        records.add_event(subject, payload)
    records.add_event("workflow.completed.a", {"n": 1})
    await relay.publish_pending()
    assert [json.loads(message.data) for message in await stored(broker)] == [{"n": 1}]
    after = {name: (await broker.jetstream().stream_info(name)).config.as_dict() for name in (EVENTS, RESULTS)}
    assert after == before
    assert (await broker.jetstream().stream_info(EVENTS)).state.messages == 1
    told = {(await heard.next_msg(2)).subject for _ in range(heard.pending_msgs)}
    assert told.isdisjoint(hostile)
    assert caplog.text.count("is not published") == len(hostile)
    assert not await records.pending_events(1)


def test_a_payload_that_fits_is_sent_as_it_is():
    assert encode({"a": "é"}, limit=100) == '{"a":"é"}'.encode()


@pytest.mark.parametrize("notices", [True, False])
async def test_the_watch_wakes_when_a_file_of_the_database_changes(tmp_path, notices):
    database = tmp_path / "records.db"
    database.write_text("")
    watch = OutboxWatch((database, tmp_path / "records.db-wal"), notices=notices)
    waiting = asyncio.create_task(watch.wait())
    await asyncio.sleep(0.3)
    assert not waiting.done()
    (tmp_path / "records.db-wal").write_text("a commit")
    await asyncio.wait_for(waiting, 0.2)


async def test_the_watch_sees_each_commit_of_sqlite_also_one_that_comes_while_nobody_waits(tmp_path):
    database = tmp_path / "records.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE outbox (n)")
        watch = OutboxWatch.for_database(f"sqlite:///{database}")
        for number in range(20):
            connection.execute("INSERT INTO outbox VALUES (?)", (number,))
            connection.commit()
            await asyncio.wait_for(watch.wait(), 0.5)
        began = asyncio.get_running_loop().time()
        await watch.wait()
        assert asyncio.get_running_loop().time() - began > 1


async def test_a_cancellation_at_any_moment_ends_the_relay(records, relay):
    for moment in range(300):
        records.add_event("workflow.started.w1", {"n": moment})
        task = asyncio.create_task(relay.run())
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        _, running = await asyncio.wait({task}, timeout=2)
        assert not running, f"cancelled after {moment} turns of the loop, it goes on"
