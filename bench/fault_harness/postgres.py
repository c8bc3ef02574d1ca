"""PostgreSQL's programs -> a real server in a folder of its own: one more part that dies and is started again."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from postgres_programs import NoPostgres, postgres_programs, runnable_by

from deployments.stack.process import Command
from deployments.stack.supervised_process import SupervisedProcess

_CONNECTIONS = 200


@dataclass(frozen=True)
class PostgresProbe:
    """Asks whether the server takes statements."""

    url: str

    def reset(self) -> None:
        """Nothing is left behind."""

    async def answers(self) -> bool:
        """One statement."""
        try:
            async with await psycopg.AsyncConnection.connect(self.url, connect_timeout=2) as connection:
                await connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running server."""

    part: SupervisedProcess
    port: int

    def url(self, database: str, *, scheme: str = "postgresql", port: int | None = None) -> str:
        """The address of a database; `port` is that of a proxy before it."""
        return f"{scheme}://postgres@127.0.0.1:{port or self.port}/{database}"

    async def create(self, *databases: str) -> None:
        """Make empty databases."""
        async with await psycopg.AsyncConnection.connect(self.url("postgres"), autocommit=True) as connection:
            for database in databases:
                await connection.execute(f'CREATE DATABASE "{database}"')


def kill_server(pid: int) -> None:
    """`kill -9` of the postmaster and all it has forked, none of which lives on to tidy up."""
    postmaster = psutil.Process(pid)
    postmaster.suspend()  # forks nobody from here on
    for child in postmaster.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def postgres(port: int, *, log: Path, report: Callable[[str, str], None]) -> AsyncGenerator[Postgres]:
    """A server on that port with the settings PostgreSQL comes with; its data are gone afterwards.

    Raises NoPostgres.
    """
    programs = postgres_programs()
    # PostgreSQL refuses to run as root.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="commandcenter-faults-postgres-") as temporary:
        folder = Path(temporary)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
            programs = runnable_by(user.pw_name, programs, copy_to=folder)
        await asyncio.to_thread(_initialise, programs, folder, user)
        command = Command(
            name="postgres",
            # A process that changes its user loses the leash that ends it with this one.
            arguments=[
                *("env", "--chdir=/"),
                *(_as_user(user) if user is not None else []),
                *(str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-h", "127.0.0.1"),
                *("-c", f"unix_socket_directories={folder}", "-c", f"max_connections={_CONNECTIONS}"),
            ],
            env=os.environ,
            log=log,
        )
        server = Postgres(
            part=SupervisedProcess(command, probe=PostgresProbe(_url(port)), timeout=60, report=report),
            port=port,
        )
        await server.part.start()
        try:
            yield server
        finally:
            await server.part.stop()


def _url(port: int) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def _as_user(user: pwd.struct_passwd) -> list[str]:
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=KILL"]


def _initialise(programs: Path, folder: Path, user: pwd.struct_passwd | None) -> None:
    command = [
        *(_as_user(user) if user is not None else []),
        *(str(programs / "initdb"), "-D", str(folder / "data"), "--auth=trust", "--username=postgres"),
        *("--encoding=UTF8", "--locale=C", "--no-sync"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode != 0:
        raise NoPostgres(f"initdb ended with {done.returncode}: {done.stderr[-1000:]}")
