"""Workflow YAML -> checked, frozen plan, or diagnostics. No Prefect, no I/O after reading."""

from compiler.catalogue import ActionSpec, AgentSpec, AgentType, Catalogue, Effect, JsonSchema, RiskLevel
from compiler.compilation import Compiled, compile
from compiler.diagnostic import Diagnostic
from compiler.evaluation import Scope
from compiler.expression import TemplateError
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
from compiler.source import Source, load
from compiler.template import condition, render
from compiler.validation import validate

__all__ = [
    "ActionSpec",
    "AgentSpec",
    "AgentType",
    "ApprovalRule",
    "Catalogue",
    "Compiled",
    "Concurrency",
    "Diagnostic",
    "Effect",
    "EventTrigger",
    "Foreach",
    "JsonSchema",
    "NodeId",
    "Plan",
    "PlanDigest",
    "PlanNode",
    "Retries",
    "RiskLevel",
    "ScheduleTrigger",
    "Scope",
    "Source",
    "TemplateError",
    "compile",
    "condition",
    "digest_of",
    "format_text",
    "load",
    "matches",
    "render",
    "validate",
]
