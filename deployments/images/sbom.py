"""This environment's packages in; a bill of materials (CycloneDX) out: `python -m deployments.images.sbom`."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from typing import Any

OURS = "commandcenter-automation"


def bill(distributions: list[importlib.metadata.Distribution]) -> dict[str, Any]:
    """The bill: the platform, and each package that it runs with. The same environment gives the same text."""
    components = sorted((_component(each) for each in distributions), key=lambda each: str(each["purl"]))
    ours = [each for each in components if each["name"] == OURS]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**ours[0], "type": "application"}} if ours else {},
        "components": [each for each in components if each["name"] != OURS],
    }


def _component(distribution: importlib.metadata.Distribution) -> dict[str, Any]:
    metadata = distribution.metadata
    name = re.sub(r"[-_.]+", "-", metadata["Name"]).lower()
    found: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": distribution.version,
        "purl": f"pkg:pypi/{name}@{distribution.version}",
        "bom-ref": f"pkg:pypi/{name}@{distribution.version}",
    }
    named = metadata.get_all("License-Expression") or []
    licence = named[0] if named else _classified(metadata.get_all("Classifier") or [])
    if licence:
        found["licenses"] = [{"license": {"name": licence}}]
    return found


def _classified(classifiers: list[str]) -> str:
    names = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    return " OR ".join(names)


if __name__ == "__main__":
    json.dump(bill(list(importlib.metadata.distributions())), sys.stdout, indent=1)
    sys.stdout.write("\n")
