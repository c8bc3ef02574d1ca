"""What the clients' files must hold, by the routes as they are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from api.app import create_app
from api.clients.python import python_models, python_routes
from api.clients.typescript import typescript_types
from records import Records

ROOT = Path(__file__).parents[2]


def openapi_document() -> dict[str, Any]:
    """What `/openapi.json` answers."""
    # Describing the routes asks the records nothing.
    return create_app(cast("Records", None), {}).openapi()


def client_files() -> Mapping[Path, str]:
    """Path -> text."""
    document = openapi_document()
    return {
        ROOT / "client" / "models.py": _formatted(python_models(document)),
        ROOT / "client" / "routes.py": _formatted(python_routes(document)),
        ROOT / "console" / "src" / "api" / "schema.ts": typescript_types(document),
    }


def write_clients() -> list[Path]:
    """Write those that differ; returns their paths."""
    changed = [path for path, text in client_files().items() if not path.exists() or path.read_text() != text]
    for path in changed:
        path.write_text(client_files()[path])
    return changed


def _formatted(text: str) -> str:
    ruff = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
    done = subprocess.run(
        [ruff, "format", "--config", str(ROOT / "pyproject.toml"), "--stdin-filename", "client.py", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout
