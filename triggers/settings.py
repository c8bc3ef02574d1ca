"""Environment -> the addresses the triggers need."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from operations.event import MAX_BYTES, MAX_DEPTH
from records.database.connections import default_database_url
from reliability.plaintext import PlaintextRefused, refuse_plaintext
from triggers.nats.listener import AT_ONCE


class SettingsError(ValueError):
    """An environment variable has a value that cannot be used."""


class TriggerSettings(BaseSettings):
    """Where NATS, Prefect and the records are, and how much one event may weigh."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    nats_url: str = Field(default="nats://127.0.0.1:4222", validation_alias="NATS_URL")
    prefect_api_url: str = Field(default="http://127.0.0.1:4200/api", validation_alias="PREFECT_API_URL")
    database_url: str = Field(default_factory=default_database_url, validation_alias="DATABASE_URL")
    max_event_bytes: int = Field(default=MAX_BYTES, gt=0, validation_alias="COMMANDCENTER_MAX_EVENT_BYTES")
    max_event_depth: int = Field(default=MAX_DEPTH, gt=0, validation_alias="COMMANDCENTER_MAX_EVENT_DEPTH")
    events_at_once: int = Field(default=AT_ONCE, gt=0, validation_alias="COMMANDCENTER_EVENTS_AT_ONCE")
    ready_file: Path | None = Field(default=None, validation_alias="COMMANDCENTER_READY_FILE")
    """Created once events are taken, for whoever started the process."""
    refresh_seconds: float = Field(default=5.0, gt=0, validation_alias="COMMANDCENTER_SUBJECTS_REFRESH_SECONDS")
    """How often the events stream is brought in line with what the active workflows listen to."""

    @classmethod
    def load(cls) -> TriggerSettings:
        """The settings of this process's environment. Raises SettingsError."""
        try:
            settings = cls()
            refuse_plaintext(settings.nats_url, "nats")
            refuse_plaintext(settings.prefect_api_url, "prefect")
            return settings
        except PlaintextRefused as exc:
            raise SettingsError(str(exc)) from exc
        except ValidationError as exc:
            first = exc.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise SettingsError(f"the environment variable {name} cannot be used: {first['msg']}") from exc
