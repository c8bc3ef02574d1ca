"""A program in any language is an agent: files in, files out, in the same jail as an agent in Python."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.port import AgentRequest, AgentResult, Limits, LogLine

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "file": {"type": "string"}}}
SECRET = "programs-secret-93e1"

pytestmark = pytest.mark.jail


@pytest.fixture
async def sandbox() -> AsyncIterator[BubblewrapSandbox]:
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    made = BubblewrapSandbox()
    yield made
    await made.close()


class Program:
    """A folder with a script, run as an agent."""

    def __init__(self, folder: Path, sandbox: BubblewrapSandbox) -> None:
        self.folder, self.sandbox = folder, sandbox
        self.log: list[LogLine] = []

    def write(self, script: str, *, run: str = "[sh, agent.sh]", file: str = "agent.sh") -> None:
        self.folder.mkdir(exist_ok=True, mode=0o755)
        (self.folder / "agent.yaml").write_text(f"run: {run}\n")
        (self.folder / file).write_text(script)

    async def run(self, inputs: dict[str, Any] | None = None, **changes: Any) -> AgentResult:
        fields: dict[str, Any] = {
            "run_id": "run-7",
            "node_id": "node",
            "entry_path": str(self.folder),
            "action": "act",
            "inputs": inputs or {},
            "result_schema": SCHEMA,
            "limits": Limits(timeout_seconds=60),
        }
        return await self.sandbox.run(AgentRequest(**(fields | changes)), on_log=self.log.append)


@pytest.fixture
def program(tmp_path: Path, sandbox: BubblewrapSandbox) -> Program:
    return Program(tmp_path / "program", sandbox)


async def test_a_shell_script_takes_its_inputs_gives_an_output_logs_and_saves_files(program: Program) -> None:
    program.write(
        """\
set -eu
echo "action $COMMANDCENTER_ACTION, secret $TOKEN, colour $COLOUR, in $PWD"
grep -q '"runId": "run-7"' "$COMMANDCENTER_REQUEST"
cat "$COMMANDCENTER_INPUTS" > "$COMMANDCENTER_ARTIFACTS/inputs.json"
! touch here 2>/dev/null
echo '{"output": {"n": 3, "file": "artifact:inputs.json"}}' > "$COMMANDCENTER_RESULT"
"""
    )
    result = await program.run({"text": "Ünï"}, secrets={"TOKEN": SECRET}, settings={"COLOUR": "red"})
    assert result.ok, (result.failure, program.log)
    content = '{"text": "Ünï"}'.encode()
    reference = f"artifact:{hashlib.sha256(content).hexdigest()}/inputs.json"
    assert result.output == {"n": 3, "file": reference}
    assert [(each.name, each.media_type, each.content) for each in result.artifacts] == [
        ("inputs.json", "application/json", content)
    ]
    assert next(line.text for line in program.log if line.text).startswith("action act, secret [secret TOKEN]")
    assert SECRET not in str(program.log)


@pytest.mark.parametrize(
    ("script", "kind", "says"),
    [
        ("exit 3", "exit", "sh ended with status 3"),
        ("exit 75", "transient", "stands for a transient error"),
        ("true", "invalid-output", "wrote no result"),
        ("kill -9 $$", "exit", "was ended by signal SIGKILL"),
        ('echo \'{"error": "no such page"}\' > $COMMANDCENTER_RESULT; exit 1', "exit", "no such page"),
        (
            'echo \'{"error": {"kind": "transient", "message": "busy"}}\' > $COMMANDCENTER_RESULT',
            "transient",
            "busy",
        ),
        (
            'echo \'{"error": {"kind": "cancelled", "message": "x"}}\' > $COMMANDCENTER_RESULT',
            "invalid-output",
            "kind",
        ),
        ('echo \'{"output": {"n": "three"}}\' > $COMMANDCENTER_RESULT', "invalid-output", "does not fit"),
        ("echo nonsense > $COMMANDCENTER_RESULT", "invalid-output", "is not JSON"),
        ("ln -s /etc/passwd $COMMANDCENTER_RESULT", "invalid-output", "wrote no result"),
        ("mkfifo $COMMANDCENTER_RESULT", "invalid-output", "wrote no result"),
        ('printf \'{"output": {"file": "%s"}}\' $TOKEN > $COMMANDCENTER_RESULT', "leaked-secret", "TOKEN"),
    ],
)
async def test_whatever_goes_wrong_is_one_clear_failure(
    program: Program, script: str, kind: str, says: str
) -> None:
    program.write(script)
    result = await program.run(secrets={"TOKEN": SECRET})
    assert result.failure is not None
    assert (result.failure.kind, says in result.failure.message) == (kind, True), result.failure


async def test_the_limits_of_the_jail_hold_for_what_the_program_starts(program: Program) -> None:
    program.write("sh -c 'while :; do :; done' & sleep 600")
    result = await program.run(limits=Limits(timeout_seconds=2))
    assert result.failure is not None
    assert result.failure.kind == "timeout"
    program.write("cat /dev/zero | head -c 500000000 | tail -c 400000000 > /dev/null; exit 1")
    result = await program.run(limits=Limits(timeout_seconds=60, memory_mb=64))
    assert result.failure is not None
    assert result.failure.kind in ("memory", "exit")
    program.write("wget -q -T 5 -O - http://1.1.1.1/ || curl -sS -m 5 http://1.1.1.1/ || exit 9")
    result = await program.run()
    assert result.failure is not None
    program.write("", run="[no-such-program]")
    result = await program.run()
    assert result.failure is not None
    assert "'no-such-program' of agent.yaml cannot be started: No such file" in result.failure.message


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
async def test_a_program_in_node_is_an_agent(program: Program) -> None:
    program.write(
        """\
import { readFileSync, writeFileSync } from "node:fs";
const inputs = JSON.parse(readFileSync(process.env.COMMANDCENTER_INPUTS, "utf8"));
console.log(`summing ${inputs.numbers.length}`);
const n = inputs.numbers.reduce((one, other) => one + other, 0);
writeFileSync(process.env.COMMANDCENTER_RESULT, JSON.stringify({ output: { n } }));
""",
        run="[node, agent.mjs]",
        file="agent.mjs",
    )
    result = await program.run({"numbers": [1, 2, 3]})
    assert result.ok, (result.failure, [line.text for line in program.log])
    assert result.output == {"n": 6}
    assert "summing 3" in [line.text for line in program.log]
