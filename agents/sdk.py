"""Everything an agent's author needs, in one place."""

from agents.agent import Action, Agent
from agents.context import Context
from agents.errors import AgentError, BadRequestError, TransientError
from agents.schema import ArtifactFile, Instructions, LongText, RepositoryPath, Schema, ShortText, Url, bounded

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
