"""A run that ended -> a summary on the terminal, and a check of each effect that its decision calls for."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

from rich.text import Text

from agents.repository.git import Git, GitError
from deployments.cli.output import console, print_rows
from deployments.demo.sample_repository import DemoRepository
from deployments.demo.start import Started
from operations.run_detail import RunDetail
from records import Approval
from tasks.effect_picture import proposal_of_approval
from tasks.safe_text import safe_json, safe_text


def print_records(detail: RunDetail, completed: dict[str, Any] | None) -> None:
    """The run, its agent runs and its approvals as the database has them, and the event as NATS delivered it."""
    data = detail.as_json()
    run_columns = ("id", "workflowName", "status", "startedAt", "message", "trigger")
    agent_columns = ("nodeId", "agentName", "status", "attempt", "durationMs", "error")
    approval_columns = ("nodeId", "status", "respondedBy", "channel", "notes", "digest")
    for title, rows, columns in (
        ("WorkflowRun", [data["run"]], run_columns),
        ("AgentRun", data["agentRuns"], agent_columns),
        ("WorkflowApproval", data["approvals"], approval_columns),
    ):
        console.print()
        print_rows(rows, columns=columns, title=title, as_json=False, on_page=True)
    console.print(f"\nworkflow.completed.{detail.run.workflow_name} as received from NATS:", style="bold")
    console.print(Text(safe_json(completed, limit=2_500)), soft_wrap=True)


def print_summary(detail: RunDetail) -> None:
    """How the run ended, in a line; and a line for each decision."""
    run = detail.run
    ended = run.finished_at or run.started_at
    nodes = sum(1 for _, item in detail.nodes if item is None)
    _say(
        f"\nRun {run.id} of {run.workflow_name!r} ended with {run.status}: {nodes} nodes in "
        f"{(ended - run.started_at).total_seconds():.1f} s",
        style="bold",
    )
    for each in detail.approvals:
        notes = f": {each.notes}" if each.notes else ""
        _say(f"Node {each.node_id!r} was {each.status.lower()} by {each.responded_by} ({each.channel}){notes}")


def print_checks(
    started: Started,
    detail: RunDetail,
    completed: dict[str, Any] | None,
    *,
    mail: Sequence[Message],
    chat: Sequence[dict[str, Any]],
) -> bool:
    """Check what came of the run outside the platform, and print a line for each check. True where all hold."""
    subject = f"workflow.completed.{detail.run.workflow_name}"
    checks = [(f"the event {subject} came over NATS", completed is not None)]
    if started.repository is not None:
        checks += _code_checks(started.repository, detail, chat=chat)
    else:
        checks += _report_checks(detail, mail=mail)
    console.print()
    for what, holds in checks:
        mark = Text("✓ " if holds else "✗ ", style="green" if holds else "red")
        console.print(mark + Text(safe_text(what)), soft_wrap=True)
    return all(holds for _, holds in checks)


def print_next_steps(detail: RunDetail, *, state: Path | None, verbose: bool) -> None:
    """How to look at the run once the demo has ended. `state`: of the platform that ends with it; None: it stays."""
    if state is None:
        _say(
            f"\nTo look at it again, in a shell or container of the platform: commandcenter show {detail.run.id}",
            style="dim",
        )
    else:
        _say(f"\nTo look at it again: commandcenter up --state {state}", style="dim")
        _say(f"then, in another terminal: commandcenter show {detail.run.id} --state {state}", style="dim")
    if not verbose:
        _say("With --verbose the demo also shows all records and the event as NATS delivered it.", style="dim")


def _say(text: str, *, style: str = "") -> None:
    console.print(Text(safe_text(text, limit=1_000), style=style), soft_wrap=True)


def _code_checks(
    repository: DemoRepository, detail: RunDetail, *, chat: Sequence[dict[str, Any]]
) -> list[tuple[str, bool]]:
    approval = next((each for each in detail.approvals if each.node_id == "create-fix-pr"), None)
    branches = _git(repository.remote, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    fixes = [each for each in branches if each.startswith("security-fixes-")]
    told = any("CRITICAL" in str(each.get("text", "")) for each in chat)
    checks = [("the alert reached the chat over HTTP", told)]
    if approval is not None and approval.status == "APPROVED":
        found = _reported_lines(repository, detail)
        left = [each for each in found if fixes and _in_branch(repository, fixes[0], each)]
        return [
            *checks,
            ("the run succeeded", detail.run.status == "SUCCESS"),
            (f"branch {', '.join(fixes) or '(none)'} is in the remote", len(fixes) == 1),
            (
                "exactly the diff that was approved is in it",
                len(fixes) == 1 and pushed_tree(repository, fixes[0]) == approved_tree(repository, approval),
            ),
            (
                f"{len(found) - len(left)} of {len(found)} vulnerable lines are gone from it",
                bool(found) and not left,
            ),
        ]
    who = approval.responded_by if approval is not None else None
    return [
        *checks,
        ("nothing was created in the remote", not fixes),
        (
            f"the run says who rejected it and why: {detail.run.message}",
            bool(who) and str(who) in detail.run.message,
        ),
    ]


def pushed_tree(repository: DemoRepository, branch: str) -> str:
    """The digest of all files on the branch, as git has it."""
    return _git(repository.remote, "rev-parse", f"{branch}^{{tree}}").strip()


def approved_tree(repository: DemoRepository, approval: Approval) -> str:
    """The digest of all files that the approved diff makes of its base commit, worked out beside the platform."""
    proposal = proposal_of_approval(approval.card) or {}
    with tempfile.TemporaryDirectory(prefix="approved-") as folder:
        git = Git(folder=repository.remote, env={"GIT_INDEX_FILE": f"{folder}/index"})
        try:
            git.run("read-tree", proposal["request"]["baseCommit"])
            git.run("apply", "--cached", "-", stdin=proposal["diff"].encode())
            return git.text("write-tree")
        except (GitError, KeyError):
            return "(the approval shows no diff that fits its base)"


def _reported_lines(repository: DemoRepository, detail: RunDetail) -> list[tuple[str, str]]:
    """File and text of every line the scan reported, as committed."""
    scan = next(each for each in detail.agent_runs if each.node_id == "scan")
    places = {(each["file"], each["line"]) for each in scan.output["vulnerabilities"]}
    return [
        (file, _git(repository.remote, "show", f"{repository.commit}:{file}").splitlines()[line - 1])
        for file, line in sorted(places)
    ]


def _in_branch(repository: DemoRepository, branch: str, place: tuple[str, str]) -> bool:
    file, text = place
    return text in _git(repository.remote, "show", f"{branch}:{file}").splitlines()


def _report_checks(detail: RunDetail, *, mail: Sequence[Message]) -> list[tuple[str, bool]]:
    pdfs = [
        part.get_payload(decode=True)
        for message in mail
        if isinstance(message, EmailMessage)
        for part in message.iter_attachments()
        if part.get_content_type() == "application/pdf"
    ]
    real = [each for each in pdfs if isinstance(each, bytes) and each.startswith(b"%PDF-")]
    return [
        ("the run succeeded", detail.run.status == "SUCCESS"),
        (
            f"{len(mail)} e-mail with {len(real)} PDF ({sum(map(len, real)):,} bytes) came over SMTP",
            len(real) == 1,
        ),
    ]


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *arguments], check=True, capture_output=True, text=True
    ).stdout
