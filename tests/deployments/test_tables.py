"""Every table of the command line: on a terminal of 80 columns, through a pipe, and with `--wide`."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from forked_command import run_command, start_command

from compiler.catalogue import ActionSpec, AgentSpec
from compiler.plan import ApprovalRule, Plan, PlanNode
from records import Records, upgrade

WORDS = "the repository of the shop cannot be read because its folder was moved to another disk last night"
HOSTILE = "\x1b[2J\x1b]0;x\x07first\nsecond\tthird \u202egpj.exe"
OPEN: dict[str, Any] = {"type": "object"}


@dataclass(frozen=True)
class Made:
    """A project with one run in which much has happened."""

    env: dict[str, str]
    run_id: str
    digest: str


def node(node_id: str, *after: str, gate: ApprovalRule | None = None) -> PlanNode:
    return PlanNode(
        id=node_id,
        agent="security-scanner",
        agent_type="SCRIPT",
        agent_version="1.0.0",
        entry_path="agents.builtin.security_scanner",
        action="scan",
        risk="AUTO",
        inputs={},
        input_schema=OPEN,
        output_schema=OPEN,
        depends_on=after,
        gate=gate,
    )


async def fill(url: str) -> tuple[str, str]:
    await upgrade(url)
    plan = Plan(
        name="security-audit-deploy",
        project_id=1,
        nodes=(node("scan-the-repository"), node("create-fix-pr", "scan-the-repository", gate=ApprovalRule())),
        trigger_source={"event": "graph.file.updated"},
    )
    digest = "sha256:" + "ab" * 32
    async with await Records.open(url) as records:
        actions = {"scan": ActionSpec(name="scan", description=WORDS, input_schema=OPEN, output_schema=OPEN)}
        agent = AgentSpec(
            name="security-scanner",
            type="SCRIPT",
            version="1.0.0",
            risk="AUTO",
            entry_path="agents.builtin.security_scanner",
            actions=actions,
            description=WORDS,
        )
        await records.register_agent(1, agent)
        await records.save_workflow(plan)
        for number in range(3):
            run_id = await records.start_run(
                flow_run_id=f"0198c0de-0000-7000-8000-00000000000{number}",
                plan_digest=plan.digest,
                trigger="graph.file.updated",
                context={},
                triggered_by="kim",
            )
            if number < 2:
                await records.finish_run(run_id, "FAILED", f"{HOSTILE} {WORDS}")
        agent_run, _ = await records.start_attempt(
            run_id=run_id, node_id="scan-the-repository", item=None, agent_name="security-scanner", inputs={}
        )
        await records.finish_agent_run(agent_run, status="FAILED", error=WORDS, duration_ms=1234)
        approval = await records.open_gate(
            run_id=run_id, node_id="create-fix-pr", digest=digest, card={"inputs": {}}, rule=ApprovalRule()
        )
        await records.save_artifact(b"%PDF-", "a-report-with-a-long-name.pdf", "application/pdf", run_id)
        await records.decide(
            approval.id, decision="APPROVED", by="robin", verified=False, channel="cli", notes=f"{HOSTILE} {WORDS}"
        )
        await records.finish_run(run_id, "SUCCESS", outputs={"total": 3, "none": None, "text": HOSTILE})
    return run_id, digest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("tables")
    url = f"sqlite:///{folder}/records.db"
    run_id, digest = asyncio.run(fill(url))
    env = {
        **{name: value for name, value in os.environ.items() if name != "COLUMNS"},
        "DATABASE_URL": url,
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "NATS_URL": "nats://127.0.0.1:9",
        "TERM": "xterm",
        "DO_NOT_TRACK": "1",
    }
    return Made(env=env, run_id=run_id, digest=digest)


def on_a_terminal(made: Made, *arguments: str, columns: int = 80) -> list[str]:
    """What the command prints on a real terminal of that width, without the colours."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = start_command(arguments, env=made.env, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    seen = b""
    while True:
        try:
            part = os.read(main, 65_536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(main)
    assert process.wait(60) == 0, seen.decode()
    return re.sub(r"\x1b\[[0-9;]*m", "", seen.decode()).replace("\r\n", "\n").rstrip("\n").split("\n")


def through_a_pipe(made: Made, *arguments: str) -> str:
    # As many CI systems have it: colours for their logs, which must not turn lines into tables.
    env = made.env | {"FORCE_COLOR": "1"}
    done = run_command(arguments, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


COMMANDS = {
    "runs": ["runs"],
    "show": ["show", "RUN"],
    "approvals": ["approvals", "--all"],
    "agents list": ["agents", "list"],
    "agents show": ["agents", "show", "security-scanner"],
    "artifacts": ["artifacts", "RUN"],
}


@pytest.fixture(params=COMMANDS)
def arguments(request: pytest.FixtureRequest, made: Made) -> list[str]:
    return [made.run_id if each == "RUN" else each for each in COMMANDS[request.param]]


KNOWN = set(WORDS.split()) | {
    "security-audit-deploy",
    "security-scanner",
    "scan-the-repository",
    "create-fix-pr",
    "a-report-with-a-long-name.pdf",
    "WAITING_APPROVAL",
    "scan",
    "FAILED",
}


def test_on_80_columns_no_line_is_too_long_and_no_word_is_broken(made: Made, arguments: list[str]) -> None:
    lines = on_a_terminal(made, *arguments)
    assert max(map(len, lines)) <= 80, lines
    assert not any(mark in line for line in lines for mark in "│┃━─\x1b")
    text = "\n".join(lines)
    for word in KNOWN:
        # A beginning of a word stands nowhere by itself: not at the end of a line, not before an ellipsis.
        for length in range(4, len(word)):
            found = re.search(rf"(?<![\w-]){re.escape(word[:length])}(?![\w.-])", text)
            assert found is None or word[:length] in KNOWN, (word, length, text)
    assert "+00:00" not in text


def test_the_terminals_first_columns_are_there_whole(made: Made) -> None:
    header, *rows = on_a_terminal(made, "runs")[1:]
    assert header.split()[:4] == ["id", "workflow", "status", "started"]
    assert all(len(row.split()[0]) == 8 and row.split()[1] == "security-audit-deploy" for row in rows[:3])
    assert made.run_id[:8] in {row.split()[0] for row in rows[:3]}
    assert all(re.search(r"(just now|\d+ (s|min) ago)", row) for row in rows[:3])


def test_through_a_pipe_there_is_one_line_per_row_with_full_values(made: Made, arguments: list[str]) -> None:
    lines = through_a_pipe(made, *arguments).rstrip("\n").split("\n")
    assert not any(mark in line for line in lines for mark in "│┃━─…\x1b\u202e")
    cells = [len(line.split("\t")) for line in lines if line and not line.startswith("# ")]
    if arguments[0] != "show":
        assert len(set(cells)) == 1, lines
    assert max(cells) > 1


def test_a_run_is_one_line_in_a_pipe_with_its_full_id_and_time(made: Made) -> None:
    header, *rows = through_a_pipe(made, "runs").rstrip("\n").split("\n")
    assert header.split("\t")[:4] == ["id", "workflowName", "status", "startedAt"]
    assert len(rows) == 3
    assert made.run_id in {row.split("\t")[0] for row in rows}
    assert all(WORDS in row for row in rows if "FAILED" in row)


def test_wide_output_has_all_columns_and_the_whole_of_each(made: Made) -> None:
    lines = on_a_terminal(made, "runs", "--wide")
    assert lines[1].split()[0] == "id"
    assert "flowRunId" in lines[1]
    assert any(line.startswith(made.run_id) for line in lines)
    assert sum(WORDS in line for line in lines) == 2
    assert made.digest in "\n".join(on_a_terminal(made, "approvals", "--all", "--wide"))


def test_show_lets_long_text_go_on_below_between_words(made: Made) -> None:
    text = " ".join(" ".join(on_a_terminal(made, "show", made.run_id)).split())
    assert "folder was moved" in text


def test_show_has_the_outputs_as_a_table_and_as_json(made: Made) -> None:
    text = "\n".join(on_a_terminal(made, "show", made.run_id))
    assert "Outputs" in text
    assert re.search(r"total\W+3\W", text)
    shown = json.loads(through_a_pipe(made, "show", made.run_id, "--json"))
    assert shown["run"]["outputs"] == {"total": 3, "none": None, "text": HOSTILE}
    assert "outputs" not in json.loads(through_a_pipe(made, "runs", "--json"))[0]


def test_json_has_every_field_and_nothing_else_around_it(made: Made) -> None:
    rows = json.loads(through_a_pipe(made, "runs", "--json"))
    assert {"id", "flowRunId", "context", "planDigest"} <= set(rows[0])


def test_runs_are_chosen_and_paged(made: Made) -> None:
    failed = json.loads(through_a_pipe(made, "runs", "--json", "--status", "failed"))
    assert [each["status"] for each in failed] == ["FAILED", "FAILED"]
    assert json.loads(through_a_pipe(made, "runs", "--json", "--until", "2h")) == []
    assert len(json.loads(through_a_pipe(made, "runs", "--json", "--since", "2h"))) == 3
    seen: list[str] = []
    cursor: list[str] = []
    for _ in range(3):
        done = run_command(["runs", "--limit", "1", *cursor], env=made.env, check=True)
        seen += [line.split("\t")[0] for line in done.stdout.split("\n")[1:] if line]
        cursor = done.stderr.split("add ")[1].split() if "add --cursor" in done.stderr else []
    assert len(set(seen)) == 3
    assert cursor == []


def test_a_runs_nodes_are_in_the_order_of_its_plan_with_those_that_never_began(made: Made) -> None:
    nodes = json.loads(through_a_pipe(made, "show", made.run_id, "--json"))["nodes"]
    assert [each["nodeId"] for each in nodes] == ["scan-the-repository", "create-fix-pr"]
    assert nodes[1]["status"] == "NOT_STARTED"


def test_a_card_says_of_which_run_it_is(made: Made) -> None:
    text = " ".join(on_a_terminal(made, "approvals", "--all", "--cards"))
    assert f"APPROVAL REQUIRED: security-audit-deploy, run {made.run_id[:8]}" in text


EVENT = ["events", "publish"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["runs", "--workflow", "security-audit-deplyo"], "did you mean 'security-audit-deploy'?"),
        (["runs", "--since", "1h", "--until", "2h"], "--since 1h is not before --until 2h"),
        (["trigger", "security-audit-deplyo"], "did you mean 'security-audit-deploy'?"),
        (["trigger", "security-audit-deploy", "--context", 'x={"a": NaN}'], "holds what is not a finite number"),
        (["agents", "run", "security-scanner", "scanFile", "--input", '{"a": 1}'], "goes in by a pipe"),
        ([*EVENT, "a.*", "{}"], "`*` is not allowed here"),
        ([*EVENT, "a b", "{}"], "'a b' is not a NATS subject"),
        ([*EVENT, "a.b", '{"a": 1, "a": 2}'], "the key 'a' is there twice"),
        ([*EVENT, "a.b", '{"a": NaN}'], "NaN is not JSON"),
        ([*EVENT, "a.b", '{"a": "\\u0000"}'], "U+0000"),
        ([*EVENT, "a.b", '{"__prefect_kind": "jinja"}'], "which Prefect would interpret"),
        ([*EVENT, "a.b", json.dumps({"a": "x" * 600_000})], "bytes; at most"),
        ([*EVENT, "a.b", "[1]"], "no JSON object"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(made: Made, arguments: list[str], says: str) -> None:
    done = run_command(arguments, env=made.env)
    assert done.returncode == 1, done.stdout
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_decision_that_does_not_count_is_an_error_of_the_command(made: Made) -> None:
    done = run_command(["approve", made.run_id, "create-fix-pr"], env=made.env)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("commandcenter: ")


@pytest.mark.parametrize("option", [("--since", "yesterday-ish"), ("--status", "done"), ("--cursor", "x")])
def test_a_filter_that_says_nothing_is_refused_with_what_it_may_say(made: Made, option: tuple[str, str]) -> None:
    done = run_command(["runs", *option], env=made.env)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert option[0] in done.stderr or "cursor" in done.stderr


def test_an_artifact_is_downloaded_and_no_file_is_replaced(made: Made, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    arguments = ["artifacts", made.run_id, "a-report-with-a-long-name.pdf", "-o", str(file)]
    through_a_pipe(made, *arguments)
    assert file.read_bytes() == b"%PDF-"
    again = run_command(arguments, env=made.env)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    through_a_pipe(made, *arguments, "--force")
    through_a_pipe(made, "artifacts", made.run_id, "--all", "-o", str(tmp_path / "all"))
    assert (tmp_path / "all" / "a-report-with-a-long-name.pdf").read_bytes() == b"%PDF-"
    assert through_a_pipe(made, "artifacts", made.run_id, "a-report-with-a-long-name.pdf", "-o", "-") == "%PDF-"
