"""A message -> Microsoft Teams (an adaptive card) or Discord (an embed), by the incoming webhook in a secret.

The webhook's address is its own password: it comes as a secret and is told to nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from agents.builtin.notifier.message import COLOURS, CUT_OFF, Message
from agents.builtin.notifier.webhook import host_of, post
from agents.sdk.context import Context

_MOST_TEAMS, _MOST_TEAMS_FACTS = 24_000, 8_000
"""Bytes: Teams refuses a message of more than 28 KB, as JSON."""
_MOST_TITLE, _MOST_DISCORD, _MOST_FIELDS, _MOST_IN_FIELDS = 256, 4096, 25, 1500
"""Characters: Discord refuses an embed of more than 6,000 in all."""
_TEAMS_COLOURS = {"INFO": "accent", "WARNING": "warning", "ERROR": "attention", "CRITICAL": "attention"}
_MARKDOWN = re.compile(r"([\\*_~`>|#\-\[\]()<:@!+=])")


def send_teams(message: Message, key: str, context: Context) -> str:
    """Where it went."""
    url = context.secret("TEAMS_WEBHOOK_URL")
    post(url, teams_card(message), key, context)
    return f"teams:{host_of(url)}"


def send_discord(message: Message, key: str, context: Context) -> str:
    """Where it went."""
    url = context.secret("DISCORD_WEBHOOK_URL")
    post(url, discord_message(message), key, context)
    return f"discord:{host_of(url)}"


def teams_card(message: Message) -> dict[str, Any]:
    """Rich text, which knows no Markdown: a TextBlock or FactSet would read `[x](https://…)` as a link."""
    colour = _TEAMS_COLOURS.get(message.severity or "", "default")
    heading = [_rich(message.heading, weight="bolder", size="medium", color=colour)] if message.heading else []
    facts = _fitting(
        (f"{label}: {value}" for label, value in message.facts.items()), _MOST_TEAMS_FACTS, isSubtle=True
    )
    lines = (line for line in message.body.split("\n") if line.strip())
    text = _fitting(lines, _MOST_TEAMS - _size(heading) - _size(facts))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [*heading, *text, *facts],
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _fitting(texts: Iterable[str], most: int, **style: Any) -> list[dict[str, Any]]:
    """A block for each, up to so many bytes of JSON; what is left out is said."""
    made: list[dict[str, Any]] = []
    room = most - _size(_rich(CUT_OFF, **style))
    for text in texts:
        block = _rich(text, **style)
        if (size := _size(block) + 2) <= room:
            made.append(block)
            room -= size
            continue
        made.append(_rich(_cut_to_bytes(text, room - size + _size(text)) + CUT_OFF, **style))
        break
    return made


def _cut_to_bytes(text: str, most: int) -> str:
    """As much of its beginning as takes so many bytes in JSON, quotes included."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _size(text[:middle]) <= most else (low, middle - 1)
    return text[:low]


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _rich(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def discord_message(message: Message) -> dict[str, Any]:
    """An embed; nobody is mentioned whatever the text says, and its Markdown is escaped."""
    embed: dict[str, Any] = {}
    if message.body:
        embed["description"] = _escaped(message.body, _MOST_DISCORD)
    if message.heading:
        embed["title"] = _escaped(message.heading, _MOST_TITLE)
    if message.severity:
        embed["color"] = COLOURS[message.severity]
    if message.facts:
        embed["fields"] = _fields(message)
    return {
        "embeds": [embed],
        "allowed_mentions": {"parse": [], "users": [], "roles": [], "replied_user": False},
    }


def _fields(message: Message) -> list[dict[str, Any]]:
    """The facts, as many as Discord takes; that there are more is said."""
    made: list[dict[str, Any]] = []
    room = _MOST_IN_FIELDS - 2 * len(CUT_OFF)
    for label, value in message.facts.items():
        name, shown = _escaped(label, 256) or "-", _escaped(value, 1024) or "-"
        room -= len(name) + len(shown)
        if room < 0 or len(made) == _MOST_FIELDS - 1 < len(message.facts) - 1:
            made.append({"name": "…", "value": f"{len(message.facts) - len(made)} more", "inline": True})
            break
        made.append({"name": name, "value": shown, "inline": True})
    return made


def _escaped(text: str, most: int) -> str:
    """Escaped and at most so long, with no escape cut in two; what is left out is said."""
    parts = [_MARKDOWN.sub(r"\\\1", char) for char in text[:most]]
    if len(text) <= most and sum(map(len, parts)) <= most:
        return "".join(parts)
    kept, room = "", most - len(CUT_OFF)
    for part in parts:
        if len(kept) + len(part) > room:
            break
        kept += part
    return kept + CUT_OFF
