"""A request's token or session cookie -> the person behind it, their project and roles; and whether they may."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from api.browser import comes_from_elsewhere, may_use_cookie, session_of
from api.rights import ALLOWED, Right, may, right_of
from operations.people import identify, identify_session, token_digest
from records import Records
from records.people.person import Identity, NotSignedIn, Role
from reliability.failed_sign_ins import FailedSignIns
from tasks.safe_text import safe_text

_SHA256 = r"^[0-9a-f]{64}$"
_bearer = HTTPBearer(auto_error=False, description="A person's token.")
PROJECT_HEADER = "X-Project"
_SHOW_TOKEN = "send the header `Authorization: Bearer <token>` with a token that is known here, and not expired"


_MAX_REASON = 300


class PeopleError(ValueError):
    """The list of people cannot be used."""


class Person(BaseModel):
    """Somebody who may use the API, in one project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    """As approvals record it."""
    projectId: int = Field(ge=1, lt=2**31)
    roles: tuple[Role, ...] = Field(default=("admin",), min_length=1)
    """In that project."""


class SignedIn(Person):
    """The person of a request, with all that the token or session opens."""

    projects: dict[int, tuple[Role, ...]]
    """Project -> roles, `projectId` among them."""
    by_session: bool = False
    """Whether a browser's cookie says so."""


People = Mapping[str, Person]
"""SHA-256 of a token (hex) -> who holds it. Tokens themselves are stored nowhere."""

_PEOPLE = TypeAdapter(dict[Annotated[str, Field(pattern=_SHA256)], Person])


def load_people(path: Path) -> People:
    """The people of a JSON file `{"<sha256 of token>": {"name": …, "projectId": …, "roles": […]}}`.

    Without `roles` somebody is admin. Raises PeopleError.
    """
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


class SignIn:
    """Knows people by tokens of the file and of the records; kept in `app.state.sign_in`."""

    def __init__(self, records: Records, people: People, failures: FailedSignIns | None = None) -> None:
        self._records = records
        self._people = people
        self._failures = failures or FailedSignIns()

    async def by_token(self, request: Request, token: str) -> Identity:
        """Whose token it is. Raises 401, and 429 after too many failures."""
        # Looked up by digest: nothing of the comparison's time tells of the token.
        known = self.listed(token)
        found = known or await identify(token, records=self._records)
        if isinstance(found, NotSignedIn):
            raise self.refused(request, found)
        return found

    async def by_session(self, request: Request, session: str) -> Identity:
        """Whose session it is. Raises 401, and 403 where another page than ours uses it."""
        if not may_use_cookie(request):
            raise HTTPException(
                403, "a browser's session counts only for pages of this address: the request comes from elsewhere"
            )
        found = await identify_session(session, records=self._records)
        if isinstance(found, NotSignedIn):
            raise _unauthorised("your session has ended: sign in again")
        return found

    def listed(self, token: str) -> Identity | None:
        """Whose token it is by the file."""
        person = self._people.get(token_digest(token))
        if person is None:
            return None
        return Identity(name=person.name, roles={person.projectId: person.roles}, token_id="")

    def waits(self, request: Request) -> int | None:
        """Seconds that whoever asks must wait, after too many failures; None: they may go on."""
        return self._failures.waits(_address(request))

    def failed(self, request: Request, reason: str, told: str) -> HTTPException:
        """The answer `told` to a sign-in that failed for that reason; counted and logged."""
        return self._counted(request, " ".join(safe_text(reason, limit=_MAX_REASON).split()), told)

    def refused(self, request: Request, found: NotSignedIn) -> HTTPException:
        """The answer to a token that opens nothing; counted and logged."""
        return self._counted(request, found.reason, _SHOW_TOKEN, token_id=found.token_id)

    def _counted(self, request: Request, reason: str, told: str, *, token_id: str | None = None) -> HTTPException:
        wait = self._failures.add(_address(request), reason, token_id=token_id)
        if wait is None:
            return _unauthorised(told)
        return HTTPException(
            429, "too many failed sign-ins from your address: wait", headers={"Retry-After": str(wait)}
        )


async def authorise(request: Request) -> SignedIn | None:
    """Who asks, if they may use the route; None where nobody has to sign in. The same for every route of the app."""
    route = request.scope.get("route")
    right = right_of(request.method, getattr(route, "path", ""))
    if right is Right.OPEN:
        return None
    identity, by_session = await _identity(request)
    person = _in_project(request, identity, by_session=by_session)
    if not may(person.roles, right):
        needed = " or ".join(sorted(ALLOWED[right]))
        raise HTTPException(
            403,
            f"in project {person.projectId} you are {', '.join(person.roles)}; this needs {needed}",
        )
    return person


async def current_person(
    person: Annotated[SignedIn | None, Depends(authorise)],
    _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> SignedIn:
    """The person of the request; everything the request sees is of their project."""
    if person is None:
        raise _unauthorised("sign in first")
    return person


Caller = Annotated[SignedIn, Depends(current_person)]
"""A parameter of a route that only known people may use."""


def refuse_other_pages(request: Request) -> None:
    """Raises 403 where the browser says that a page of another origin asks."""
    if comes_from_elsewhere(request):
        raise HTTPException(403, "the request comes from a page of another address")


async def _identity(request: Request) -> tuple[Identity, bool]:
    sign_in: SignIn = request.app.state.sign_in
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return await sign_in.by_token(request, token.strip()), False
    session = session_of(request)
    if session is not None and "authorization" not in request.headers:
        return await sign_in.by_session(request, session), True
    raise _unauthorised(_SHOW_TOKEN)


def _in_project(request: Request, identity: Identity, *, by_session: bool) -> SignedIn:
    """The person in the project that the request names, the session has chosen, or that comes first."""
    named = request.headers.get(PROJECT_HEADER)
    if named is not None and not (named.isascii() and named.isdigit() and int(named) in identity.roles):
        raise HTTPException(403, f"the header {PROJECT_HEADER} names a project that you have no role in")
    return signed_in(identity, int(named) if named else None, by_session=by_session)


def signed_in(identity: Identity, project: int | None = None, *, by_session: bool) -> SignedIn:
    """The person in that project; None: in the one that the session has chosen, or that comes first."""
    project = project or identity.project_id or min(identity.roles)
    return SignedIn(
        name=identity.name,
        projectId=project,
        roles=identity.roles[project],
        projects=dict(identity.roles),
        by_session=by_session,
    )


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _unauthorised(detail: str) -> HTTPException:
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
