"""NATS message -> deployment runs, exactly once; outbox -> NATS."""

from compiler.trigger_types.subjects import OUTGOING
from operations.deployment_names import deployment_name, project_name
from operations.errors import PermanentTriggerError, TransientTriggerError, TriggerError
from operations.launcher import Launcher, NotDeployed
from triggers.intake import Intake
from triggers.nats.listener import Listener
from triggers.nats.relay import Relay
from triggers.nats.stream_subjects import INCOMING, incoming
from triggers.nats.streams import CONSUMER, EVENTS, RESULTS, ensure_streams
from triggers.reconcile.maintenance import maintenance_hooks
from triggers.reconcile.reconciler import Hook, Reconciler
from triggers.reconcile.resume import ResumeDecided, resume
from triggers.reconcile.waiting_runs import TriggerRecords
from triggers.service import open_client, serve

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
    "PermanentTriggerError",
    "Reconciler",
    "Relay",
    "ResumeDecided",
    "TransientTriggerError",
    "TriggerError",
    "TriggerRecords",
    "deployment_name",
    "ensure_streams",
    "incoming",
    "maintenance_hooks",
    "open_client",
    "project_name",
    "resume",
    "serve",
]
