"""An entry path (dotted module, or a folder with `agent.py` or `agent.yaml`) -> the agent defined there."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from agents.runtime.program import PROGRAM_FILE, Program, load_program
from agents.sdk.agent import Agent
from agents.sdk.errors import BadRequestError

ENTRY_FILE = "agent.py"
"""What the folder of an agent in Python must hold."""


def load(entry_path: str) -> Agent | Program:
    """Import the agent, or find its program. Raises BadRequestError where there is none; errors of the import are not
    caught."""
    if "/" in entry_path and Path(entry_path, PROGRAM_FILE).is_file():
        return load_program(Path(entry_path))
    module = _load_folder(Path(entry_path)) if "/" in entry_path else _load_module(entry_path)
    agent = getattr(module, "agent", None)
    if not isinstance(agent, Agent):
        raise BadRequestError(f"{entry_path!r} defines no agent: it needs a module-level `agent = Agent(…)`")
    return agent


def _load_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name and (name == exc.name or name.startswith(f"{exc.name}.")):
            raise BadRequestError(f"there is no agent module {name!r}") from exc
        raise


def _load_folder(folder: Path) -> ModuleType:
    file = folder / ENTRY_FILE
    if not file.is_file():
        raise BadRequestError(f"agent folder {str(folder)!r} has neither {ENTRY_FILE} nor {PROGRAM_FILE}")
    sys.path.insert(0, str(folder))  # the agent's other modules
    spec = importlib.util.spec_from_file_location("commandcenter_agent", file)
    if spec is None or spec.loader is None:
        raise BadRequestError(f"{str(file)!r} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Pydantic looks models' annotations up there
    spec.loader.exec_module(module)
    return module
