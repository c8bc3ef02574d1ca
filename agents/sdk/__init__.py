"""Typed functions of an agent's author in; actions with schemas, called with a context, out."""

from agents.sdk.agent import Action, Agent
from agents.sdk.context import Context
from agents.sdk.errors import AgentError, BadRequestError, TransientError
from agents.sdk.schema import ArtifactFile, Instructions, LongText, RepositoryPath, Schema, ShortText, Url, bounded

__all__ = [
    "Action",
    "Agent",
    "AgentError",
    "ArtifactFile",
    "BadRequestError",
    "Context",
    "Instructions",
    "LongText",
    "RepositoryPath",
    "Schema",
    "ShortText",
    "TransientError",
    "Url",
    "bounded",
]
