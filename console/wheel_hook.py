"""Refuses to build a wheel without the console: whoever installed it would find no console, and no way to build one.

`CONSOLE=optional` in the environment builds one all the same, where the npm registry cannot be reached.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # only the environment that builds has it
    BuildHookInterface = object


def missing_console(root: Path, environment: Mapping[str, str]) -> str | None:
    """Why no wheel may be built from this checkout; None where one may."""
    if (root / "api" / "console_bundle" / "index.html").is_file() or environment.get("CONSOLE") == "optional":
        return None
    return (
        "the console is not built: run `make console` first, or set CONSOLE=optional to build a wheel without it"
    )


class ConsoleHook(BuildHookInterface):
    """Called by hatchling before a wheel is built; not for an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises RuntimeError, which ends the build."""
        del build_data
        reason = missing_console(Path(self.root), os.environ)
        if version == "standard" and reason is not None:
            raise RuntimeError(reason)
