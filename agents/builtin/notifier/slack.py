"""Channel and message -> a message in Slack, as blocks of plain text: mentions, links and markup have no effect."""

from __future__ import annotations

import json
import logging
import os
from http.client import HTTPException
from typing import Any, cast
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from agents.builtin.notifier.attempts import NotTakenError, deliver, retry_after
from agents.builtin.notifier.connections import Bounded
from agents.builtin.notifier.message import CUT_OFF, Message, cut
from agents.builtin.notifier.tunnel import unreachable
from agents.builtin.notifier.webhook import NoRedirects
from agents.sdk.context import Context
from agents.sdk.errors import AgentError

_PASSING = frozenset({"ratelimited", "service_unavailable", "fatal_error", "internal_error", "request_timeout"})
_MOST_TEXT, _MOST_HEADER, _MOST_FIELDS, _MOST_FACT = 3000, 150, 10, 400
_MOST_BLOCKS, _MOST_FALLBACK = 50, 40_000
_MOST_ANSWER_BYTES = 1_000_000
_ESCAPED = 5
"""Characters that one character may become."""


class _Client(WebClient):
    """Slack's client, whose urllib would follow a redirect and hand the token to the host that it names."""

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        proxies = ProxyHandler({"http": self.proxy, "https": self.proxy} if self.proxy else None)
        with (
            Bounded("Slack") as bounded,
            build_opener(NoRedirects, proxies, *bounded.handlers(self.ssl)).open(
                req, timeout=self.timeout
            ) as answer,
        ):
            body = answer.read(_MOST_ANSWER_BYTES).decode("utf-8", "replace")
            if isinstance(_json(body), list | str | int | float):
                raise SlackClientError("the answer is no JSON object")
            return {"status": answer.status, "headers": answer.headers, "body": body}


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def post(channel: str, message: Message, context: Context) -> tuple[str, str]:
    """Slack's id of the message and of the channel. Raises TransientError where another attempt may succeed."""
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)  # it logs requests, token and all, at DEBUG
    client: Any = _Client(
        token=context.secret("SLACK_BOT_TOKEN"),
        base_url=context.setting("SLACK_API_URL", "https://slack.com/api/").rstrip("/") + "/",
        proxy=os.environ.get("HTTPS_PROXY") or os.environ.get("HTTP_PROXY"),
        timeout=30,
        retry_handlers=[],
    )
    answer = deliver(lambda: _once(client, channel, message, context), context)
    message_id, place = str(answer.get("ts", "")), str(answer.get("channel") or channel)
    context.log.info("sent to Slack channel %s as %s", place, message_id)
    return message_id, place


def _once(client: Any, channel: str, message: Message, context: Context) -> Any:
    try:
        return client.chat_postMessage(
            channel=channel,
            text=_fallback(message.plain.strip() or message.body),
            blocks=blocks(message),
            parse="none",
            link_names=False,
            mrkdwn=False,
            unfurl_links=False,
            unfurl_media=False,
            metadata={
                "event_type": "commandcenter_notification",
                "event_payload": {"key": context.idempotency_key, "run": context.run_id, "node": context.node_id},
            },
        )
    except SlackApiError as exc:
        raise _refused(channel, exc) from exc
    except (URLError, OSError, HTTPException, SlackClientError) as exc:
        raise unreachable(f"Slack at {client.base_url}", exc) from exc


def _fallback(text: str) -> str:
    """What notifications and old clients show beside the blocks; Slack refuses a longer one."""
    return escaped(text if len(escaped(text)) <= _MOST_FALLBACK else cut(text, _MOST_FALLBACK // _ESCAPED))


def blocks(message: Message) -> list[dict[str, Any]]:
    """Heading, text and facts, in no more blocks than Slack takes; of the text, what is left out is said."""
    heading: list[dict[str, Any]] = []
    if message.heading:
        heading.append({"type": "header", "text": _plain(_heading(message.heading))})
    known = [cut(f"{label}: {value}", _MOST_FACT) for label, value in message.facts.items()]
    facts: list[dict[str, Any]] = [
        {"type": "section", "fields": [_plain(fact) for fact in known[at : at + _MOST_FIELDS]]}
        for at in range(0, len(known), _MOST_FIELDS)
    ]
    shown = [piece for piece in _pieces(message.body) if piece.strip()]
    room = _MOST_BLOCKS - len(heading) - len(facts)
    if len(shown) > room:
        last = shown[room - 1]
        shown[room - 1 :] = [last[: len(last) - _ESCAPED * len(CUT_OFF)] + CUT_OFF]
    return [*heading, *({"type": "section", "text": _plain(piece)} for piece in shown), *facts]


def _pieces(text: str) -> list[str]:
    """The text in pieces that Slack takes once they are escaped."""
    made, start, length = list[str](), 0, 0
    for at, char in enumerate(text):
        more = len(escaped(char))
        if length + more > _MOST_TEXT:
            made.append(text[start:at])
            start, length = at, 0
        length += more
    return [*made, text[start:]]


def _heading(text: str) -> str:
    """As much of it as Slack takes once it is escaped."""
    while len(escaped(text)) > _MOST_HEADER:
        text = text.removesuffix("…")[:-1] + "…"
    return text


def escaped(text: str) -> str:
    """Text in which Slack finds neither mentions nor links to people, channels and addresses."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text), "emoji": False}


def _refused(channel: str, error: SlackApiError) -> AgentError:
    response: Any = error.response
    code = str(response.get("error") or f"HTTP status {response.status_code}")
    sentence = f"Slack refused the message to {channel!r}: {code}"
    if code in _PASSING or response.status_code == 429 or response.status_code >= 500:
        return NotTakenError(sentence, retry_after=retry_after(_header(response.headers, "retry-after")))
    return AgentError(sentence)


def _header(headers: Any, wanted: str) -> str | None:
    """slack_sdk gives a header's values as text or as a list, under the name that the server wrote."""
    for name, value in cast("dict[str, object]", headers or {}).items():
        if name.lower() == wanted:
            values = cast("list[object]", value) if isinstance(value, list) else [value]
            return str(values[0]) if values else None
    return None
