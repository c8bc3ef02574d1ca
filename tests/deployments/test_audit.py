"""The pinned packages among known vulnerabilities."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deployments.audit import main, pinned


def _id(name: str) -> str:
    return f"TEST-{re.sub('[^a-z]', '', name)}"


def entry(name: str, version: str, fixed: str, ecosystem: str = "PyPI") -> dict[str, Any]:
    events = [{"introduced": version}, {"fixed": fixed}]
    return {
        "id": _id(name),
        "summary": "It breaks.",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }


def test_every_pin_of_every_list_is_looked_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = pinned()
    assert {name: len(found) > 0 for name, found in lists.items()} == dict.fromkeys(lists, True)
    first = {name: found[0] for name, found in lists.items()}
    entries = [entry(each.name, each.version, "999999.0.0", each.ecosystem) for each in first.values()]
    (tmp_path / "all.json").write_text(json.dumps([*entries, entry("prefect", "0.0.1", "0.0.2")]))
    (tmp_path / "broken.json").write_text("{")
    assert main(["--data", str(tmp_path)]) == 1
    told = capsys.readouterr()
    for name, each in first.items():
        assert f"{name}:{each.line}: {each.name} {each.version}: {_id(each.name)}" in told.out
    assert "prefect" not in told.out
    assert "broken.json" in told.err


def test_nothing_known_is_well_and_nothing_to_compare_with_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.json").write_text(json.dumps(entry("no-such-package", "1", "2")))
    assert main(["--data", str(tmp_path)]) == 0
    assert "0 known vulnerabilities" in capsys.readouterr().err
    nowhere = ["--api", "http://127.0.0.1:1"]
    assert main(nowhere) == 0
    assert "compared with nothing" in capsys.readouterr().err
    assert main([*nowhere, "--required"]) == 2
