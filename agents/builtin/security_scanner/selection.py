"""All findings -> those to tell: not the ones that were there before, are in the baseline, or weigh too little."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agents.builtin.scanning.scan import Scan, scan
from agents.builtin.scanning.vulnerability import SEVERITIES, Severity, Vulnerability
from agents.builtin.security_scanner.choice import Choice
from agents.sdk.context import Context


@dataclass(frozen=True, kw_only=True)
class Selected:
    """What is told, and how much is not."""

    told: tuple[Vulnerability, ...]
    known: int
    below: int


def select(
    done: Scan, choice: Choice, folder: Path, baseline: Iterable[str], least: Severity, context: Context
) -> Selected:
    """What the changed files brought: not what they had before, under the names they have now."""
    known = {*baseline, *_fingerprints(choice, folder, context)}
    new = [one for one in done.vulnerabilities if one.fingerprint not in known]
    told = tuple(one for one in new if SEVERITIES.index(one.severity) >= SEVERITIES.index(least))
    return Selected(told=told, known=len(done.vulnerabilities) - len(new), below=len(new) - len(told))


def _fingerprints(choice: Choice, folder: Path, context: Context) -> set[str]:
    before = choice.before
    if not before:
        return set()
    quiet = logging.getLogger("commandcenter.agent.before")
    quiet.propagate = False
    with tempfile.TemporaryDirectory(prefix="before-", dir=context.tmp) as place:
        names: list[str] = []
        for name, content in before.items():
            path = Path(place, name)
            if not path.resolve().is_relative_to(Path(place).resolve()):
                continue
            # A name may be a folder of another one; then its findings count as new.
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                names.append(name)
        done = scan(Path(place), names, quiet, around=choice.around, around_folder=folder)
    return {one.fingerprint for one in (*done.vulnerabilities, *(one for one, _ in done.suppressed))}
