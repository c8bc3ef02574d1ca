"""What the agents that ship use besides the platform, by its names in the package index.

Their digest and the image in Dagger are made of it.
"""

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
