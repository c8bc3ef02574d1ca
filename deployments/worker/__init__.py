"""Scheduled runs of a work pool in; each run to its end in this process, out: Prefect's worker type `commandcenter`."""

from deployments.worker.worker import CommandCenterWorker, CommandCenterWorkerResult

__all__ = ["CommandCenterWorker", "CommandCenterWorkerResult"]
