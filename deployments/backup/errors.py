"""What can go wrong with a backup; the text is meant for the person at the terminal."""

from deployments.errors import DeploymentError


class BackupFailed(DeploymentError):
    """No backup was made: there is no file or folder of that name."""


class RestoreRefused(DeploymentError):
    """Nothing was restored, and nothing was changed."""
