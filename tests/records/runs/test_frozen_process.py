"""A process that stands still in the middle of a transaction holds nobody up for ever."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress

import psycopg

from records.database.connections import Database

STANDS_STILL = """
import asyncio, os, signal, sys
from sqlalchemy import text
from records.database import connections

connections._IDLE_SECONDS = 1

async def main():
    async with connections.Database(sys.argv[1]).write() as connection:
        await connection.execute(text("UPDATE held SET by = 'frozen'"))
        print("held", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        await connection.execute(text("UPDATE held SET by = 'frozen again'"))

asyncio.run(main())
"""


async def test_what_a_frozen_process_has_locked_is_free_again_and_it_cannot_write_when_it_wakes_up(
    postgres_url: str,
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE held AS SELECT 'nobody' AS by")
    command = [sys.executable, "-c", STANDS_STILL, postgres_url]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"held\n"
        database = Database(postgres_url)
        async with asyncio.timeout(15), database.write() as connection:
            await connection.exec_driver_sql("UPDATE held SET by = 'successor'")
        await database.close()
        process.send_signal(signal.SIGCONT)
        _, errors = await process.communicate()
        assert process.returncode == 1
        assert b"idle-in-transaction timeout" in errors
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT by FROM held").fetchall() == [("successor",)]
