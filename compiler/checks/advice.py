"""Warnings: what is allowed, and hardly meant."""

from __future__ import annotations

import unicodedata

from compiler.checks.reporter import Reporter, node_path
from compiler.diagnostics.diagnostic import DiagnosticList, Span
from compiler.inference.bindings import ResolvedNode, ResolvedWorkflow
from compiler.language.document import Document

_HIDDEN = frozenset("\u061c\u200b\u200c\u200e\u200f\u2060\ufeff") | {
    chr(code) for first, last in ((0x202A, 0x202E), (0x2066, 0x2069)) for code in range(first, last + 1)
}


def check_use(workflow: ResolvedWorkflow, reporter: Reporter) -> None:
    """CC901 and CC903; after all templates have been read."""
    needed = {parent for parents in workflow.topology.parents for parent in parents} | workflow.used
    for step in workflow.steps:
        if step.position not in needed and not _acts(workflow, step):
            message = f"nothing reads the output of {step.spec.id!r}, and {step.spec.agent} has no effect outside"
            hint = "use its output, list it under `outputs`, or remove the node"
            reporter.at(node_path(step.position, "id"), "CC901", message, hint)
        if step.spec.max_parallel is not None and step.spec.foreach is None:
            message = "`maxParallel` has no effect without `foreach`"
            reporter.at_key(
                node_path(step.position, "maxParallel"), "CC903", message, "add `foreach: …` or remove it"
            )


def _acts(workflow: ResolvedWorkflow, step: ResolvedNode) -> bool:
    """Whether the node is there for more than its output, or nothing is known of it."""
    if step.agent is None or step.action is None or step.position in workflow.handlers:
        return True
    agent, action = step.agent, step.action
    return bool(agent.type == "API" or action.effect or agent.network or step.spec.approval_required)


def check_characters(document: Document, report: DiagnosticList) -> None:
    """CC112: characters that make the file look other than it is."""
    for number, line in enumerate(document.lines, 1):
        if line.isascii():
            continue
        for column, char in enumerate(line, 1):
            if char in _HIDDEN:
                name = unicodedata.name(char, "unnamed").lower()
                message = f"the line holds the invisible character U+{ord(char):04X} ({name})"
                hint = f'remove it, or write it as "\\u{ord(char):04X}" in double quotes'
                report.add("CC112", Span(number, column, number, column + 1), message, hint=hint)
                break
