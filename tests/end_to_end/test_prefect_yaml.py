"""Plain `prefect deploy --all` does the same registration as `commandcenter deploy`."""

from __future__ import annotations

import asyncio
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = ("security-audit-deploy/project-1", "compliance-check-weekly/project-1")


async def test_prefect_deploy_all_makes_the_same_deployments(platform, connection) -> None:
    before = {name: await connection.prefect.read_deployment_by_name(name) for name in NAMES}
    env = {**platform.env, **platform.addresses.env()}
    prefect = Path(platform.command).with_name("prefect")
    process = await asyncio.create_subprocess_exec(
        str(prefect),
        "--no-prompt",
        "deploy",
        "--all",
        env=env,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    for name, old in before.items():
        new = await connection.prefect.read_deployment_by_name(name)
        assert new.id == old.id
        for field in ("entrypoint", "parameters", "work_pool_name", "description", "enforce_parameter_schema"):
            assert getattr(new, field) == getattr(old, field), field
        assert set(new.tags) == set(old.tags)
        assert [each.schedule for each in new.schedules] == [each.schedule for each in old.schedules]
        assert [each.parameters for each in new.schedules] == [each.parameters for each in old.schedules]
