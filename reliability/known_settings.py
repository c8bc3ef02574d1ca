"""The models of all parts -> the names that exist: for the page of the documentation, and to know a misspelt one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from reliability.settings import PARTS, PREFIX

FAMILIES = (
    "COMMANDCENTER_SETTING_",
    "COMMANDCENTER_SECRET_",
    "COMMANDCENTER_EGRESS_PROJECT_",
    "COMMANDCENTER_REPOSITORIES_PROJECT_",
)
"""Beginnings of names that operators make up: settings and secrets of agents, egress and repositories of a project."""
# Set by the sandbox inside of a jail, never by an operator.
_IN_THE_JAIL = (
    "COMMANDCENTER_PRELOAD",
    "COMMANDCENTER_REQUEST",
    "COMMANDCENTER_REQUEST_FD",
    "COMMANDCENTER_RESULT",
    "COMMANDCENTER_ARTIFACTS",
    "COMMANDCENTER_SECRETS_FD",
    "COMMANDCENTER_EXECUTION",
    "COMMANDCENTER_NONCE",
)


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One environment variable."""

    names: tuple[str, ...]
    """Its name, and others that it has; the first that is set wins."""
    read_by: tuple[str, ...]
    """Names of the parts."""
    default: str
    """In words or as the value."""
    text: str
    """What it is for, in one sentence."""
    secret: bool
    """Whether `<NAME>_FILE` may name a file that holds it."""


def variables() -> list[Variable]:
    """All of them, by name."""
    found: dict[tuple[str, ...], Variable] = {}
    for part, model in PARTS.items():
        for field in model.model_fields.values():
            names = _names(field)
            known = found.get(names)
            read_by = (part,) if known is None else (*known.read_by, part)
            extra = cast("Mapping[str, Any]", field.json_schema_extra or {})
            found[names] = Variable(
                names=names,
                read_by=read_by,
                default=_default(field, extra) if known is None else known.default,
                text=field.description or "",
                secret=bool(extra.get("secret")),
            )
    return sorted(found.values(), key=lambda each: each.names)


def secret_names() -> tuple[str, ...]:
    """The variables that hold secrets."""
    return tuple(dict.fromkeys(name for each in variables() if each.secret for name in each.names))


def unknown_settings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """One sentence for each `COMMANDCENTER_…` variable that nothing reads. Never shows a value."""
    known = [name for each in variables() for name in each.names]
    known += [f"{name}_FILE" for name in secret_names()]
    return [
        _sentence(name, known)
        for name in sorted(environment)
        if name.startswith(PREFIX)
        and name not in known
        and name not in _IN_THE_JAIL
        and not any(name.startswith(family) and name != family for family in FAMILIES)
    ]


def settings_page() -> str:
    """The page of the documentation."""
    lines = [
        "# Settings",
        "",
        "All environment variables, generated from the models in `reliability/settings.py`. A variable that begins",
        "with `COMMANDCENTER_` and is not listed here is reported when a command or a part starts.",
        "",
        "| variable | read by | default | what it is |",
        "|---|---|---|---|",
    ]
    for each in variables():
        names = ", ".join(f"`{name}`" for name in each.names)
        text = f"{each.text} Or `{each.names[0]}_FILE`: a file that holds it." if each.secret else each.text
        lines.append(f"| {names} | {', '.join(each.read_by)} | {each.default} | {text} |")
    lines += [
        "| `COMMANDCENTER_EGRESS_PROJECT_<ID>` | worker | `COMMANDCENTER_EGRESS` | The same for one project. |",
        "| `COMMANDCENTER_SETTING_<NAME>` | worker | none | Setting `<NAME>` of agents, such as `SMTP_HOST`. |",
        "| `COMMANDCENTER_SECRET_<NAME>` | worker | none | Secret `<NAME>` of agents; also a file in `secrets/`. |",
        "| `COMMANDCENTER_REPOSITORIES_PROJECT_<ID>` | worker | the others' | Repositories of one project. |",
        "",
        "`COMMANDCENTER_SETTING_PROJECT_<ID>_<NAME>` and `COMMANDCENTER_SECRET_PROJECT_<ID>_<NAME>` are of one",
        "project, as is the file `secrets/PROJECT_<ID>_<NAME>` or the block `project-<id>-<name>`. In production,",
        "what names no project goes to the one of `COMMANDCENTER_PROJECT_ID` alone; embedded, to all.",
    ]
    return "\n".join(lines) + "\n"


def _names(field: FieldInfo) -> tuple[str, ...]:
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(each) for each in alias.choices)
    return (str(alias),)


def _default(field: FieldInfo, extra: Mapping[str, Any]) -> str:
    if shown := extra.get("shown"):
        return str(shown)
    if field.default is None:
        return "none"
    value = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
    return f"`{value.lower() if isinstance(field.default, bool) else value}`"


def _sentence(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, [*known, *FAMILIES], n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}?" if near else "see docs/reference/settings.md for those there are"
    return f"the environment variable {name} is not a setting of the platform and has no effect: {hint}"
