"""Every keyword of the language has a field in the builder's form, or a reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from compiler.language import spec

pytestmark = pytest.mark.unit

SOURCE = Path(__file__).parents[2] / "console" / "src" / "workflow"
FORM = "".join((SOURCE / name).read_text() for name in ("NodeForm.tsx", "NodeSettings.tsx", "WorkflowForm.tsx"))
MODELS: tuple[type[BaseModel], ...] = (
    spec.WorkflowSpec,
    spec.NodeSpec,
    spec.ApprovalSpec,
    spec.ApprovalPolicySpec,
    spec.ConcurrencySpec,
    spec.RetriesSpec,
    *spec.TRIGGER_SPECS,
)
WITHOUT = {
    "projectId": "it is the project that one is signed in to",
    "agent": "the palette chooses it",
    "nodes": "they are the graph",
    "inputs": "each has a field of its own",
    "id": "`Id` renames it everywhere",
    "dependsOn": "`Runs after`, and the graph's edges",
    "trigger": "one part of the form for each",
}


def keywords() -> Iterator[str]:
    for model in MODELS:
        for name, field in model.model_fields.items():
            yield field.alias or name


def test_every_keyword_has_a_field() -> None:
    missing = {word for word in keywords() if f'"{word}"' not in FORM} - WITHOUT.keys()
    assert missing == set(), "give each a field in the form, or a reason in WITHOUT"
