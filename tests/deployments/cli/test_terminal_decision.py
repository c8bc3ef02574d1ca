"""What a terminal says about a decision: also when the names in it were typed by somebody hostile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployments.cli.terminal_decision import tell

pytestmark = pytest.mark.unit


def test_who_decided_before_is_told_and_a_hostile_name_does_nothing(capsys: Any) -> None:
    reason = "it was rejected by eve\x1b[2J\x1b]0;[bold]already approved\x07 at 2026-01-01 00:00:00 UTC already"
    tell(cast("Any", SimpleNamespace(reason=reason)))
    told = " ".join(capsys.readouterr().out.split())
    assert told.isprintable()
    assert "rejected by eve\\u001b[2J" in told
    assert "[bold]already approved" in told
