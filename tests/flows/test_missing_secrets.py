"""What `deploy` and `doctor` say of secrets that have no value, wherever the worker would look for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.system import Secret
from pydantic import SecretStr

from deployments.images import health
from deployments.publishing.missing_secrets import missing_secrets
from deployments.stack.doctor import examine_secrets


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


async def test_in_the_workers_container_doctor_looks_where_that_worker_would(
    bench: Any, node: Any, migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.deploy(node("tell", required_secrets=("HERE", "NOWHERE")), name="secretive")
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setenv("COMMANDCENTER_SECRET_HERE", "x")
    first = tmp_path / "cmdline"
    monkeypatch.setattr(health, "_FIRST", first)
    for part, told in (("worker", ["secretive: node tell: no value for secret 'NOWHERE'"]), ("api", [])):
        first.write_bytes(f"/usr/bin/python3\0/usr/bin/commandcenter\0{part}\0".encode())
        found = await examine_secrets(tmp_path / "state")
        assert [each.detail.split(": set")[0] for each in found] == told
