"""What a rule looks for, how bad that is, and how to fix it; shared by all scanners of a language."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agents.builtin.scanning.vulnerability import Severity, Vulnerability


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule."""

    id: str
    cwe: str
    severity: Severity
    description: str
    recommendation: str

    def at(self, file: str, line: int, *, tool: str = "rules") -> Vulnerability:
        """The finding of this rule at one place."""
        return Vulnerability(
            severity=self.severity,
            cwe=self.cwe,
            rule=self.id,
            tool=tool,
            file=file,
            line=line,
            description=self.description,
            recommendation=self.recommendation,
        )

    def rated(self, severity: Severity) -> Rule:
        """The same rule where the circumstances make it better or worse."""
        return replace(self, severity=severity)
