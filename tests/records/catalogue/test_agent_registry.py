"""Agents go into the registry and come out as they went in, per project."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.catalogue import ActionSpec
from records import NameRefused, PayloadRefused, Records

SCHEMA = {"type": "object", "properties": {"zeta": {"type": "string"}, "alpha": {"type": "array"}}}


async def test_a_registered_agent_comes_back_in_the_catalogue_with_all_it_declared(
    records: Records, make: Any
) -> None:
    act = ActionSpec(
        name="fix",
        description="mends it",
        input_schema=SCHEMA,
        output_schema=SCHEMA,
        result_schema={"type": "object"},
        risk="APPROVAL_REQUIRED",
        effect="publish-branch",
    )
    spec = make.agent(
        "mender",
        type="LLM",
        version="2.1.0",
        description="mends code",
        actions={"fix": act},
        network=("api.example.com:443",),
        secrets=("TOKEN",),
        settings=("MODEL",),
        memory_mb=1024,
        timeout_seconds=60,
        code_digest="sha256:1",
    )
    await records.register_agent(1, spec)
    assert (await records.catalogue(1)).agents["mender"] == spec


async def test_registering_again_keeps_the_id_and_replaces_what_changed(records: Records, make: Any) -> None:
    first = await records.register_agent(1, make.agent("mender"))
    other = ActionSpec(name="other", input_schema=SCHEMA, output_schema=SCHEMA)
    changed = make.agent("mender", version="2.0.0", actions={"other": other})
    assert await records.register_agent(1, changed) == first
    assert (await records.catalogue(1)).agents["mender"] == changed


async def test_an_agent_of_one_project_is_unknown_in_another(records: Records) -> None:
    assert [spec.name for spec in await records.agents(1)] == ["patcher", "scanner"]
    assert await records.agents(2) == []


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a>", "*", "-a", "a" * 129, "ä"])
async def test_a_name_nats_cannot_carry_is_refused(records: Records, make: Any, name: str) -> None:
    with pytest.raises(NameRefused, match="NATS subject"):
        await records.register_agent(1, make.agent(name))


async def test_a_schema_that_is_too_large_is_refused_and_changes_nothing(records: Records, make: Any) -> None:
    huge = ActionSpec(name="work", input_schema={"description": "x" * 6_000_000}, output_schema={})
    with pytest.raises(PayloadRefused, match=r"schema of scanner\.work has 6,0.* at most 5,000,000"):
        await records.register_agent(1, make.agent("scanner", version="9.0.0", actions={"work": huge}))
    assert (await records.catalogue(1)).agents["scanner"].version == "1.0.0"
