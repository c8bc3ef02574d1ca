"""The bill of materials names every package once, and the demo's workflows are those of the repository."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from deployments.images.sbom import bill

ROOT = Path(__file__).parents[3]


def test_every_package_of_the_environment_is_in_the_bill_once_with_its_version() -> None:
    distributions = list(
        {each.metadata["Name"].lower(): each for each in importlib.metadata.distributions()}.values()
    )
    made = bill(distributions)
    assert made["bomFormat"] == "CycloneDX"
    assert made["metadata"]["component"]["name"] == "commandcenter-automation"
    listed = {each["name"]: each for each in made["components"]}
    assert len(listed) == len(made["components"]) == len(distributions) - 1
    assert listed["prefect"]["version"] == importlib.metadata.version("prefect")
    assert listed["prefect"]["purl"] == f"pkg:pypi/prefect@{importlib.metadata.version('prefect')}"
    assert sum("licenses" in each for each in made["components"]) > len(listed) / 2
    assert json.dumps(bill(distributions)) == json.dumps(made)


@pytest.mark.parametrize("name", ["security-audit-on-pr.yaml", "compliance-check-weekly.yaml"])
def test_the_workflows_that_the_package_brings_are_those_of_the_repository(name: str) -> None:
    packaged = ROOT / "deployments" / "demo" / "workflows" / name
    assert packaged.read_bytes() == (ROOT / "workflows" / name).read_bytes()
