"""A project -> the stream of its events, and how a message of it is read.

Each publisher has a NATS account. What it sends as `graph.file.updated` arrives in the platform's account as
`commandcenter.in.<project>.<publisher>.graph.file.updated`: NATS writes both, not the publisher, so nobody can speak
for another project or under another name. What became of a project's runs goes to its publishers' accounts the same
way.
"""

from __future__ import annotations

from dataclasses import dataclass

from nats.aio.msg import Msg
from nats.js.api import StreamConfig

from records.projects.limits import ProjectLimits
from triggers.nats.streams import EVENTS, events_config

IN, OUT = "commandcenter.in", "commandcenter.out"
_OWN_TOKENS = 4


def project_stream(project_id: int) -> str:
    """Name of the stream of that project's events."""
    return f"{EVENTS}_{project_id}"


def incoming_subjects(project_id: int) -> str:
    """What a project's publishers send, in the platform's account."""
    return f"{IN}.{project_id}.>"


def incoming_prefix(project_id: int, publisher: str) -> str:
    """What the subjects of that publisher begin with, in the platform's account."""
    return f"{IN}.{project_id}.{publisher}"


def outgoing_subject(project_id: int, subject: str) -> str:
    """Where the platform tells that project, and no other, what happened."""
    return f"{OUT}.{project_id}.{subject}"


def project_config(limits: ProjectLimits) -> StreamConfig:
    """The stream of one project's events; full, it refuses the next one and tells its publisher."""
    config = events_config((incoming_subjects(limits.project_id),))
    config.name = project_stream(limits.project_id)
    config.description = f"Events of project {limits.project_id}; each stays until its runs exist"
    config.max_msgs = limits.event_messages
    config.max_bytes = limits.event_bytes
    return config


@dataclass(frozen=True, kw_only=True)
class MessageSource:
    """Where a message comes from, as NATS knows it."""

    stream: str
    """The stream's identity: its name and time of creation."""
    project_id: int | None = None
    """The project whose publisher sent it; None: the platform's own account, where the payload says it."""

    def subject(self, message: Msg) -> str:
        """The subject as the publisher wrote it."""
        if self.project_id is None:
            return message.subject
        return message.subject.split(".", _OWN_TOKENS)[-1]

    def publisher(self, message: Msg) -> str | None:
        """Name of the publisher; None where NATS does not say."""
        return None if self.project_id is None else message.subject.split(".", _OWN_TOKENS)[_OWN_TOKENS - 1]
