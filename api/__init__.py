"""HTTP: agents, workflows, runs, approvals."""

from api.app import create_app
from api.people import People, PeopleError, Person, load_people, token_digest
from api.server import serve

__all__ = ["People", "PeopleError", "Person", "create_app", "load_people", "serve", "token_digest"]
