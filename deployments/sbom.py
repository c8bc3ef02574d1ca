"""The installed packages, and those of the console -> a list of what this product is made of, as CycloneDX JSON.

    python -m deployments.sbom > sbom.json

It is made from what is installed, not from what was asked for, and is the same each time for the same installation.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

PRODUCT = "commandcenter-automation"
_LOCK = Path(__file__).parents[1] / "console" / "package-lock.json"
_NAMESPACE = uuid.UUID("6f0c3c3e-7c3b-4f1f-9f64-0d3f6a1d8a10")


def sbom(lock: Path = _LOCK) -> dict[str, Any]:
    """The document, in version 1.6 of the format."""
    components = sorted([*_python(), *_npm(lock)], key=lambda each: each["bom-ref"])
    product = next(
        (each for each in components if each["name"] == PRODUCT), {"type": "application", "name": PRODUCT}
    )
    others = [each for each in components if each["name"] != PRODUCT]
    content = json.dumps(others, sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}",
        "version": 1,
        "metadata": {"component": {**product, "type": "application"}},
        "components": others,
    }


def _python() -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for each in distributions():
        name = each.metadata["Name"].lower().replace("_", "-")
        if name not in seen:
            seen.add(name)
            yield _component(name, each.version, kind="pypi", licence=_licence(each))


def _licence(package: Distribution) -> str | None:
    """An SPDX expression, or the first line of what the package calls its licence."""
    metadata = cast("Mapping[str, Any]", package.metadata.json)
    lines = str(metadata.get("license_expression") or metadata.get("license") or "").strip().splitlines()
    if lines and len(lines[0]) <= 100:
        return lines[0]
    named: list[str] = metadata.get("classifier") or []
    classes = [each for each in named if each.startswith("License ::")]
    return classes[0].rpartition(" :: ")[2] if classes else None


def _npm(lock: Path) -> Iterator[dict[str, Any]]:
    """What the console's bundle is made of, without the tools that make it."""
    if not lock.is_file():
        return
    seen: set[str] = set()
    for place, package in json.loads(lock.read_text())["packages"].items():
        name = place.rpartition("node_modules/")[2]
        reference = f"{name}@{package.get('version')}"
        if name and not package.get("dev") and package.get("version") and reference not in seen:
            seen.add(reference)
            yield _component(name, package["version"], kind="npm", licence=package.get("license"))


def _component(name: str, version: str, *, kind: str, licence: str | None) -> dict[str, Any]:
    purl = f"pkg:{kind}/{quote(name, safe='/')}@{quote(version, safe='')}"
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }
    if licence:
        found["licenses"] = [{"license": {"name": licence}}]
    return found


if __name__ == "__main__":
    json.dump(sbom(), sys.stdout, indent=2)
    sys.stdout.write("\n")
