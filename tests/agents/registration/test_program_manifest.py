"""`agent.yaml` becomes the manifest of a program, and every mistake in it a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.registration.bundle import BundleRefused, pack, unpack
from agents.registration.manifest import ManifestError, from_json
from agents.registration.program_manifest import manifest_of

GOOD = """\
name: counter
version: 1.2.3
risk: AUTO
run: [sh, agent.sh]
memoryMb: 128
timeoutSeconds: 20
network: ["example.org:443"]
actions:
  count:
    description: Counts
    input: {type: object}
    output: {type: object, properties: {lines: {type: integer}}}
  tell:
    risk: APPROVAL_REQUIRED
    effect: call-webhook
    input: {type: object}
    output: {type: object}
    result: {type: object}
"""


def test_a_program_has_the_manifest_of_any_agent() -> None:
    spec = from_json(manifest_of(GOOD))
    assert (spec.name, spec.type, spec.memory_mb, spec.timeout_seconds) == ("counter", "SCRIPT", 128, 20)
    assert spec.network == ("example.org:443",)
    assert spec.actions["count"].output_schema["properties"] == {"lines": {"type": "integer"}}
    assert (spec.actions["tell"].effect, spec.action_risk("tell")) == ("call-webhook", "APPROVAL_REQUIRED")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("run: [sh, agent.sh]\n", "", "run must be a list of texts"),
        ("run: [sh, agent.sh]", "run: sh agent.sh", "run must be a list of texts"),
        ("run: [sh, agent.sh]", "run: []", "run must be a list of texts"),
        ("memoryMb", "memory", "unknown key 'memory'; known:"),
        (
            "    output: {type: object, prop",
            "    outputs: {type: object, prop",
            "action 'count' has an unknown key",
        ),
        ("    output: {type: object, properties: {lines: {type: integer}}}\n", "", "action 'count' has no output"),
        ("risk: AUTO\n", "risk: [\n", "agent.yaml:5:1: expected ',' or ']'"),
        ("risk: AUTO\n", "risk: &a AUTO\ntype: *a\n", "agent.yaml:4:7: an alias (*name) is refused"),
        ("version: 1.2.3\n", "version: 1.2.3\nname: other\n", "the key 'name' is there twice"),
        (GOOD, "- a\n", "must be a mapping with name"),
        ("type: integer", "type: number-like", "is not a JSON Schema"),
        ("    result: {type: object}\n", "", "an effect needs a result_schema"),
    ],
)
def test_a_mistake_is_a_sentence(before: str, after: str, says: str) -> None:
    assert before in GOOD
    with pytest.raises(ManifestError) as refused:
        from_json(manifest_of(GOOD.replace(before, after)))
    assert says in str(refused.value)


def test_a_folder_is_an_agent_in_python_or_a_program_and_its_programs_can_be_started(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / "data.txt").write_text("plain")
    with pytest.raises(BundleRefused, match=r"holds neither of agent.py .* and agent.yaml"):
        pack(folder)
    (folder / "agent.yaml").write_text(GOOD)
    (folder / "agent.sh").write_text("#!/bin/sh\n")
    unpack(pack(folder), tmp_path / "copy")
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "copy").iterdir()}
    assert modes == {"agent.sh": 0o555, "agent.yaml": 0o444, "data.txt": 0o444}
    (folder / "agent.py").write_text("")
    with pytest.raises(BundleRefused, match="holds both of"):
        pack(folder)
