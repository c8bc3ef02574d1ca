"""What `doctor` prints of a finding."""

from __future__ import annotations

import pytest

from deployments.stack.doctor import Finding, print_findings


def test_what_works_with_a_known_hole_is_a_warning_with_its_advice(capsys: pytest.CaptureFixture[str]) -> None:
    fine = Finding(what="git", ok=True, needed=True, detail="2.50", advice="install git")
    hole = Finding(what="sandbox", ok=True, needed=True, detail="0.11", advice="install a newer one", warn=True)
    gone = Finding(what="nats", ok=False, needed=True, detail="missing", advice="pip install it")
    print_findings([fine, hole, gone], as_json=False)
    told = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [each[0] for each in told] == ["ok", "WARN", "install", "MISS", "pip"]
