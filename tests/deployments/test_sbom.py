"""The list of what the product is made of."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from deployments.sbom import PRODUCT, sbom


def test_it_lists_what_is_installed_with_its_licence_and_is_the_same_each_time(tmp_path: Path) -> None:
    lock = tmp_path / "package-lock.json"
    packages = {
        "": {"name": "console"},
        "node_modules/react": {"version": "19.0.0", "license": "MIT"},
        "node_modules/@scope/part": {"version": "1.0.0", "license": "ISC"},
        "node_modules/vite": {"version": "7.0.0", "dev": True},
    }
    lock.write_text(json.dumps({"packages": packages}))
    made = sbom(lock)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert made["metadata"]["component"]["name"] == PRODUCT
    found = {each["purl"]: each for each in made["components"]}
    prefect = found[f"pkg:pypi/prefect@{version('prefect')}"]
    assert prefect["licenses"] == [{"license": {"name": "Apache-2.0"}}]
    assert found["pkg:npm/react@19.0.0"]["version"] == "19.0.0"
    assert "pkg:npm/%40scope/part@1.0.0" in found
    assert not any("vite" in purl for purl in found)
    assert len(found) == len(made["components"]) > 100
    assert sbom(lock) == made


def test_make_has_a_target_for_it() -> None:
    assert "-m deployments.sbom" in (Path(__file__).parents[2] / "Makefile").read_text()
