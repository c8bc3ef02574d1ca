"""What the platform tells an audit of the ones before: the last of each day, of those that assessed something."""

from __future__ import annotations

from pathlib import Path

from agents.registration.builtin_agents import builtin_spec
from agents.sandbox.in_memory import InMemorySandbox
from records import Records
from tasks.collect_project_facts import collect_project_facts
from tasks.services import Services


async def test_scores_of_earlier_audits_are_told(migrated_url: str, tmp_path: Path) -> None:
    async with await Records.open(migrated_url) as records:
        await records.register_agent(1, builtin_spec("compliance-checker"))
        services = Services(
            records=records,
            sandbox=InMemorySandbox(),
            secrets=(),
            settings={},
            repository_roots=(),
            scratch=tmp_path,
        )
        assert (await collect_project_facts(services, 1))["audits"] == []
        outputs = [
            {"score": 40, "assessed": 3},
            {"score": 0, "assessed": 0},
            {"score": "x"},
            {"score": 80, "assessed": 4},
        ]
        for output in outputs:
            begun, _ = await records.start_attempt(
                agent_name="compliance-checker", inputs={}, project_id=1, action="auditProject"
            )
            await records.finish_agent_run(begun, status="SUCCESS", output=output)
        (told,) = (await collect_project_facts(services, 1))["audits"]
        # Times have milliseconds: of two in the same one, either may be the last.
        assert told["score"] in (40, 80)
        assert told["assessed"] == {40: 3, 80: 4}[told["score"]]
