"""HTTP requests of signed-in people in; JSON about agents, workflows, runs and approvals, and acts on them, out."""

from api.app import create_app
from api.server import serve, serving
from api.sign_in import People, PeopleError, Person, load_people
from operations.people import token_digest

__all__ = ["People", "PeopleError", "Person", "create_app", "load_people", "serve", "serving", "token_digest"]
