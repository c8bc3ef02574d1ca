"""What `deploy` and `doctor` say of secrets that have no value, wherever the worker would look for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.system import Secret
from pydantic import SecretStr

from deployments.publishing.missing_secrets import missing_secrets


async def test_a_secret_is_missing_that_is_neither_given_nor_a_file_nor_a_block(
    bench: Any, node: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "IN_A_FILE").write_text("x")
    (tmp_path / "secrets" / "PROJECT_1_OF_THE_PROJECT").write_text("x")
    (tmp_path / "secrets" / "PROJECT_2_OF_ANOTHER").write_text("x")
    monkeypatch.setenv("COMMANDCENTER_SECRET_HERE", "x")
    await Secret(value=SecretStr("x")).asave("in-a-block")
    names = ("IN_A_FILE", "OF_THE_PROJECT", "OF_ANOTHER", "HERE", "GIVEN", "IN_A_BLOCK", "NOWHERE")
    plan = await bench.deploy(node("tell", required_secrets=names), name="secretive")
    given = ["COMMANDCENTER_SECRET_GIVEN"]
    found = await missing_secrets([plan], state=tmp_path, given=given)
    assert [each.split(": set")[0] for each in found] == [
        "secretive: node tell: no value for secret 'OF_ANOTHER'",
        "secretive: node tell: no value for secret 'NOWHERE'",
    ]
    assert "put a file of that name into its secrets folder" in found[1]
