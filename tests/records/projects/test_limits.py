"""What a project may use is set and kept to, on both databases."""

from typing import Any

import pytest

from records import LimitReached, Records
from records.projects.limits import ProjectLimits


async def test_a_project_has_as_many_agents_and_workflows_as_it_may_and_another_is_not_touched(
    records: Records, make: Any
) -> None:
    assert await records.project_limits(1) == ProjectLimits(project_id=1)
    limits = ProjectLimits(project_id=1, agents=3, workflows=1, weight=5, runs_at_once=2, event_bytes=2**40)
    await records.set_project_limits(limits, by="ann")
    assert await records.project_limits(1) == limits
    assert await records.all_project_limits() == {1: limits}

    await records.register_agent(1, make.agent("third"))
    with pytest.raises(LimitReached, match="project 1 has 3 agents"):
        await records.register_agent(1, make.agent("fourth"))
    assert "fourth" not in {each.name for each in await records.agents(1)}
    await records.register_agent(1, make.agent("third", version="2.0.0"))  # no further one
    await records.register_agent(2, make.agent("fourth"))

    await records.save_workflow(make.plan(name="first"))
    with pytest.raises(LimitReached, match="project 1 has 1 workflows"):
        await records.save_workflow(make.plan(name="second"))
    assert [each.name for each in await records.workflows(1)] == ["first"]
    await records.save_workflow(make.plan(name="first", description="changed"))
