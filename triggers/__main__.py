"""`python -m triggers`: the listener, the relay and the reconciler as a process of their own."""

from __future__ import annotations

import argparse
import asyncio
import errno
import functools
import logging
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from nats.aio.client import Client
from prefect.client.orchestration import PrefectClient

from compiler import matches
from observability.json_logs import LogFormatError, log_as_json
from observability.metrics.endpoint import serve_metrics
from observability.metrics.settings import MetricsSettings, MetricsSettingsError
from observability.traces.export import SpanExporter
from observability.traces.settings import TraceSettingsError, load_trace_settings
from operations.show_metrics import MetricsPage, log_gauges, worker_gauges
from records import Records, RecordsError, upgrade
from reliability.known_settings import unknown_settings
from reliability.loaded_code import leave_alone_what_is_loaded
from reliability.secret_files import SecretFileError, use_secret_files
from reliability.settings import ListenerSettings, SettingsError
from triggers.nats.consumer_gauges import consumer_gauges
from triggers.reconcile.maintenance import maintenance_hooks
from triggers.reconcile.reconciler import Hook
from triggers.reconcile.waiting_runs import TriggerRecords
from triggers.service import open_client, serve

TOUCH_SECONDS = 5.0
"""How often the ready file is touched, by which a health check sees that the process is not stuck."""


async def main(settings: ListenerSettings) -> None:
    """Runs until SIGINT or SIGTERM."""
    await upgrade(settings.database_url)
    ready = asyncio.Event()
    traces = load_trace_settings()
    async with (
        AsyncExitStack() as opened,
        await TriggerRecords.open(settings.database_url) as records,
        open_client(settings.prefect_api_url) as client,
    ):
        hooks = list(maintenance_hooks(records, client))
        if traces is not None:
            exporter = await opened.enter_async_context(SpanExporter(outbox=records, settings=traces))
            hooks.append(Hook(name="export of spans", run=exporter.export, every_seconds=1.0))
        work = asyncio.create_task(
            serve(
                settings,
                records=records,
                client=client,
                matches=matches,
                hooks=hooks,
                ready=ready,
                metrics=functools.partial(_metrics, records=records, client=client, settings=settings),
            ),
            name="triggers",
        )
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, work.cancel)
        announcing = asyncio.create_task(_announce(ready, settings))
        leave_alone_what_is_loaded()
        try:
            await work
        except asyncio.CancelledError:
            pass
        finally:
            announcing.cancel()


@asynccontextmanager
async def _metrics(
    connection: Client, *, records: Records, client: PrefectClient, settings: ListenerSettings
) -> AsyncGenerator[None]:
    """Serve `/metrics` where COMMANDCENTER_METRICS_ADDRESS says so."""
    metrics = MetricsSettings.load()
    if metrics.address is None:
        yield
        return
    sources = {
        "nats": consumer_gauges(connection),
        "workers": worker_gauges(client, settings.pool),
    }
    if settings.state is not None:
        sources["logs"] = log_gauges(settings.state / "logs")
    page = MetricsPage(records=records, sources=sources)
    try:
        async with serve_metrics(metrics.address, page, token=metrics.token):
            yield
    except OSError as exc:
        if exc.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise MetricsSettingsError(
            f"COMMANDCENTER_METRICS_ADDRESS: nothing can listen on {metrics.address} ({exc.strerror}): "
            "choose another port"
        ) from exc


async def _announce(ready: asyncio.Event, settings: ListenerSettings) -> None:
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
    try:
        log_as_json("listener")
        for sentence in unknown_settings():
            logging.warning("%s", sentence)
        use_secret_files()
        asyncio.run(main(ListenerSettings.load()))
    except (
        LogFormatError,
        RecordsError,
        SecretFileError,
        SettingsError,
        MetricsSettingsError,
        TraceSettingsError,
    ) as exc:
        print(f"triggers: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
