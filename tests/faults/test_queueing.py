"""What more parts would carry is computed as the theory of closed networks says."""

import pytest
from scale.queueing import Station, load


@pytest.mark.parametrize("runs", [1, 2, 5, 40])
def test_equal_stations_share_the_runs_evenly(runs) -> None:
    found = load([Station(name=str(number), demand=0.2) for number in range(3)], in_hand=runs)
    # The known solution of a balanced network: n / (n + k - 1) / demand.
    assert found.throughput == pytest.approx(runs / (runs + 2) / 0.2)
    assert found.seconds == pytest.approx(runs / found.throughput)


def test_with_many_runs_the_slowest_part_is_full_and_a_second_process_doubles_it() -> None:
    slow, quick = Station(name="slow", demand=0.1), Station(name="quick", demand=0.02)
    one = load([slow, quick], in_hand=500, delay=1.0)
    assert one.throughput == pytest.approx(10, rel=0.01)
    assert one.busy["slow"] == pytest.approx(1, rel=0.01)
    assert one.busy["quick"] == pytest.approx(0.2, rel=0.01)
    two = load([Station(name="slow", demand=0.1, processes=2), quick], in_hand=500, delay=1.0)
    assert two.throughput == pytest.approx(20, rel=0.02)


def test_with_few_runs_and_long_agents_nothing_is_full() -> None:
    found = load([Station(name="server", demand=0.1)], in_hand=3, delay=30.0)
    assert found.throughput == pytest.approx(3 / 30.1, rel=0.01)
    with pytest.raises(ValueError, match="at least one run"):
        load([], in_hand=0)
