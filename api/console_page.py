"""The web console below `/console`: the built bundle, under a policy that runs no script but the bundle's.

`make console` builds it into `api/console_bundle/`; a wheel carries it. Every address below `/console` that is no file
answers with the page, which shows what the address names: a link to an approval can be opened in a new tab.
"""

from __future__ import annotations

import html
import mimetypes
import secrets
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException, Request, Response

router = APIRouter(prefix="/console", include_in_schema=False)
front_door = APIRouter(include_in_schema=False)

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
# File names in `assets/` hold a digest of their content.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN = {"Cache-Control": "no-cache"}
_NOT_BUILT = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>CommandCenter</title></head>
<body>
<main>
<h1>The console is not built here</h1>
<p>In a checkout, run <code>make console</code>. It needs the npm registry once; without it, what is built elsewhere
can be copied to <code>api/console_bundle/</code>. The command line and the <a href="docs">HTTP API</a> work without
the console.</p>
</main>
</body>
</html>
"""


@front_door.get("/")
async def show_front_door(request: Request) -> Response:
    """Lead a browser to the console. 404 for a program, which has nothing to do here."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404, "there is nothing at this address: the API's reference is at /docs")
    return Response(status_code=307, headers={"Location": f"{request.scope.get('root_path', '')}/console"})


def policy(nonce: str) -> Mapping[str, str]:
    """The headers of the page. Styles that the editor makes at run time carry the nonce; scripts have no such way."""
    return {
        **_ASK_AGAIN,
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' data:; "
            f"font-src 'self'; style-src 'self' 'nonce-{nonce}'; base-uri 'self'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
    }


@router.get("")
@router.get("/{path:path}")
async def show_console(request: Request, path: str = "") -> Response:
    """A file of the bundle, or the page. 404 for a file that it does not have; 503 where it is not built."""
    bundle = files("api") / "console_bundle"
    page = bundle / "index.html"
    if not page.is_file():
        return Response(
            _NOT_BUILT, 503, media_type="text/html; charset=utf-8", headers=dict(policy(secrets.token_urlsafe(16)))
        )
    if path.startswith("assets/") or (path and "/" not in path and "." in path):
        return _file(bundle, path)
    base = f"{request.scope.get('root_path', '')}/console/"
    nonce = secrets.token_urlsafe(16)
    # The browser hides the attribute `nonce` from scripts that read markup; libraries read it as a property.
    head = f'<base href="{html.escape(base)}">\n<meta property="csp-nonce" nonce="{nonce}">'
    text = page.read_text(encoding="utf-8").replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{head}', 1)
    return Response(text, media_type="text/html; charset=utf-8", headers=dict(policy(nonce)))


def _file(bundle: Traversable, path: str) -> Response:
    parts = path.split("/")
    found = bundle.joinpath(*parts) if all(part not in ("", ".", "..") for part in parts) else None
    kind = _TYPES.get("." + parts[-1].rpartition(".")[2]) or mimetypes.guess_type(parts[-1])[0]
    if found is None or not found.is_file() or kind is None or path == "manifest.json":
        raise HTTPException(404, "the console has no such file")
    headers = _FOR_EVER if parts[0] == "assets" else _ASK_AGAIN
    return Response(found.read_bytes(), media_type=kind, headers=headers)
