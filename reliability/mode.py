"""The mode of an installation: `embedded`, where one operator runs everything, or `production`.

In production, a change that weakens what approvals protect needs a second person (see `operations.second_person`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLE = "COMMANDCENTER_MODE"
_MODES = ("embedded", "production")


def is_production(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the two-person rule holds. A value that is no mode counts as production: it was meant to be stricter."""
    return environment.get(VARIABLE, "embedded").strip().lower() != "embedded"


def mode_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """What is wrong with the variable, in one sentence; None: nothing."""
    value = environment.get(VARIABLE, "embedded").strip().lower()
    if value in _MODES:
        return None
    return (
        f"{VARIABLE} is {value!r:.40}, which is no mode and counts as production: set it to {' or '.join(_MODES)}"
    )
