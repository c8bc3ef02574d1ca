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

DISTRIBUTIONS = (
    "anthropic",
    "bandit",
    "idna",
    "jsonschema",
    "manimgx-fonts",
    "manimgx-fonts-cjk",
    "openai",
    "packaging",
    "pydantic",
    "PyYAML",
    "semver",
    "slack_sdk",
    "tree-sitter",
    "tree-sitter-c-sharp",
    "tree-sitter-go",
    "tree-sitter-java",
    "tree-sitter-javascript",
    "tree-sitter-php",
    "tree-sitter-ruby",
    "tree-sitter-typescript",
    "typst",
)
"""What they import or read besides the platform: another version is another agent."""

ENGINES = ("semgrep",)
"""Programs that they start where they are installed; of each only the program is used."""
