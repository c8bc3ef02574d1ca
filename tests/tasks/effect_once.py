"""Carries out one proposed branch as a worker does, in a process of its own, so that it can be killed."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from compiler.catalogue import AgentSpec
from compiler.plan import PlanNode
from tasks.card import Invocation
from tasks.execution import carry_out
from tasks.proposal import proposal_of

OPEN: dict[str, Any] = {"type": "object"}
PATCH = "diff --git a/one.txt b/one.txt\nnew file mode 100644\n--- /dev/null\n+++ b/one.txt\n@@ -0,0 +1 @@\n+new\n"


async def main(repository: str, commit: str) -> None:
    """Print the output as JSON."""
    schema = {**OPEN, "properties": {"repositoryPath": {"type": "string", "x-kind": "repository"}}}
    node = PlanNode(
        id="fix",
        agent="patcher",
        agent_type="SCRIPT",
        agent_version="1.0.0",
        entry_path="x",
        action="fix",
        effect="publish-branch",
        risk="APPROVAL_REQUIRED",
        inputs={},
        input_schema=schema,
        output_schema=OPEN,
    )
    invocation = Invocation(
        node=node,
        agent=AgentSpec(name="patcher", type="SCRIPT", version="1.0.0", risk="AUTO", entry_path="x"),
        inputs={"repositoryPath": repository, "targetBranch": "fixes"},
        network=(),
        secrets=(),
        bindings={"repositoryPath": commit},
    )
    place: Any = SimpleNamespace(
        settings={},
        secrets=(),
        repository_roots=(Path(repository).parent,),
        records=SimpleNamespace(artifact=None),
    )
    result = {"patch": PATCH, "baseCommit": commit, "commitMessage": "Fix it"}
    run: Any = SimpleNamespace(run_id="run-1", project_id=1)
    proposal = proposal_of(invocation, result, run=run, workplace=place)

    async def save(name: str, content: bytes, media_type: str) -> str:
        return name

    done = await carry_out(
        invocation, proposal, key="key-1", run=run, workplace=place, save=save, log=logging.getLogger()
    )
    print(json.dumps(done.output))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
