"""A patch is verified by the project's own tests, with the packages that it declares, where the operator allows it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from package_server import PackageServer

from agents.builtin.patcher.patch import Change
from agents.builtin.patcher.patch import patch as made_patch
from agents.registration.builtin_agents import builtin_catalogue
from agents.repository.git import Git
from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.port import AgentResult, Mount
from compiler.plan import PlanNode
from observability.environment_build import EnvironmentBuild
from operations.run_agent import AgentWorkplace, KeptArtifacts
from tasks.card import Invocation
from tasks.execution import with_verification
from tasks.services import RunRef
from tasks.verify import verified

pytestmark = pytest.mark.jail

# In place of the real one, which is at the index of the world only.
RUNNER = """
import sys
report = next(each for each in sys.argv if each.startswith("--junitxml=")).partition("=")[2]
sys.path.insert(0, "tests")
import test_shop
from importlib.metadata import version
try:
    open(__file__, "a")
    sys.exit("its packages can be written")
except OSError:
    pass
names = [name for name in dir(test_shop) if name.startswith("test_")]
cases = "".join(f'<testcase classname="shop" name="{name}"/>' for name in names if getattr(test_shop, name)())
open(report, "w").write(f"<a>{cases}</a>" if version("shop") == "1.2" else "<a/>")
"""
SHOP = "import tinywords\n\n\ndef price(count):\n    return count * 2\n"
PROJECT = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1.2"\ndependencies = ["tinywords", "built"]\n',
    "shop.py": SHOP,
    "other.py": "def name():\n    return 'other'\n",
    "tests/test_shop.py": (
        "import shop\n\n\ndef test_price():\n    return shop.price(2) == 4\n\n\n"
        "def test_words():\n    return shop.tinywords.WORD\n"
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "repositories" / "shop"
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    who = {f"GIT_{each}_{what}": "x@example.org" for each in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    git = Git(folder=folder, env=who)
    for command in (("init", "--quiet", "-b", "main"), ("add", "--all"), ("commit", "--quiet", "-m", "first")):
        git.run(*command)
    return folder


RUN = RunRef(
    run_id="run-1",
    flow_run_id="7d9d0f7e-3b0e-4a55-8f43-0b7a5e0c1f11",
    project_id=1,
    workflow="w",
    trigger="manual",
    triggered_by="ada",
    context={},
    attempt=1,
    by_clock=False,
    fencing_token=1,
)


def proposed(changes: dict[str, str]) -> dict[str, Any]:
    """What the patcher proposes, giving these files these texts."""
    return {
        "patch": made_patch({name: Change(old=PROJECT[name], new=new) for name, new in changes.items()}),
        "fixed": [{"file": name, "line": 5, "what": "a", "note": "", "rule": "r"} for name in changes],
        "unfixed": [],
        "filesModified": [*changes],
        "commitMessage": "Fix weaknesses\n",
    }


async def asked_for(project: Path, tmp_path: Path, **settings: str) -> tuple[Invocation, AgentWorkplace]:
    """The patcher's node, and what is around it."""
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    spec = builtin_catalogue().agents["patcher"]
    action = spec.actions["generateFixPR"]
    node = PlanNode(
        id="fix",
        agent="patcher",
        agent_type=spec.type,
        agent_version=spec.version,
        entry_path=spec.entry_path,
        action="generateFixPR",
        risk="AUTO",
        inputs={},
        input_schema=dict(action.input_schema),
        output_schema=dict(action.output_schema),
        result_schema=dict(action.result_schema or {}),
    )
    (tmp_path / "scratch").mkdir()
    workplace = AgentWorkplace(
        sandbox=BubblewrapSandbox(warm=0),
        secrets=(),
        settings=settings,
        repository_roots=(project.parent,),
        scratch=tmp_path / "scratch",
        records=KeptArtifacts(folder=tmp_path / "artifacts"),
    )
    pinned = {"repositoryPath": Git(folder=project).text("rev-parse", "HEAD")}
    inputs = {"repositoryPath": str(project)}
    return Invocation(node=node, agent=spec, inputs=inputs, network=(), secrets=(), bindings=pinned), workplace


@pytest.fixture
def packages(index: PackageServer) -> PackageServer:
    """What the project needs; of one package there is no wheel."""
    index.add("pytest", "9.0", {"pytest/__init__.py": "", "pytest/__main__.py": RUNNER})
    index.add("tinywords", "2.1", {"tinywords.py": "WORD = 'morning'\n"})
    return index


async def test_its_tests_verify_the_fixes_and_what_breaks_one_or_could_not_be_installed_is_said(
    project, tmp_path, packages
) -> None:
    invocation, workplace = await asked_for(project, tmp_path, VERIFICATION_ENVIRONMENT="yes")
    result = proposed(
        {
            "shop.py": SHOP.replace("count * 2", "count * 3"),
            "other.py": PROJECT["other.py"].replace("'other'", '"other"'),
        }
    )
    try:
        found = await with_verification(
            invocation,
            AgentResult(output=result),
            run=RUN,
            item=None,
            workplace=workplace,
            on_log=lambda line: logging.info("%s", line.text),
        )
    finally:
        await workplace.sandbox.close()

    assert found["verified"] == "tests", found
    assert [each["file"] for each in found["fixed"]] == ["other.py"]
    assert "1 test(s) that passed before do not: shop::test_price" in found["unfixed"][0]["reason"]
    assert found["verification"].startswith("2 test(s) of pytest pass as before")
    assert found["verification"].endswith("; not installed for its tests: built (no wheel)")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "compiled"),
        ({"VERIFICATION_ENVIRONMENT": "off"}, "compiled"),
        ({"VERIFICATION_ENVIRONMENT": "maybe"}, "compiled; no environment was made for its tests: VERIFICATION"),
        ({"VERIFICATION_ENVIRONMENT": "yes"}, "compiled; no environment was made for its tests: the environment"),
    ],
)
async def test_without_packages_it_is_verified_as_far_as_it_goes(
    project, tmp_path, index, monkeypatch, settings, said
) -> None:
    """Where the operator has not allowed it, or the index has nothing; here without the jail of the verification."""
    invocation, workplace = await asked_for(project, tmp_path, **settings)
    told: list[EnvironmentBuild] = []

    async def tell(build: EnvironmentBuild) -> None:
        told.append(build)

    monkeypatch.setattr(AgentWorkplace, "tells_builds", lambda self, run: tell)
    seen: list[Any] = []

    async def ask(verification: Invocation, mounts: Sequence[Mount]) -> AgentResult:
        seen.append((verification.inputs["environmentPath"], tuple(mounts)))
        return AgentResult(output={"verified": "build", "reason": "compiled", "breaking": []})

    try:
        found = await verified(
            invocation, proposed({"shop.py": f"{SHOP}\n"}), run=RUN, workplace=workplace, ask=ask
        )
    finally:
        await workplace.sandbox.close()

    assert (found["verified"], seen) == ("build", [("", ())])
    assert found["verification"].startswith(said)
    assert bool(index.asked) == (settings.get("VERIFICATION_ENVIRONMENT") == "yes")
    assert [one.outcome for one in told] == ["refused"] * bool(index.asked)
