"""What the platform tells an audit of the ones before: the last of each day, of those that assessed something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from agents.registration.builtin_agents import builtin_spec
from agents.sandbox.in_memory import InMemorySandbox
from records import Records
from records.tables import AGENT_RUN
from tasks import collect_project_facts as collecting
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


async def test_many_audits_of_a_day_do_not_hide_the_days_before(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "_AT_A_TIME", 3)
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
        begin = datetime(2026, 3, 1, 9, tzinfo=UTC)
        for day, hour, standard in [
            (0, 0, "SOC2"),
            (2, 0, "SOC2"),
            (2, 1, "GDPR"),
            *((3, at, "SOC2") for at in range(5)),
        ]:
            begun, _ = await records.start_attempt(
                agent_name="compliance-checker", inputs={}, project_id=1, action="auditProject"
            )
            output = {
                "score": day * 10 + hour,
                "assessed": 1,
                "standards": [{"standard": standard}],
                "repository": False,
            }
            await records.finish_agent_run(begun, status="SUCCESS", output=output)
            async with records._db.write() as connection:  # pyright: ignore[reportPrivateUsage]
                moment = begin + timedelta(days=day, hours=hour)
                await connection.execute(update(AGENT_RUN).where(AGENT_RUN.c.id == begun).values(startedAt=moment))

        told = (await collect_project_facts(services, 1))["audits"]

        assert [(one["score"], one["standards"], one["repository"]) for one in told] == [
            (0, ["SOC2"], False),
            (20, ["SOC2"], False),
            (21, ["GDPR"], False),
            (34, ["SOC2"], False),
        ]
