"""NATS message -> deployment runs, exactly once; outbox -> NATS."""

from triggers.faults import Permanent, Transient, TriggerFault
from triggers.intake import Intake
from triggers.launcher import Launcher, NotDeployed, deployment_name, project_name
from triggers.listener import Listener
from triggers.reconciler import Hook, Reconciler
from triggers.relay import Relay
from triggers.resume import ResumeDecided, resume
from triggers.service import open_client, serve
from triggers.settings import SettingsError, TriggerSettings
from triggers.streams import CONSUMER, EVENTS, RESULTS, ensure_streams
from triggers.subjects import INCOMING, OUTGOING, incoming
from triggers.upkeep import upkeep
from triggers.waiting import TriggerRecords

__all__ = [
    "CONSUMER",
    "EVENTS",
    "INCOMING",
    "OUTGOING",
    "RESULTS",
    "Hook",
    "Intake",
    "Launcher",
    "Listener",
    "NotDeployed",
    "Permanent",
    "Reconciler",
    "Relay",
    "ResumeDecided",
    "SettingsError",
    "Transient",
    "TriggerFault",
    "TriggerRecords",
    "TriggerSettings",
    "deployment_name",
    "ensure_streams",
    "incoming",
    "open_client",
    "project_name",
    "resume",
    "serve",
    "upkeep",
]
