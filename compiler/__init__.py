"""Workflow YAML -> checked, frozen plan, or diagnostics. No Prefect, no I/O after reading."""

from typing import TYPE_CHECKING

from reliability.lazy_names import lazy_names

if TYPE_CHECKING:
    from compiler.catalogue import ActionSpec, AgentSpec, AgentType, Catalogue, Effect, JsonSchema, RiskLevel
    from compiler.compilation import Compiled, compile, compile_all
    from compiler.diagnostics.as_json import format_json
    from compiler.diagnostics.diagnostic import Diagnostic
    from compiler.diagnostics.sarif import format_sarif
    from compiler.diagnostics.text import format_text
    from compiler.expressions.evaluation import Scope
    from compiler.expressions.template import condition, render
    from compiler.expressions.tree import (
        TemplateError,
    )
    from compiler.language.editor_schema import editor_schema
    from compiler.language.source import Source, load
    from compiler.plan import (
        ApprovalRule,
        Concurrency,
        EventTrigger,
        Foreach,
        NodeId,
        Plan,
        PlanDigest,
        PlanNode,
        Retries,
        ScheduleTrigger,
        digest_of,
    )
    from compiler.review.changes import ReviewedChange, changes, format_changes
    from compiler.review.diagram import mermaid, text_graph
    from compiler.review.gate_proof import Proof, format_proof, prove_gates
    from compiler.schemas.validation import validate
    from compiler.simulation.case_results import CaseResults, format_case_results, run_cases
    from compiler.simulation.cases import Case, CaseError, read_cases
    from compiler.simulation.dry_run import DryRun, dry_run
    from compiler.trigger_types.matching import matches

__all__ = [
    "ActionSpec",
    "AgentSpec",
    "AgentType",
    "ApprovalRule",
    "Case",
    "CaseError",
    "CaseResults",
    "Catalogue",
    "Compiled",
    "Concurrency",
    "Diagnostic",
    "DryRun",
    "Effect",
    "EventTrigger",
    "Foreach",
    "JsonSchema",
    "NodeId",
    "Plan",
    "PlanDigest",
    "PlanNode",
    "Proof",
    "Retries",
    "ReviewedChange",
    "RiskLevel",
    "ScheduleTrigger",
    "Scope",
    "Source",
    "TemplateError",
    "changes",
    "compile",
    "compile_all",
    "condition",
    "digest_of",
    "dry_run",
    "editor_schema",
    "format_case_results",
    "format_changes",
    "format_json",
    "format_proof",
    "format_sarif",
    "format_text",
    "load",
    "matches",
    "mermaid",
    "prove_gates",
    "read_cases",
    "render",
    "run_cases",
    "text_graph",
    "validate",
]

__getattr__ = lazy_names(
    __name__,
    {
        "catalogue": "ActionSpec AgentSpec AgentType Catalogue Effect JsonSchema RiskLevel",
        "compilation": "Compiled compile compile_all",
        "diagnostics.as_json": "format_json",
        "diagnostics.diagnostic": "Diagnostic",
        "diagnostics.sarif": "format_sarif",
        "diagnostics.text": "format_text",
        "expressions.evaluation": "Scope",
        "expressions.template": "condition render",
        "expressions.tree": "TemplateError",
        "language.editor_schema": "editor_schema",
        "language.source": "Source load",
        "plan": (
            "ApprovalRule Concurrency EventTrigger Foreach NodeId Plan PlanDigest PlanNode Retries "
            "ScheduleTrigger digest_of"
        ),
        "review.changes": "ReviewedChange changes format_changes",
        "review.diagram": "mermaid text_graph",
        "review.gate_proof": "Proof format_proof prove_gates",
        "schemas.validation": "validate",
        "simulation.case_results": "CaseResults format_case_results run_cases",
        "simulation.cases": "Case CaseError read_cases",
        "simulation.dry_run": "DryRun dry_run",
        "trigger_types.matching": "matches",
    },
)
