"""A run that ended -> its records on the terminal, and whether the world is as its decision calls for."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

from rich.text import Text

from deployments.cli.output import console, print_rows
from deployments.demo.sample_repository import DemoRepository
from deployments.demo.start import Started
from operations.run_detail import RunDetail
from tasks.safe_text import inert_json, safe_text


def print_records(detail: RunDetail, completed: dict[str, Any] | None) -> None:
    """The run, its agent runs and its approvals as the database has them, and the event as NATS delivered it."""
    data = detail.as_json()
    run_columns = ("id", "workflowName", "status", "trigger", "startedAt", "finishedAt", "message")
    print_rows([data["run"]], columns=run_columns, title="\nWorkflowRun", as_json=False)
    agent_columns = ("nodeId", "agentName", "status", "attempt", "durationMs", "error")
    print_rows(data["agentRuns"], columns=agent_columns, title="\nAgentRun", as_json=False)
    approval_columns = ("nodeId", "status", "respondedBy", "channel", "notes", "digest")
    print_rows(data["approvals"], columns=approval_columns, title="\nWorkflowApproval", as_json=False)
    console.print(f"\nworkflow.completed.{detail.run.workflow_name} as received from NATS:", style="bold")
    console.print(Text(inert_json(completed, limit=2_500)))


def story_holds(
    started: Started,
    detail: RunDetail,
    completed: dict[str, Any] | None,
    *,
    mail: Sequence[Message],
    chat: Sequence[dict[str, Any]],
) -> bool:
    """Check, and say, what came of the run outside the platform."""
    checks = [("the completed event came over NATS", completed is not None)]
    if started.repository is not None:
        checks += _code_checks(started.repository, detail, chat=chat)
    else:
        checks += _report_checks(detail, mail=mail)
    console.print()
    for what, holds in checks:
        console.print(Text("✓ " if holds else "✗ ", style="green" if holds else "red") + Text(safe_text(what)))
    return all(holds for _, holds in checks)


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
