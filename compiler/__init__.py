"""Workflow YAML -> checked, frozen plan, or diagnostics. No Prefect, no I/O after reading."""

from compiler.cases import Case, CaseError, read_cases
from compiler.catalogue import ActionSpec, AgentSpec, AgentType, Catalogue, Effect, JsonSchema, RiskLevel
from compiler.changes import Change, changes, format_changes
from compiler.compilation import Compiled, compile, compile_all
from compiler.diagnostic import Diagnostic
from compiler.diagram import mermaid, text_graph
from compiler.editor import editor_schema
from compiler.evaluation import Scope
from compiler.expression import TemplateError
from compiler.formats.as_json import format_json
from compiler.formats.sarif import format_sarif
from compiler.formats.text import format_text
from compiler.matching import matches
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
from compiler.proof import Proof, format_proof, prove_gates
from compiler.rehearsal import Rehearsal, rehearse
from compiler.source import Source, load
from compiler.template import condition, render
from compiler.validation import validate
from compiler.verdict import Examination, examine, format_examination

__all__ = [
    "ActionSpec",
    "AgentSpec",
    "AgentType",
    "ApprovalRule",
    "Case",
    "CaseError",
    "Catalogue",
    "Change",
    "Compiled",
    "Concurrency",
    "Diagnostic",
    "Effect",
    "EventTrigger",
    "Examination",
    "Foreach",
    "JsonSchema",
    "NodeId",
    "Plan",
    "PlanDigest",
    "PlanNode",
    "Proof",
    "Rehearsal",
    "Retries",
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
    "editor_schema",
    "examine",
    "format_changes",
    "format_examination",
    "format_json",
    "format_proof",
    "format_sarif",
    "format_text",
    "load",
    "matches",
    "mermaid",
    "prove_gates",
    "read_cases",
    "rehearse",
    "render",
    "text_graph",
    "validate",
]
