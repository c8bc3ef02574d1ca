"""What an action may use besides its input: log, artifacts, settings, secrets, and the ids of its run."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from agents.sdk.errors import AgentError, BadRequestError
from agents.sdk.spans import Value, span

_ARTIFACT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class SavedArtifact:
    """A file the action saved, as the result describes it."""

    name: str
    media_type: str
    file: str
    """Name within the artifacts folder."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Given to each execution of an action."""

    run_id: str = ""
    node_id: str = ""
    attempt: int = 1
    idempotency_key: str = ""
    """The same for every attempt of the same work; side effects are done once per key."""
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("commandcenter.agent"))
    """Lines appear in the run's log while the agent runs."""
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """Settings the agent declared."""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    tmp: Path = Path("/tmp")
    """A folder the action may write to; gone afterwards."""
    artifacts_folder: Path | None = None
    saved: list[SavedArtifact] = field(default_factory=list[SavedArtifact])

    def secret(self, name: str) -> str:
        """The value of a secret. Raises BadRequestError where it was not given."""
        value = self.optional_secret(name)
        if value is None:
            raise BadRequestError(
                f"no value for secret {name!r}: set COMMANDCENTER_SECRET_{name} for the worker, put a file of that "
                f"name into its secrets folder, or make a Prefect Secret block {name.lower().replace('_', '-')!r}; "
                "one that the agent's manifest does not name is to be named in the node's `secrets` as well"
            )
        return value

    def optional_secret(self, name: str) -> str | None:
        """The value of a secret, None where it was not given."""
        return self.secrets.get(name) or None

    def setting(self, name: str, default: str = "") -> str:
        """The value of a setting."""
        return self.env.get(name) or default

    def span(
        self, name: str, attributes: Mapping[str, Value] | None = None, *, kind: str = "internal"
    ) -> AbstractContextManager[dict[str, Value]]:
        """Time a part of the action; it becomes a span below the agent's in the run's trace.

        `kind`: `internal`, or `client` for a call of something else. Gives the attributes, to add to them. Names and
        texts are cut at 200 characters; at most 100 parts and 16 attributes of each are kept.
        """
        return span(name, attributes, kind=kind)

    def save_artifact(self, name: str, content: bytes, media_type: str = "application/octet-stream") -> str:
        """Save `content` beyond the run; returns the reference to put into the output."""
        if not _ARTIFACT_NAME.fullmatch(name):
            raise AgentError(
                f"artifact name {name!r} is refused: letters, digits, '.', '_' and '-' only, up to 100"
            )
        if self.artifacts_folder is None:
            raise AgentError(f"artifact {name!r} cannot be saved: this execution has no artifacts folder")
        import hashlib  # loads a library, and few actions save anything

        digest = hashlib.sha256(content).hexdigest()
        file = f"{digest[:16]}-{name}"
        (self.artifacts_folder / file).write_bytes(content)
        self.saved.append(SavedArtifact(name=name, media_type=media_type, file=file))
        return f"artifact:{digest}/{name}"
