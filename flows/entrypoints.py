"""The name of a workflow <-> the dotted entrypoint of its deployment, which `flows/compiled.py` answers.

A workflow's name may hold letters, digits, `-`, `_` and `.`. In the entrypoint `-` is `_`, and what would be ambiguous
is escaped with a `Z`, so that two workflows never share one.
"""

from __future__ import annotations

import re

MODULE = "flows.compiled"
_ESCAPES = {"-": "_", "_": "Zu", ".": "Zd", "Z": "ZZ"}
_UNESCAPES = {code: char for char, code in _ESCAPES.items()}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_CODE = re.compile(r"Z[udZ]|_|[A-Za-z0-9]")


def entrypoint(workflow: str) -> str:
    """`flows.compiled.<name>` for a workflow's name. Raises ValueError for a name that workflows cannot have."""
    if not _NAME.match(workflow):
        raise ValueError(f"{workflow!r} is no workflow name: use letters, digits, '-', '_' and '.'")
    return f"{MODULE}." + "".join(_ESCAPES.get(char, char) for char in workflow)


def workflow_name(attribute: str) -> str:
    """The workflow an entrypoint's last part stands for. Raises AttributeError where it stands for none."""
    codes = _CODE.findall(attribute)
    name = "".join(_UNESCAPES.get(code) or code for code in codes)
    if "".join(codes) != attribute or not _NAME.match(name):
        raise AttributeError(f"module {MODULE!r} has no workflow {attribute!r}")
    return name


def is_workflow(attribute: str) -> bool:
    """Whether an entrypoint's last part can stand for a workflow."""
    try:
        workflow_name(attribute)
    except AttributeError:
        return False
    return True
