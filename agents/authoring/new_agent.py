"""`commandcenter agents new`: templates beside this file -> an agent's folder, to be changed by its author."""

from __future__ import annotations

import re
from pathlib import Path

LANGUAGES = ("python", "shell", "node")
_TEMPLATES = Path(__file__).with_name("templates")
_ENDING = ".template"
"""Templates are no source files: no tool of ours reads them."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_PLACE = "agent-name"
"""Stands for the name in the templates."""


class NewAgentRefused(ValueError):
    """No such agent can be written there."""


def new_agent(name: str, language: str, folder: Path) -> list[Path]:
    """Write the files of a new agent into `folder`, which is made; returns them. Raises NewAgentRefused."""
    if not _NAME.fullmatch(name):
        raise NewAgentRefused(
            f"{name!r} is not a name of an agent: begin with a small letter; small letters, digits and - may follow"
        )
    if language not in LANGUAGES:
        raise NewAgentRefused(f"no template for {language!r}; there are: {', '.join(LANGUAGES)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NewAgentRefused(f"{str(folder)!r} is there already: choose another name or folder")
    source = _TEMPLATES / language
    written: list[Path] = []
    for template in sorted(source.rglob(f"*{_ENDING}")):
        file = folder / template.relative_to(source).with_suffix("")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(template.read_text("utf-8").replace(_PLACE, name), "utf-8")
        written.append(file)
    return written
