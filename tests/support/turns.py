"""Which tests one process of pytest does one after the other, and which of these units begin first.

Files that share a started server are one unit, so that the server is started once and not by each process. What takes
long begins first: xdist by itself begins with the files that have most tests, and the longest have one or two.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_PLATFORM = "the platform of tests/end_to_end/conftest.py"
_WORKER = "the server and the worker of tests/deployments/conftest.py"
_PREFECT = "Prefect's server of tests/conftest.py, for flows"
_TRIGGERS = "Prefect's server of tests/conftest.py, for triggers"
PLACES = {
    "tests/end_to_end/test_deploy_asks.py": _PLATFORM,
    "tests/end_to_end/test_every_way_in.py": _PLATFORM,
    "tests/end_to_end/test_form_in_browser.py": _PLATFORM,
    "tests/end_to_end/test_misbehaving_agents.py": _PLATFORM,
    "tests/end_to_end/test_mission.py": _PLATFORM,
    "tests/end_to_end/test_order_of_arrival.py": _PLATFORM,
    "tests/end_to_end/test_own_environments.py": _PLATFORM,
    "tests/end_to_end/test_prefect_yaml.py": _PLATFORM,
    "tests/end_to_end/test_prune.py": _PLATFORM,
    "tests/end_to_end/test_runs_at_once.py": _PLATFORM,
    "tests/end_to_end/test_schedules.py": _PLATFORM,
    "tests/end_to_end/test_secrets.py": _PLATFORM,
    "tests/end_to_end/test_trusted_trigger.py": _PLATFORM,
    "tests/deployments/prefect_server/test_prefect_operations.py": _WORKER,
    "tests/deployments/worker/test_worker.py": _WORKER,
    "tests/deployments/worker/test_worker_connection.py": _WORKER,
    "tests/deployments/worker/test_worker_in_prefect.py": _WORKER,
    "tests/deployments/worker/test_worker_limits.py": _WORKER,
    "tests/deployments/worker/test_clock_set_back.py": _TRIGGERS,
    "tests/triggers/test_launcher.py": _TRIGGERS,
    "tests/triggers/test_service.py": _TRIGGERS,
    "tests/triggers/reconcile/": _TRIGGERS,
    "tests/flows/": _PREFECT,
}
"""File or folder -> unit. A file that is missing here is a unit of its own, and starts its own servers."""
LONGEST = (
    _PLATFORM,
    _PREFECT,
    "tests/end_to_end/test_missed_schedules.py",  # four minutes of waiting for the clock
    "tests/faults/test_kills.py",
    "tests/end_to_end/test_backup.py",
    _WORKER,
    "tests/end_to_end/test_two_workers.py",
    "tests/end_to_end/test_calls.py",
    "tests/end_to_end/test_two_prefect_servers.py",
    "tests/end_to_end/test_observed_run.py",
    "tests/end_to_end/test_demo.py",
    "tests/end_to_end/test_postgresql.py",
    "tests/end_to_end/test_fair_share.py",
    "tests/console/test_first_day.py",
    "tests/console/test_whole_platform.py",
    "tests/deployments/stack/test_stack.py",
    _TRIGGERS,
)
"""These begin first, in this order; then those with most tests."""
SHARED = ("platform", "server", "prefect_api")
"""Fixtures of a session whose processes cost a CPU even while nobody asks them for anything."""
_DIED = pytest.StashKey[bool]()
_started: dict[str, Callable[[], None]] = {}


def unit_of(nodeid: str) -> str:
    """The unit of a test."""
    file = nodeid.split("::", 1)[0]
    return next((unit for place, unit in PLACES.items() if file.startswith(place)), file)


class Scheduler(LoadScopeScheduling):
    """As `--dist loadfile`, with units for files."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def in_turn(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests, those of units that take long first, each unit together."""
    units = {item.nodeid: unit_of(item.nodeid) for item in items}
    many = Counter(units.values())

    def turn(item: pytest.Item) -> tuple[int, int, str]:
        unit = units[item.nodeid]
        return (LONGEST.index(unit) if unit in LONGEST else len(LONGEST), -many[unit], unit)

    return sorted(items, key=turn)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a process of several, put the tests in turn; one alone has them as they are found."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items[:] = in_turn(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler | None:
    """With `--dist loadfile`, hand out units in the order in which the tests are."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return Scheduler(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """Note a process that has died in the middle of a test."""
    if error:
        node.config.stash[_DIED] = True


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """After a death the tests that were left have not run: that is no mere failure, which is tried again alone.

    xdist 3.8 ends then when told `--max-worker-restart 0`; else it starts another process and waits for ever.
    """
    if session.config.stash.get(_DIED, False):
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: Any) -> Iterator[Any]:
    """Note which of the shared servers are started."""
    made = yield
    if fixturedef.argname in SHARED and fixturedef.scope == "session":
        _started[fixturedef.argname] = lambda: fixturedef.finish(request)
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Behind the last test of a unit, end the servers that the next does not use."""
    try:
        return (yield)
    finally:
        end_unneeded(item, nextitem)


def end_unneeded(item: pytest.Item, following: pytest.Item | None) -> None:
    """End them, if that is the last of a unit; a test that asks for one again gets a new one."""
    if following is not None and unit_of(following.nodeid) == unit_of(item.nodeid):
        return
    needed = getattr(following, "fixturenames", ())
    for name in [each for each in _started if each not in needed]:
        _started.pop(name)()
