"""The built-in agents where they really run: in the bubblewrap jail, from scan to published branch and sent mail."""

from __future__ import annotations

import email
from collections.abc import AsyncIterator
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from agents.registration.builtin_agents import builtin_catalogue
from agents.repository.publish import publish_branch
from agents.repository.repository_copy import snapshot
from agents.sandbox.choice import open_sandbox
from agents.sandbox.port import AgentRequest, AgentResult, LogLine, Mount, Sandbox

CATALOGUE = builtin_catalogue()


@pytest.fixture
async def jail() -> AsyncIterator[Sandbox]:
    sandbox = open_sandbox("bubblewrap")
    report = await sandbox.check()
    if not report.available:
        pytest.skip(f"no jail here: {report.detail} {report.advice}")
    yield sandbox
    await sandbox.close()


async def run(jail: Sandbox, agent: str, action: str, inputs: dict[str, Any], **more: Any) -> AgentResult:
    spec = CATALOGUE.agents[agent]
    chosen = spec.actions[action]
    lines: list[LogLine] = []
    result = await jail.run(
        AgentRequest(
            run_id="run-1",
            node_id=action,
            entry_path=spec.entry_path,
            action=action,
            inputs=inputs,
            # The notifier is asked to send here, not to propose.
            result_schema=chosen.output_schema
            if agent == "notifier"
            else chosen.result_schema or chosen.output_schema,
            idempotency_key="key-1",
            **more,
        ),
        on_log=lines.append,
    )
    assert result.ok, (result.failure, [line.text for line in lines])
    return result


async def test_from_scan_to_published_branch(jail, shop, tmp_path):
    copy = snapshot(shop.path, allowed_roots=[tmp_path], into=tmp_path / "copy")
    seen = {"mounts": (Mount(name="repositoryPath", source=copy),)}
    inputs = {"repositoryPath": "/work/repositoryPath", "scanType": "INCREMENTAL", "baseCommit": shop.base_commit}

    scan = await run(jail, "security-scanner", "scanRepository", inputs, **seen)
    found = scan.output["vulnerabilities"]
    risk = await run(jail, "security-assessor", "evaluateRisk", {"vulnerabilities": found})
    fix_inputs = {"vulnerabilities": found, "repositoryPath": "/work/repositoryPath", "targetBranch": "fixes"}
    fix = await run(jail, "patcher", "generateFixPR", fix_inputs, **seen)
    review_inputs = {"repositoryPath": "/work/repositoryPath", "baseCommit": shop.base_commit}
    review = await run(jail, "code-reviewer", "scorePR", review_inputs, **seen)
    published = await publish_branch(
        fix.output, repository=shop.path, idempotency_key="key-1", allowed_roots=[tmp_path]
    )

    assert scan.output["scanType"] == "INCREMENTAL"
    assert risk.output["summary"]["critical"] == 4
    assert published["prNumber"] == 1
    assert len(published["fixed"]) == 10
    assert review.output["grade"] == "F"


class Mailbox:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.contents.append(envelope.content)
        return "250 OK"


async def test_from_audit_to_mailed_report(jail, tmp_path, unused_tcp_port):
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=unused_tcp_port)
    server.start()
    try:
        audit = await run(jail, "compliance-checker", "auditProject", {"projectId": 1, "standards": ["SOC2"]})
        report_inputs = {"violations": audit.output["violations"], "score": audit.output["score"]}
        report = await run(jail, "report-generator", "createPDF", report_inputs)
        attachment = await keep(report, tmp_path)
        await run(
            jail,
            "notifier",
            "sendEmail",
            {
                "recipients": ["compliance@company.com"],
                "subject": "Report",
                "attachment": "/work/attachment/compliance-report.pdf",
            },
            mounts=(Mount(name="attachment", source=attachment),),
            network=(f"127.0.0.1:{unused_tcp_port}",),
            settings={"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(unused_tcp_port)},
        )
    finally:
        server.stop()

    [content] = box.contents
    [attached] = email.message_from_bytes(content, policy=default).iter_attachments()
    assert attached.get_content() == report.artifacts[0].content
    assert attached.get_content().startswith(b"%PDF-")


async def keep(report: AgentResult, folder: Path) -> Path:
    """As the platform does: the artifact's bytes as a file, in a folder to mount."""
    [artifact] = report.artifacts
    place = folder / "attachment"
    place.mkdir()
    (place / artifact.name).write_bytes(artifact.content)
    return place
