"""Steps for `prefect.yaml`: plain `prefect deploy --all` checks a workflow, puts its plan on record, and pins it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from compiler import format_text
from deployments.publishing.compile_files import CheckFailed
from deployments.publishing.deploy_files import deployable_files
from operations.deploy import AgreementMissing, RecordsOnly, deploy
from records import Records
from reliability.settings import CommandSettings


async def register_workflow(file: str, project_id: int = 1) -> dict[str, Any]:
    """Compile `file` against the registered agents and save its plan.

    Returns `{"digest": …}` for the deployment's parameters. Raises ValueError with every problem found.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise ValueError("DATABASE_URL is not set: it names the records database; `commandcenter env` prints it")
    records = await Records.open(url)
    try:
        files = await deployable_files([Path(file)], records=records, project_id=project_id)
        for each in files.kept:
            raise ValueError(each.kept)
        compiled = files.compiled
        (plan,) = compiled.plans
        agreed_by = "COMMANDCENTER_REMOVE_GATES" if CommandSettings.load().remove_gates == "yes" else None
        # `prefect deploy` makes the deployment itself, after this step.
        await deploy(
            [plan],
            records=records,
            publisher=RecordsOnly(),
            project_id=project_id,
            agreed_by=agreed_by,
            sources=compiled.files,
            texts=compiled.texts,
        )
    except AgreementMissing as exc:
        raise ValueError(f"{exc}; set COMMANDCENTER_REMOVE_GATES=yes to agree") from exc
    except CheckFailed as exc:
        raise ValueError(format_text(exc.diagnostics, exc.sources)) from exc
    finally:
        await records.close()
    return {"digest": plan.digest}
