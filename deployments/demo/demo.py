"""`commandcenter demo`: starts the platform, commits a change, publishes an event, asks for approval, checks the end.

Everything in it is real: the repository and its remote, the message on NATS, the jail, the SMTP and HTTP conversations,
the approval, the pushed branch. Only the receiving ends are the demo's own, on this machine.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TextIO
from urllib.parse import urlsplit

from deployments.cli.output import console
from deployments.cli.prompt import ask_line
from deployments.demo.follow import Answer, Follower
from deployments.demo.outcome import print_checks, print_next_steps, print_records, print_summary
from deployments.demo.sinks import ChatSink, MailSink
from deployments.demo.start import start_by_event, start_by_schedule
from deployments.errors import DeploymentError
from deployments.stack.addresses import Addresses, addresses_of
from deployments.stack.connection import StackConnection, connect_to
from deployments.stack.embedded_api import PORT, embedded_api
from deployments.stack.prometheus import prometheus, serve_metrics_somewhere
from deployments.stack.stack import Stack
from deployments.stack.state_folder import StateFolder
from deployments.stack.up import allow_repositories, deploy_files, prepare_records, report_process
from flows.runtime import SETTING_PREFIX
from reliability.settings import StackSettings
from tasks.secrets import ENVIRONMENT_PREFIX

PROJECT_ID = 1
WORKFLOWS = Path(__file__).with_name("workflows")
"""Copies of the two in `workflows/`, which an installed package has nowhere else."""
BY_EVENT, BY_SCHEDULE = "security-audit-deploy", "compliance-check-weekly"


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """What the demo is asked for."""

    workflow: str
    answer: Answer | None
    """The decision to take without asking; None asks."""
    notes: str
    verbose: bool
    """Whether all records and the event's JSON are shown at the end."""
    settings: StackSettings
    attach: bool = False
    """Whether it runs on the platform that the environment names, instead of starting one."""
    observe: bool = False
    """Whether the platform serves metrics, and Prometheus reads them where it is installed."""


@dataclass(frozen=True, kw_only=True)
class Sinks:
    """Where the demo's agents send to."""

    mail: MailSink
    chat: ChatSink


async def demo(options: DemoOptions) -> bool:
    """Run one of the two workflows to its end. True where everything happened that the decision calls for."""
    if options.workflow not in (BY_EVENT, BY_SCHEDULE):
        raise DeploymentError(
            f"--workflow {options.workflow!r} is not one of the demo: give {BY_EVENT!r} or {BY_SCHEDULE!r}"
        )
    if options.attach:
        return await _attached(options)
    began = monotonic()
    async with open_sinks() as sinks:
        configure_agents(sinks, state=options.settings.state)
        metrics = serve_metrics_somewhere() if options.observe else None
        console.print("Starting the platform: NATS, Prefect, worker, listener …", highlight=False)
        async with Stack(options.settings, prepare=_prepare, report=report_process, api_port=PORT) as stack:
            for each in await deploy_files(stack.addresses, [WORKFLOWS], project_id=PROJECT_ID):
                console.print(f"  deployed {each.deployment}", style="dim", highlight=False)
            async with (
                observed(options.settings.state, metrics),
                embedded_api(stack, project_id=PROJECT_ID) as link,
                connect_to(stack.addresses) as connection,
            ):
                console.print(f"Ready after {monotonic() - began:.1f} s. Console, where you can approve as well:")
                console.print(f"  {link}", soft_wrap=True, markup=False, highlight=False)
                console.print(
                    f"Prefect UI: {stack.addresses.ui_url}/login asks once for PREFECT_API_AUTH_STRING, which "
                    f"`commandcenter env --state {options.settings.state}` prints\n",
                    markup=False,
                )
                worked = await _run(options, connection, sinks)
                if options.answer is None:
                    await until_enter(sys.stdin)
                return worked


async def until_enter(terminal: TextIO) -> None:
    """Whoever has decided in the console follows the run there: the platform goes on until a person ends it here."""
    if terminal.isatty():
        await ask_line("\nThe console goes on until you press Enter here. ", source=terminal)


@asynccontextmanager
async def observed(state: Path, metrics: str | None) -> AsyncGenerator[None]:
    """Read the metrics at that address while the block lasts, and say where to look; None: nothing of it."""
    if metrics is None:
        yield
        return
    console.print(f"Metrics: http://{metrics}/metrics", markup=False)
    async with prometheus(state, target=metrics) as address:
        if address is None:
            console.print(
                "Prometheus is not installed here (Debian's package `prometheus`): the metrics page is all\n"
            )
        else:
            console.print(
                f"Prometheus: {address}/alerts and {address}/graph?g0.expr=agent_execution_total\n", markup=False
            )
        yield


async def _attached(options: DemoOptions) -> bool:
    """On a platform that runs already. Its worker's agents send to the ports that the environment names for both."""
    mail_port, chat_port = _port(f"{SETTING_PREFIX}SMTP_PORT"), _port(f"{SETTING_PREFIX}SLACK_API_URL")
    async with open_sinks(mail_port=mail_port, chat_port=chat_port) as sinks:
        addresses = addresses_of(options.settings.state)
        for each in await deploy_files(addresses, [WORKFLOWS], project_id=PROJECT_ID):
            console.print(f"  deployed {each.deployment}", style="dim", highlight=False)
        async with connect_to(addresses) as connection:
            return await _run(options, connection, sinks)


def _port(variable: str) -> int:
    """The port that a setting of the notifier names, as a number or in a URL."""
    value = os.environ.get(variable, "")
    port = int(value) if value.isdigit() else urlsplit(value).port
    if port is None:
        raise DeploymentError(
            f"--attach needs {variable} with a port on 127.0.0.1, the same for the worker and for this command: what "
            "the agents send must arrive here"
        )
    return port


async def _prepare(addresses: Addresses) -> None:
    await prepare_records(addresses, project_id=PROJECT_ID)


async def _run(options: DemoOptions, connection: StackConnection, sinks: Sinks) -> bool:
    start = start_by_event if options.workflow == BY_EVENT else start_by_schedule
    async with start(connection, state=options.settings.state, project_id=PROJECT_ID) as started:
        state = None if options.attach else Path(connection.addresses.state)
        follower = Follower(
            connection=connection, started=started, answer=options.answer, notes=options.notes, state=state
        )
        detail = await follower.to_the_end()
        completed = await started.completed()
        if options.verbose:
            print_records(detail, completed)
        print_summary(detail)
        worked = print_checks(started, detail, completed, mail=sinks.mail.messages, chat=sinks.chat.messages)
        print_next_steps(detail, state=state, verbose=options.verbose)
        return worked


@asynccontextmanager
async def open_sinks(*, mail_port: int = 0, chat_port: int = 0) -> AsyncGenerator[Sinks]:
    """A mail server and a chat API on 127.0.0.1; on free ports, unless some are given."""
    mail, chat = MailSink(port=mail_port), ChatSink(port=chat_port)
    await asyncio.gather(mail.start(), chat.start())
    try:
        yield Sinks(mail=mail, chat=chat)
    finally:
        await asyncio.gather(mail.stop(), chat.stop())


def configure_agents(sinks: Sinks, *, state: Path) -> None:
    """Point the notifier at the sinks and allow the demo's repositories, for the worker that inherits this."""
    os.environ.update(
        {
            f"{SETTING_PREFIX}SLACK_API_URL": f"http://127.0.0.1:{sinks.chat.port}/api/",
            f"{SETTING_PREFIX}SMTP_HOST": "127.0.0.1",
            f"{SETTING_PREFIX}SMTP_PORT": str(sinks.mail.port),
            f"{SETTING_PREFIX}MAIL_FROM": "commandcenter@localhost",
            f"{ENVIRONMENT_PREFIX}SLACK_BOT_TOKEN": "xoxb-demo-token-of-the-local-sink",
        }
    )
    StateFolder(state).create()
    repositories(state).mkdir(exist_ok=True)
    allow_repositories([repositories(state)])


def repositories(state: Path) -> Path:
    """Where the demo keeps the repositories it makes."""
    return state.absolute() / "demo"
