"""No wheel leaves without the console."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("there", [False, True])
def test_a_wheel_is_refused_without_the_console(tmp_path: Path, there: bool) -> None:
    """By pip, from a checkout with the same build settings and one small package."""
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copy(ROOT / "LICENSE", tmp_path)
    (tmp_path / "console").mkdir()
    shutil.copy(ROOT / "console" / "wheel_hook.py", tmp_path / "console")
    settings = (ROOT / "pyproject.toml").read_text()
    packages = next(line for line in settings.splitlines() if line.startswith("packages = "))
    (tmp_path / "pyproject.toml").write_text(settings.replace(packages, 'packages = ["api"]'))
    bundle = tmp_path / "api" / "console_bundle"
    bundle.mkdir(parents=True)
    (tmp_path / "api" / "__init__.py").touch()
    if there:
        (bundle / "index.html").touch()
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "dist", tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "No matching distribution found for hatchling" in built.stderr + built.stdout:
        pytest.skip("the package index cannot be reached: nothing can be built here")
    assert (built.returncode == 0) == there, built.stderr
    if not there:
        assert "the console is not built: run `make console` first" in built.stderr + built.stdout
