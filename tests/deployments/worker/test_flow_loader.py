"""Which entrypoints of deployments a worker loads: those of workflows, and no other module's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deployments.worker.flow_loader import FlowLoader, FlowNotRunnable

FLOW = """\
from prefect import flow

@flow
async def mine():
    pass
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that can be imported, and has a flow `mine`."""
    name = "module_of_somebody"
    (tmp_path / f"{name}.py").write_text(FLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


async def test_a_workflow_is_loaded_once() -> None:
    loader = FlowLoader()
    flow = await loader.load("flows.compiled.security_audit_deploy", deployment="d")
    assert flow.name == "security-audit-deploy"
    assert await loader.load("flows.compiled.security_audit_deploy", deployment="d") is flow


@pytest.mark.parametrize(
    "entrypoint",
    [
        "{module}.mine",
        "{path}:mine",
        "{module}:mine",
        "flows.compiled.{module}.mine",
        "flows.compiled:{module}",
        "flows.compiled._flow",
        "flows.compiled.__getattr__",
        "flows.compiled. {module}",
        "flows.compiled.",
        "flows.compiled",
        "flows.run.workflow_flow",
        "flows..compiled.mine",
        " flows.compiled.mine",
        "FLOWS.compiled.mine",
        ".mine",
        "",
        None,
    ],
)
async def test_another_entrypoint_is_refused_and_nothing_imported(
    entrypoint: str | None, installed: str, tmp_path: Path
) -> None:
    given = entrypoint and entrypoint.format(module=installed, path=tmp_path / f"{installed}.py")
    with pytest.raises(FlowNotRunnable, match="executes workflows only"):
        await FlowLoader().load(given, deployment="d")
    assert installed not in sys.modules


async def test_tests_add_one_module_and_not_what_lies_below_it(installed: str) -> None:
    loader = FlowLoader(test_module=installed)
    assert (await loader.load(f"{installed}.mine", deployment="d")).name == "mine"
    for other in (f"{installed}.mine.below", f"{installed}_2.mine", f"{installed}.mi:ne"):
        with pytest.raises(FlowNotRunnable, match="executes workflows only"):
            await loader.load(other, deployment="d")
