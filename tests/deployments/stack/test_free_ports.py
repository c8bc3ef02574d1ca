import socket

import pytest

from deployments.errors import PortTaken
from deployments.stack import free_ports


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def choose(asked=None, remembered=None, preferred=0):
    return free_ports.Ports().choose(
        asked, remembered=remembered, part="NATS", option="--nats-port", preferred=preferred
    )


def test_the_port_asked_for_is_used():
    port = free_port()
    assert choose(asked=port, remembered=free_port()) == port


def test_a_taken_port_that_was_asked_for_is_an_error_that_names_part_and_option(taken):
    with pytest.raises(PortTaken, match=rf"^port {taken} for NATS is in use .* --nats-port"):
        choose(asked=taken)


def test_last_times_port_comes_before_the_usual_one():
    remembered, preferred = free_port(), free_port()
    assert choose(remembered=remembered, preferred=preferred) == remembered


def test_when_last_times_port_is_taken_the_usual_one_is_used(taken):
    preferred = free_port()
    assert choose(remembered=taken, preferred=preferred) == preferred


def test_when_all_known_ports_are_taken_any_free_one_is_found(taken):
    port = choose(remembered=taken, preferred=taken)
    assert port != taken
    assert free_ports.is_free(port)
