"""The name and type of a work pool, and what its containers get -> the pool, for Prefect's own workers as for ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from deployments.errors import DeploymentError

PROC_VOLUME = "commandcenter-proc"
"""A volume of the type `proc`; see `docker_template`."""
_STATE = "/tmp/commandcenter"


class PoolRefused(DeploymentError):
    """There is no such work pool, or it is of another type."""


@dataclass(frozen=True, kw_only=True)
class Containers:
    """What each container of a pool gets."""

    image: str
    networks: Sequence[str] = ()
    """Names of networks; or one mode, such as `host` or `container:NAME`."""
    volumes: Sequence[str] = ()
    """As `docker run --volume` takes them, with absolute paths of the machine that Docker runs on."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    memory: str = "2g"


def docker_template(containers: Containers) -> dict[str, Any]:
    """The pool's template for Prefect's Docker worker: hardened as in compose.yaml, and able to make jails."""
    from prefect_docker.worker import DockerWorker  # pyright: ignore[reportMissingTypeStubs]

    template = DockerWorker.get_default_base_job_template()
    seccomp = json.loads(resources.files("deployments.images").joinpath("seccomp.json").read_text())
    modes = [each for each in containers.networks if each == "host" or each.startswith("container:")]
    values: dict[str, Any] = {
        "image": containers.image,
        "image_pull_policy": "IfNotPresent",
        "networks": [each for each in containers.networks if each not in modes],
        "network_mode": modes[0] if modes else None,
        # The worker cannot ask Docker for an unmasked /proc. The kernel lets a jail have its own where a whole one is
        # mounted anywhere; this one shows no processes of other users.
        "volumes": [f"{PROC_VOLUME}:/run/proc", *containers.volumes],
        "env": {"COMMANDCENTER_STATE": _STATE, **containers.environment},
        "auto_remove": True,
        "mem_limit": containers.memory,
        "container_create_kwargs": {
            "read_only": True,
            "tmpfs": {"/tmp": "mode=1777,size=2g"},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges", f"seccomp={json.dumps(seccomp)}"],
            "pids_limit": 1024,
        },
    }
    known: dict[str, Any] = template["variables"]["properties"]
    for name, value in values.items():
        if value is not None:
            known[name]["default"] = value
    return template


async def make_pool(client: PrefectClient, name: str, containers: Containers) -> bool:
    """Make the pool, or bring its template up to date; True where it is new. Raises PoolRefused."""
    template = docker_template(containers)
    try:
        await client.create_work_pool(WorkPoolCreate(name=name, type="docker", base_job_template=template))
        return True
    except ObjectAlreadyExists:
        found = await client.read_work_pool(name)
    if found.type != "docker":
        raise PoolRefused(
            f"the work pool {name!r} is of the type {found.type!r}, not 'docker': choose another name, or delete it "
            f"with `prefect work-pool delete {name}`"
        )
    await client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))
    return False


async def require_pool(client: PrefectClient, name: str) -> None:
    """Raises PoolRefused where there is no such pool."""
    try:
        await client.read_work_pool(name)
    except ObjectNotFound:
        raise PoolRefused(
            f"there is no work pool {name!r}: make it with `commandcenter pool docker {name} --image …`, or start a "
            f"worker with `commandcenter worker --pool {name}`"
        ) from None
