"""security-scanner: a repository's source -> its weaknesses. Reads only; no network."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Literal

from pydantic import Field

from agents.builtin.scanning import Summary, Vulnerability, summarise
from agents.builtin.scanning.not_scanned import NotScanned
from agents.sdk import Agent, AgentError, Context, RepositoryPath, Schema, ShortText

agent = Agent(
    name="security-scanner",
    type="SCRIPT",
    version="1.0.0",
    risk="AUTO",
    description="Finds weaknesses in Python (bandit and own rules) and JavaScript/TypeScript (tree-sitter rules)",
)

MAX_NAMED = 200
"""How many files that were not scanned are named."""
ScanType = Literal["FULL", "INCREMENTAL"]


class RepositoryInput(Schema):
    """What to scan."""

    repository_path: RepositoryPath
    scan_type: ScanType = "FULL"
    """INCREMENTAL: only the files changed since `baseCommit`."""
    base_commit: ShortText | None = None


class FileInput(Schema):
    """One file of a repository."""

    repository_path: RepositoryPath
    file: ShortText


class ScanOutput(Schema):
    """What was found."""

    scan_id: str
    """Fit for a branch name: twelve hex digits."""
    vulnerabilities: list[Vulnerability]
    summary: Summary
    scan_type: ScanType
    """What was done: FULL also where INCREMENTAL was asked for and could not be."""
    files_scanned: int = Field(ge=0)
    files_skipped: int = Field(ge=0)
    """How many were not scanned; `notScanned` names the first of them."""
    not_scanned: list[NotScanned] = Field(default_factory=list[NotScanned], max_length=MAX_NAMED)
    base_commit: str | None = None
    commit: str | None = None
    """What the repository was at, where that is known."""
    scan_duration_ms: int = Field(ge=0)


@agent.action("scanRepository", description="Run security scan on repository")
def scan_repository(inputs: RepositoryInput, context: Context) -> ScanOutput:
    """Scan all source files, or those that changed."""
    from agents.builtin.security_scanner.choice import choose

    folder = _folder(inputs.repository_path)
    choice = choose(folder, inputs.scan_type, inputs.base_commit, context.log)
    return _scan(folder, choice.names, context, scan_type=choice.scan_type, base=choice.base, commit=choice.commit)


@agent.action("scanFile", description="Run security scan on one file")
def scan_file(inputs: FileInput, context: Context) -> ScanOutput:
    """Scan one source file."""
    from agents.builtin.scanning.source_files import SOURCE, read_source

    folder = _folder(inputs.repository_path)
    if Path(inputs.file).suffix.lower() not in SOURCE:
        raise AgentError(f"file {inputs.file!r} cannot be scanned; only {', '.join(sorted(SOURCE))} can")
    refusal = read_source(folder, inputs.file)
    if isinstance(refusal, str):
        raise AgentError(f"file {inputs.file!r} cannot be scanned: {refusal}")
    return _scan(folder, [inputs.file], context, scan_type="FULL", base=None, commit=None)


def _folder(path: str) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise AgentError(f"repository {path!r} is not a folder")
    if not (folder / ".git").exists() and (folder / "objects").is_dir() and (folder / "HEAD").is_file():
        raise AgentError(f"repository {path!r} is a bare repository; give a working copy of it")
    return folder


def _scan(
    folder: Path, names: list[str], context: Context, *, scan_type: ScanType, base: str | None, commit: str | None
) -> ScanOutput:
    from agents.builtin.scanning.scan import scan

    started = time.monotonic()
    context.log.info("%s scan of %d file(s)", scan_type, len(names))
    done = scan(folder, names, context.log)
    summary = summarise(done.vulnerabilities)
    context.log.info("found %d weakness(es), %d critical", summary.total, summary.critical)
    return ScanOutput(
        scan_id=_scan_id(context, done.vulnerabilities, commit),
        vulnerabilities=list(done.vulnerabilities),
        summary=summary,
        scan_type=scan_type,
        files_scanned=done.files_scanned,
        files_skipped=done.files_skipped,
        not_scanned=list(done.not_scanned[:MAX_NAMED]),
        base_commit=base,
        commit=commit,
        scan_duration_ms=round((time.monotonic() - started) * 1000),
    )


def _scan_id(context: Context, found: tuple[Vulnerability, ...], commit: str | None) -> str:
    """The same for every attempt at the same scan, so that a branch named after it is the same too."""
    known = context.idempotency_key or f"{commit} {[one.model_dump() for one in found]}"
    return hashlib.sha256(known.encode()).hexdigest()[:12]
