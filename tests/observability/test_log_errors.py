"""Which lines of a log tell that a part does not do its work."""

from __future__ import annotations

from pathlib import Path

import pytest

from observability.log_errors import WINDOW_SECONDS, LogErrors, error_of

SCHEDULER = "12:00:0{n}.000 | ERROR   | prefect.server.services.scheduler - cannot evaluate statement {n}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("12:00:00.000 | ERROR   | docket.worker - loop failed", "docket.worker: loop failed"),
        ("12:00:00.000 | CRITICAL | prefect.server - gone", "prefect.server: gone"),
        ("2026-01-01 12:00:00,000 ERROR triggers.nats.relay: no way out", "triggers.nats.relay: no way out"),
        ("[17] 2026/01/01 12:00:00.000000 [ERR] JetStream out of space", "JetStream out of space"),
        ("12:00:00.000 | WARNING | prefect.server - slow", None),
        ("12:00:00.000 | ERROR   | prefect.flow_runs - Finished in state Failed('x')", None),
        ("12:00:00.000 | ERROR   | prefect.task_runs - Finished in state Failed('x')", None),
        ("2026-01-01 12:00:00,000 ERROR triggers.intake: Event a is a dead letter: x", None),
        ("an agent printed ERROR and nothing else", None),
    ],
)
def test_a_line_is_an_error_of_the_part_or_not(line: str, message: str | None) -> None:
    assert error_of(line) == message


def test_an_error_is_reported_when_it_came_again_and_again(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    errors = LogErrors(log)
    assert errors.look(0.0) is None
    for number in range(3):
        with log.open("a") as file:
            file.write(SCHEDULER.format(n=number) + "\n")
        found = errors.look(float(number))
        assert (found is None) == (number < 2)
    assert found is not None
    assert (found.count, "statement 2" in found.message) == (3, True)
    assert errors.look(WINDOW_SECONDS + 10) is None


def test_different_errors_are_not_one_error_again(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    lines = [f"12:00:00.000 | ERROR   | a.{name} - {name} failed" for name in ("one", "two", "three", "four")]
    log.write_text("\n".join(lines) + "\n")
    assert LogErrors(log).look(0.0) is None


def test_half_a_line_waits_for_its_end_and_a_new_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    whole = SCHEDULER.format(n=1) + "\n"
    log.write_text(whole * 2 + whole[:30])
    errors = LogErrors(log)
    assert errors.look(0.0) is None
    with log.open("a") as file:
        file.write(whole[30:])
    found = errors.look(1.0)
    assert found is not None
    assert found.count == 3
    log.write_text(whole)
    again = errors.look(2.0)
    assert again is not None
    assert again.count == 4
