"""Browser sessions: begin, choose a project, end; and who one is."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.browser import clear_cookie, session_of, set_cookie
from api.context import Platform
from api.rights import Right, may
from api.schemas import Problem, ResponseModel
from api.sign_in import Caller, SignedIn, SignIn, refuse_other_pages, signed_in
from operations.people import begin_session, choose_project, end_session
from records.people.person import ROLES, NotSignedIn, Role

router = APIRouter(tags=["people"])


class SessionBody(BaseModel):
    """What a browser signs in with."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=500, description="A personal token, or that of a sign-in link.")
    projectId: int | None = Field(default=None, ge=1, lt=2**31, description="The project to look at first.")


class ProjectBody(BaseModel):
    """Another project to look at."""

    model_config = ConfigDict(extra="forbid")

    projectId: int = Field(ge=1, lt=2**31)


class ProjectRoles(ResponseModel):
    """One project that is open to the person."""

    project_id: int
    role: Role = Field(description="The one that may do most.")
    roles: list[Role]


class MeAnswer(ResponseModel):
    """Who is signed in."""

    name: str
    project_id: int
    role: Role = Field(description="In that project; the one that may do most.")
    roles: list[Role]
    may: list[str] = Field(description="Of read, author, operate, approve, admin: what the routes let you do.")
    projects: list[ProjectRoles]

    @classmethod
    def of(cls, person: SignedIn) -> MeAnswer:
        """The person as JSON."""
        rights = (Right.READ, Right.AUTHOR, Right.OPERATE, Right.APPROVE, Right.ADMIN)
        return cls(
            name=person.name,
            project_id=person.projectId,
            role=_highest(person.roles),
            roles=list(person.roles),
            may=[right.value for right in rights if may(person.roles, right)],
            projects=[
                ProjectRoles(project_id=project, role=_highest(roles), roles=list(roles))
                for project, roles in sorted(person.projects.items())
            ],
        )


@router.post(
    "/session",
    status_code=201,
    summary="Sign a browser in",
    dependencies=[Depends(refuse_other_pages)],
    responses={403: {"model": Problem, "description": "A page of another address asks."}},
)
async def sign_in(body: SessionBody, request: Request, response: Response, platform: Platform) -> MeAnswer:
    """Gives the browser a cookie that no script can read, for 12 hours. A sign-in link works once."""
    known: SignIn = request.app.state.sign_in
    if known.listed(body.token) is not None:
        raise HTTPException(
            422, "a token of the JSON file begins no session: make one with `commandcenter tokens add`"
        )
    begun = await begin_session(body.token, records=platform.records, project_id=body.projectId)
    if isinstance(begun, NotSignedIn):
        raise known.refused(request, begun)
    former = session_of(request)
    if former is not None:
        await end_session(former, records=platform.records)
    set_cookie(request, response, begun.text, expires_at=begun.expires_at)
    response.headers["Cache-Control"] = "no-store"
    return MeAnswer.of(signed_in(begun.identity, by_session=True))


@router.patch("/session", summary="Look at another project", responses={403: {"model": Problem}})
async def change_project(body: ProjectBody, request: Request, caller: Caller, platform: Platform) -> MeAnswer:
    """For a browser's session; with a token, send the header `X-Project` instead."""
    session = session_of(request)
    if not caller.by_session or session is None:
        raise HTTPException(422, "you are not signed in by a session: send the header X-Project instead")
    if body.projectId not in caller.projects:
        raise HTTPException(403, f"you have no role in project {body.projectId}")
    await choose_project(session, body.projectId, records=platform.records)
    roles = caller.projects[body.projectId]
    return MeAnswer.of(caller.model_copy(update={"projectId": body.projectId, "roles": roles}))


@router.delete(
    "/session", status_code=204, summary="Sign a browser out", dependencies=[Depends(refuse_other_pages)]
)
async def sign_out(request: Request, response: Response, platform: Platform) -> None:
    """Ends the session, wherever its cookie was copied to. Without one nothing happens."""
    session = session_of(request)
    if session is not None:
        await end_session(session, records=platform.records)
    clear_cookie(request, response)


@router.get("/me", summary="Show who is signed in")
async def show_me(caller: Caller, response: Response) -> MeAnswer:
    """Name, project and roles, and the other projects that are open."""
    response.headers["Cache-Control"] = "no-store"
    return MeAnswer.of(caller)


def _highest(roles: tuple[Role, ...]) -> Role:
    return max(roles, key=ROLES.index)
