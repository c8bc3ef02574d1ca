import pytest

from compiler.trigger_types.subjects import OUTGOING, collide, subject_fault
from triggers.nats.stream_subjects import INCOMING, covers, incoming, merged

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("wide", "narrow", "does"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a.*", "a.>", False),
        ("a.*", "a.b.c", False),
        ("a.b", "a.*", False),
        (">", "a", True),
    ],
)
def test_covers_means_every_subject_of_the_narrower(wide, narrow, does):
    assert covers(wide, narrow) is does


@pytest.mark.parametrize(
    ("one", "other", "do"),
    [
        ("a.*.c", "a.b.*", True),
        ("a.>", "a.b", True),
        ("a.b", "a.c", False),
        ("a", "a.>", False),
        ("*", "a.b", False),
    ],
)
def test_patterns_collide_when_a_subject_matches_both(one, other, do):
    assert collide(one, other) is do
    assert collide(other, one) is do


def test_merging_gives_a_pattern_that_covers_both():
    for one, other in [("a.*.c", "a.b.*"), ("a.>", "a.b"), ("a.b", "a.b.c"), ("a.b.c", "x")]:
        assert covers(merged(one, other), one)
        assert covers(merged(one, other), other)


def test_the_fixed_subjects_come_in_without_any_workflow():
    assert incoming([]) == (tuple(sorted(INCOMING)), ())


def test_subjects_of_event_triggers_come_in_and_never_overlap(workflow):
    events = ("deploy.finished", "deploy.*", "graph.*.updated", "audit.result.fail", "shop.>", "shop.*.paid")
    subjects, refused = incoming(workflow(f"w{number}", event=event) for number, event in enumerate(events))
    assert refused == ()
    assert {"deploy.*", "graph.*.updated", "shop.>", "audit.result.*"} <= set(subjects)
    assert "graph.file.updated" not in subjects
    assert not [(a, b) for a in subjects for b in subjects if a < b and collide(a, b)]


@pytest.mark.parametrize(
    "event", ["workflow.completed.x", "workflow.>", ">", "agent.*.x", "$JS.API.>", "*.*", "*.INFO.x"]
)
def test_a_subject_that_would_bring_our_own_events_back_in_is_refused(workflow, event):
    subjects, refused = incoming([workflow("loop", event=event)])
    assert subjects == tuple(sorted(INCOMING))
    assert [(refusal.workflow, refusal.subject) for refusal in refused] == [("loop", event)]


@pytest.mark.parametrize("event", ["", "a..b", "a b", "a.>.b", "a*", "a.", "x" * 256])
def test_a_malformed_subject_is_refused_with_the_reason(workflow, event):
    assert subject_fault(event)
    if event:
        _, refused = incoming([workflow("bad", event=event)])
        assert len(refused) == 1


def test_a_subject_of_another_stream_is_refused_for_its_workflow_alone(workflow):
    plans = [workflow("overlaps", event="shop.order.*"), workflow("fine", event="mail.received")]
    subjects, refused = incoming(plans, foreign=["shop.>", "metrics"])
    assert subjects == tuple(sorted([*INCOMING, "mail.received"]))
    assert [refusal.workflow for refusal in refused] == ["overlaps"]
    assert "'shop.>' of another JetStream stream" in refused[0].reason


def test_merging_two_triggers_never_reaches_into_another_stream(workflow):
    plans = [workflow("one", event="a.*.c"), workflow("two", event="a.b.*")]
    subjects, refused = incoming(plans, foreign=["a.x.y"])
    assert not any(collide(subject, "a.x.y") for subject in subjects)
    assert [refusal.workflow for refusal in refused] == ["two"]


def test_incoming_and_outgoing_never_meet():
    assert not [(a, b) for a in INCOMING for b in OUTGOING if collide(a, b)]
