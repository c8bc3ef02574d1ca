"""A name and a text -> a file that is kept with the run, as `artifact:…`."""

from __future__ import annotations

import re
from typing import Any, cast

from agents.effects.effect import EffectContext, EffectError, EffectSpec, Request, ReturnedProposal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MEDIA_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9.+-]{1,100}(; charset=utf-8)?")
_MOST = 500_000


def request_of(proposed: ReturnedProposal) -> Request | None:
    """Name, content as text, media type."""
    given = proposed.result.get("proposal")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise EffectError("what is proposed is not a JSON object with `name` and `content`")
    wanted = cast("dict[str, Any]", given)
    name, content = wanted.get("name"), wanted.get("content")
    media_type = wanted.get("mediaType", "text/plain; charset=utf-8")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise EffectError(f"file name {name!r:.120} is refused: letters, digits, '.', '_' and '-' only, up to 100")
    if not isinstance(content, str) or len(content) > _MOST:
        raise EffectError(f"the content of {name!r} is no text of at most {_MOST:,} characters")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
        raise EffectError(f"media type {media_type!r:.120} of {name!r} is refused: write for example 'text/plain'")
    return {"name": name, "content": content, "mediaType": media_type}


async def write(request: Request, context: EffectContext) -> dict[str, Any]:
    """Save it. The same bytes under the same name are one artifact of the run."""
    content = str(request["content"]).encode("utf-8", "replace")
    return {"artifact": await context.save(request["name"], content, request["mediaType"])}


def not_written(proposed: ReturnedProposal) -> dict[str, Any]:
    """The output where there is nothing to save."""
    return {"artifact": ""}


WRITE_ARTIFACT = EffectSpec(
    name="write-artifact",
    propose=request_of,
    perform=write,
    nothing=not_written,
    consumed=frozenset({"proposal"}),
)
