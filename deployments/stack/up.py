"""Settings -> the platform in the foreground: stack, registered agents, deployed workflows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from compiler import format_text
from deployments.cli.output import console
from deployments.errors import DeploymentError
from deployments.publishing.compile_files import CheckFailed
from deployments.publishing.deploy import PrefectPublisher
from deployments.publishing.deploy_files import deployable_files
from deployments.publishing.registration import register_builtin
from deployments.stack.addresses import Addresses
from deployments.stack.connection import connect_to
from deployments.stack.embedded_api import PORT, embedded_api
from deployments.stack.machine_admin import ensure_machine_admin
from deployments.stack.nats_server import prepare_publisher
from deployments.stack.stack import Stack
from operations.deploy import AgreementMissing, Deployed, deploy
from operations.second_person import SecondPersonNeeded
from records import Records, upgrade
from reliability.mode import is_production
from reliability.settings import StackSettings
from triggers.nats.event_subjects import take_subjects_now


async def prepare_records(addresses: Addresses, *, project_id: int) -> None:
    """Tables, built-in agents and the admin of this machine: what the other parts need before they start."""
    await upgrade(addresses.database_url)
    records = await Records.open(addresses.database_url)
    try:
        await register_builtin(records, project_id=project_id)
        if addresses.publisher_url:
            await prepare_publisher(addresses, records, project_id=project_id)
        if not is_production():
            await ensure_machine_admin(records, state=Path(addresses.state), project_id=project_id)
    finally:
        await records.close()


async def deploy_files(
    addresses: Addresses, paths: Iterable[Path], *, project_id: int, agreed_by: str | None = None
) -> list[Deployed]:
    """Compile all files, then deploy them; raises `CheckFailed` or `AgreementMissing` before anything is changed.

    A workflow that was changed elsewhere since its file was deployed last stays, and a line says so.
    """
    async with connect_to(addresses) as connection:
        files = await deployable_files(paths, records=connection.records, project_id=project_id)
        for each in files.kept:
            console.print(f"  {each.kept}", markup=False, highlight=False, soft_wrap=True)
        compiled = files.compiled
        publisher = PrefectPublisher(connection.prefect, connection.addresses.pool)
        done = await deploy(
            compiled.plans,
            records=connection.records,
            publisher=publisher,
            project_id=project_id,
            agreed_by=agreed_by,
            sources=compiled.files,
            texts=compiled.texts,
        )
        await take_subjects_now(addresses.nats_url, connection.records)
        return done


class NoSuchFolder(DeploymentError):
    """A folder of repositories is not there: every run that reads one would be refused."""


def allow_repositories(folders: Iterable[Path]) -> None:
    """Let the worker of this stack, which inherits the environment, use repositories below these folders.

    Raises NoSuchFolder, also for what the environment names.
    """
    known = os.environ.get("COMMANDCENTER_REPOSITORIES", "").split(os.pathsep)
    by_name = [("--repositories", each) for each in folders]
    named = [*(("COMMANDCENTER_REPOSITORIES", Path(each)) for each in known if each), *by_name]
    for name, folder in named:
        if not folder.is_dir():
            what = "is no folder" if folder.exists() else "is not there"
            raise NoSuchFolder(f"{name}: {str(folder.absolute())!r} {what}: make it, or correct the name")
        if os.pathsep in str(folder):
            raise NoSuchFolder(
                f"{name}: {str(folder)!r} has a {os.pathsep!r} in its name, which separates folders"
            )
    found = [str(folder.absolute()) for _, folder in named]
    os.environ["COMMANDCENTER_REPOSITORIES"] = os.pathsep.join(found)


def report_process(part: str, event: str) -> None:
    """One line for what happens to a part."""
    if event != "started":
        console.print(f"  {part}: {event}", style="dim", highlight=False, markup=False)


async def serve(
    settings: StackSettings, *, workflows: Path, repositories: Iterable[Path], project_id: int
) -> None:
    """Run until cancelled. Broken workflow files are reported and left out of nothing: none is deployed."""
    allow_repositories(repositories)

    async def prepare(addresses: Addresses) -> None:
        await prepare_records(addresses, project_id=project_id)

    async with Stack(settings, prepare=prepare, report=report_process, api_port=PORT) as stack:
        if workflows.is_dir():
            try:
                for each in await deploy_files(stack.addresses, [workflows], project_id=project_id):
                    console.print(f"  deployed {each.deployment}  {each.digest[:19]}", highlight=False)
            except AgreementMissing as exc:
                console.print(
                    f"{exc}\nThe deployed versions stay. Agree with `commandcenter deploy`.", markup=False
                )
            except SecondPersonNeeded as exc:
                console.print(f"{exc}\nThe deployed versions stay.", markup=False)
            except CheckFailed as exc:
                console.print(format_text(exc.diagnostics, exc.sources), markup=False, highlight=False)
                console.print(
                    f"Nothing of {workflows} is deployed; earlier versions stay. Mend the files, then run "
                    "`commandcenter deploy`.",
                    markup=False,
                )
        else:
            console.print(f"  nothing to deploy: {workflows} is no folder", markup=False, highlight=False)
        async with embedded_api(stack, project_id=project_id) as link:
            _print_addresses(stack.addresses, link)
            await stack.wait()


def _print_addresses(addresses: Addresses, link: str) -> None:
    # Longer than a line, and of no use when it is wrapped.
    console.print(f"\nconsole      {link}", soft_wrap=True, markup=False, highlight=False)
    console.print(
        f"Prefect UI   {addresses.ui_url}/login (asks once: PREFECT_API_AUTH_STRING)\n"
        f"state        {addresses.state}",
        highlight=False,
        markup=False,
    )
    console.print('environment  eval "$(commandcenter env)"\nstop         Ctrl-C\n', highlight=False, markup=False)
