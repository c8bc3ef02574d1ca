"""On a real Dagger engine, where there is one: its own view of a run, and an image of an agent's own."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fault_harness.otlp_receiver import OtlpReceiver

from agents.sandbox.dagger.image import RUNNER_HOST, EngineSettings
from agents.sandbox.dagger.sandbox import DaggerSandbox
from agents.sandbox.port import AgentRequest

TRACE = "0af7651916cd43dd8448eb211c80319c"
ERROR = 2
"""OpenTelemetry's status of a span that has failed."""
Request = Callable[..., AgentRequest]


@pytest.fixture
def settings() -> EngineSettings:
    if not os.environ.get(RUNNER_HOST):
        pytest.skip(f"no Dagger engine: {RUNNER_HOST} is not set")
    return EngineSettings.from_environment(os.environ)


async def test_a_good_run_is_good_in_the_engines_own_view_and_belongs_to_the_runs_trace(
    settings: EngineSettings, script_request: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        sandbox = DaggerSandbox(settings)
        request = script_request("said = 1", traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
        result = await sandbox.run(request, on_log=lambda line: None)
        await sandbox.close()
        async with asyncio.timeout(60):
            while not (mine := receiver.of_trace(TRACE)):  # noqa: ASYNC110 - the CLI exports when it likes
                await asyncio.sleep(0.1)
    assert result.output == {"said": 1}
    assert [span.name for span in mine.values() if span.status.code == ERROR] == []


async def test_an_agent_runs_in_the_image_that_it_asks_for(
    settings: EngineSettings, script_request: Request, tmp_path: Path
) -> None:
    image = Path(settings.image)
    if not image.is_absolute():
        pytest.skip("the worker's image is no file that an agent could ask for")
    folder = tmp_path / "agent"
    shutil.copytree(Path(__file__).parents[1] / "agents" / "script", folder)
    (folder / "image.toml").write_text(f'image = "{image.name}"\npython = "{settings.python}"\n')
    sandbox = DaggerSandbox(replace(settings, images=str(image.parent)))
    request = script_request("import sys; said = sys.executable", entry_path=str(folder))
    result = await sandbox.run(request, on_log=lambda line: None)
    (folder / "image.toml").write_text(f'image = "{image.name}"\npython = "/no/such/python"\n')
    wrong = await sandbox.run(request, on_log=lambda line: None)
    await sandbox.close()
    assert result.output == {"said": settings.python}
    assert wrong.failure is not None
    assert wrong.failure.kind == "bad-request"
    assert "'/no/such/python' in image" in wrong.failure.message
    assert "no Python that starts" in wrong.failure.message


async def test_what_the_built_in_agents_import_is_in_the_image(
    settings: EngineSettings, script_request: Request
) -> None:
    """With the packages that pip installs, or with the operator's folder of them."""
    sandbox = DaggerSandbox(settings)
    code = """
    from importlib.metadata import PackageNotFoundError, version
    from agents.distributions import DISTRIBUTIONS
    said = []
    for name in DISTRIBUTIONS:
        try:
            version(name)
        except PackageNotFoundError:
            said.append(name)
    """
    result = await sandbox.run(script_request(code), on_log=lambda line: None)
    await sandbox.close()
    assert result.failure is None, result.failure
    assert result.output == {"said": []}


async def test_what_the_platform_brings_is_compiled_already(
    settings: EngineSettings, script_request: Request
) -> None:
    sandbox = DaggerSandbox(settings)
    code = "import os, agents.sdk; said = os.path.exists(agents.sdk.__cached__)"
    result = await sandbox.run(script_request(code), on_log=lambda line: None)
    await sandbox.close()
    assert result.output == {"said": True}, result.failure
