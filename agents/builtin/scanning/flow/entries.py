"""Parameters that a framework fills from a request, and names that it gives to what it passes."""

from __future__ import annotations

import re

from agents.builtin.scanning.flow.tree import Attr, Call, Const, Expr, Function, Name, Param

_VERBS = frozenset({"route", "get", "post", "put", "delete", "patch", "websocket", "api_route"})
_JAVA = frozenset(
    {"RequestParam", "PathVariable", "RequestBody", "RequestHeader", "CookieValue", "ModelAttribute", "QueryParam"}
    | {"PathParam", "FormParam", "HeaderParam", "MatrixVariable", "RequestPart", "CookieParam"}
)
_CSHARP = frozenset(
    {
        "HttpGet",
        "HttpPost",
        "HttpPut",
        "HttpDelete",
        "HttpPatch",
        "Route",
        "FromQuery",
        "FromBody",
        "FromRoute",
        "FromForm",
    }
)
_NEST = frozenset({"Body", "Query", "Param", "Headers", "Req", "UploadedFile"})
_NUMBERS = re.compile(
    r"(?i)^(Optional\[)?(int|integer|long|float|double|bool|boolean|short|byte|number|(uuid\.)?UUID|Guid|DateTime|LocalDate)\b"
)
_TYPES = {
    "HttpServletRequest": "request",
    "*http.Request": "r",
    "http.ResponseWriter": "w",
    "*gin.Context": "c",
    "echo.Context": "c",
    "*fiber.Ctx": "c",
    "HttpServletResponse": "response",
    "Request": "request",
    "HttpRequest": "request",
    "express.Request": "req",
    "express.Response": "res",
    "Response": "res",
    "NextApiRequest": "req",
    "NextRequest": "req",
    "NextApiResponse": "res",
}
HANDLERS = frozenset({"get", "post", "put", "delete", "patch", "all", "use", "head", "options", "route", "param"})
"""Methods of a router that take a function of request and response."""


def filled(language: str, function: Function) -> frozenset[str]:
    """Names of parameters whose values a visitor chooses."""
    if language == "python":
        names = _python(function)
    elif language == "java":
        names = [one.name for one in function.params if any(last(mark) in _JAVA for mark in one.marks)]
    elif language == "csharp":
        names = _csharp(function)
    elif language == "javascript":
        names = [one.name for one in function.params if any(last(mark) in _NEST for mark in one.marks)]
    else:
        names = []
    typed = {one.name for one in function.params if _NUMBERS.match(one.type)} | numbered(function)
    return frozenset(names) - typed


_CONVERTED = re.compile(r"<(?:int|float|uuid)(?:\([^)]*\))?:(\w+)>")


def numbered(function: Function) -> set[str]:
    """Parameters that the route itself makes numbers, as in `/page/<int:page>`."""
    return {
        name
        for mark in function.marks
        if isinstance(mark, Call)
        for one in mark.args
        if isinstance(one, Const) and isinstance(one.value, str)
        for name in _CONVERTED.findall(one.value)
    }


def _python(function: Function) -> list[str]:
    params = [one for one in function.params if one.name not in ("self", "cls")]
    if any(
        isinstance(mark, Call) and last(mark) in _VERBS and isinstance(mark.func, Attr) for mark in function.marks
    ):
        return [
            one.name for one in params if not (isinstance(one.default, Call) and last(one.default) == "Depends")
        ]
    if params and params[0].name == "request" and not params[0].type.startswith("pytest"):
        return [one.name for one in params[1:] if one.default is None and not one.many]
    return []


_MAPPED = re.compile(r"^Map(?:Get|Post|Put|Delete|Patch|Methods)$")
_SENT = re.compile(
    r"^(?:string|IFormFile|IFormCollection|List<string>|\w*(?:Request|Dto|DTO|Command|Model|Input|Form|Payload))\b"
)


def mapped(name: str, function: Function) -> frozenset[str]:
    """Parameters that are sent, of a function that a route is mapped to: `app.MapGet("/a", (string name) => …)`."""
    if not _MAPPED.match(name):
        return frozenset()
    return frozenset(
        one.name for one in function.params if _SENT.match(one.type) and not one.type.startswith("Http")
    )


def _csharp(function: Function) -> list[str]:
    owner = function.owner
    if function.name == "__init__" or (owner is not None and function.name == owner.name):
        return []  # what a constructor gets are parts of the program
    is_page = owner is not None and any(re.search(r"Controller(Base)?$|PageModel$", base) for base in owner.bases)
    if not is_page and not any(last(mark) in _CSHARP for mark in function.marks):
        return [one.name for one in function.params if any(last(mark) in _CSHARP for mark in one.marks)]
    return [
        one.name
        for one in function.params
        if not _PARTS.match(one.type)
        and not any(last(mark) in ("FromServices", "FromKeyedServices") for mark in one.marks)
    ]


_PARTS = re.compile(
    r"^(?:I(?!Form|Enumerable|List|Collection|Dictionary|Read)[A-Z]\w+|CancellationToken|HttpContext|ILogger)\b"
)
"""Types of what a program hands itself."""


def last(mark: Expr) -> str:
    """The last name of a decorator or annotation."""
    if isinstance(mark, Call):
        mark = mark.func
    return mark.name if isinstance(mark, Name | Attr) else ""


def standard_name(param: Param) -> str:
    """What rules call a parameter of this type; empty where the type says nothing."""
    return _TYPES.get(param.type.split("<")[0], "")
