"""`python -m triggers`: the listener, the relay and the reconciler as a process of their own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys

from compiler import matches
from records import RecordsError, upgrade
from reliability.secret_files import SecretFileError, read_secret_files
from reliability.settings import unknown_settings
from triggers.reconcile.maintenance import maintenance_hooks
from triggers.reconcile.waiting_runs import TriggerRecords
from triggers.service import open_client, serve
from triggers.settings import SettingsError, TriggerSettings

TOUCH_SECONDS = 5.0
"""How often the ready file is touched, by which a health check sees that the process is not stuck."""


async def main(settings: TriggerSettings) -> None:
    """Runs until SIGINT or SIGTERM."""
    await upgrade(settings.database_url)
    ready = asyncio.Event()
    async with (
        await TriggerRecords.open(settings.database_url) as records,
        open_client(settings.prefect_api_url) as client,
    ):
        work = asyncio.create_task(
            serve(
                settings,
                records=records,
                client=client,
                matches=matches,
                hooks=maintenance_hooks(records, client),
                ready=ready,
            ),
            name="triggers",
        )
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, work.cancel)
        announcing = asyncio.create_task(_announce(ready, settings))
        try:
            await work
        except asyncio.CancelledError:
            pass
        finally:
            announcing.cancel()


async def _announce(ready: asyncio.Event, settings: TriggerSettings) -> None:
    await ready.wait()
    print("triggers: ready", flush=True)
    while settings.ready_file is not None:
        await asyncio.to_thread(settings.ready_file.touch)
        await asyncio.sleep(TOUCH_SECONDS)


def run() -> int:
    """The command line; settings come from the environment."""
    description = "Starts workflows for NATS events and publishes what becomes of them. Reads NATS_URL, "
    description += "PREFECT_API_URL and DATABASE_URL."
    argparse.ArgumentParser(prog="python -m triggers", description=description).parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("httpx", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for sentence in unknown_settings():
        logging.warning("%s", sentence)
    try:
        read_secret_files()
        asyncio.run(main(TriggerSettings.load()))
    except (RecordsError, SecretFileError, SettingsError) as exc:
        print(f"triggers: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
