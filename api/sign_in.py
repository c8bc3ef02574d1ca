"""Bearer token -> the person behind it and the one project it opens."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

_SHA256 = r"^[0-9a-f]{64}$"
_bearer = HTTPBearer(auto_error=False, description="A person's token; it opens one project.")


class PeopleError(ValueError):
    """The list of people cannot be used."""


class Person(BaseModel):
    """Somebody who may use the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    """As approvals record it."""
    projectId: int = Field(ge=1, lt=2**31)


People = Mapping[str, Person]
"""SHA-256 of a token (hex) -> who holds it. Tokens themselves are stored nowhere."""

_PEOPLE = TypeAdapter(dict[Annotated[str, Field(pattern=_SHA256)], Person])


def token_digest(token: str) -> str:
    """The name under which a token stands in the list of people."""
    return hashlib.sha256(token.encode()).hexdigest()


def load_people(path: Path) -> People:
    """The people of a JSON file `{"<sha256 of token>": {"name": …, "projectId": …}}`. Raises PeopleError."""
    try:
        return _PEOPLE.validate_json(path.read_bytes())
    except OSError as exc:
        raise PeopleError(f"the list of people {str(path)!r} cannot be read: {exc.strerror}") from exc
    except ValidationError as exc:
        first = exc.errors(include_input=False)[0]
        # A key may be a token that was put there by mistake: it is not repeated.
        place = ".".join(str(part) for part in first["loc"][1:] if part != "[key]")
        raise PeopleError(
            f"the list of people {str(path)!r} is not "
            f'{{"<sha256 of token>": {{"name", "projectId"}}}}: {place or "a key"}: {first["msg"]}'
        ) from exc


async def authenticate(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Person:
    """The person of the request's token; everything the request sees is of their project."""
    people: People = request.app.state.people
    # Looked up by digest: nothing of the comparison's time tells of the token.
    person = people.get(token_digest(credentials.credentials)) if credentials else None
    if person is None:
        raise HTTPException(
            401,
            "send the header `Authorization: Bearer <token>` with a token that is known here",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return person


Caller = Annotated[Person, Depends(authenticate)]
"""A parameter of a route that only known people may use."""
