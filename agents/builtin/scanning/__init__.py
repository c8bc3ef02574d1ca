"""Source files of a repository -> weaknesses found in them, each with rule, place, severity and cure.

Used by security-scanner, patcher and code-reviewer. Importing this imports no scanner.
"""

from agents.builtin.scanning.vulnerability import Severity, Summary, Vulnerability, summarise

__all__ = ["Severity", "Summary", "Vulnerability", "summarise"]
