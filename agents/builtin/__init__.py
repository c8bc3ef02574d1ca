"""A name in; the agent that ships with the platform under it, out. Importing this imports none of them."""

from types import MappingProxyType

MODULES = MappingProxyType(
    {
        "security-scanner": "agents.builtin.security_scanner",
        "security-assessor": "agents.builtin.security_assessor",
        "notifier": "agents.builtin.notifier",
        "patcher": "agents.builtin.patcher",
        "compliance-checker": "agents.builtin.compliance_checker",
        "report-generator": "agents.builtin.report_generator",
        "code-reviewer": "agents.builtin.code_reviewer",
    }
)
"""Name in workflows -> module."""
