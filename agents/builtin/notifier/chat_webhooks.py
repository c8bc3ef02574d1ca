"""A message -> Microsoft Teams (an adaptive card) or Discord (an embed), by the incoming webhook in a secret.

The webhook's address is its own password: it comes as a secret and is told to nobody.
"""

from __future__ import annotations

import re
from typing import Any

from agents.builtin.notifier.message import COLOURS, Message, cut
from agents.builtin.notifier.webhook import host_of, post
from agents.sdk.context import Context

_MOST_TEAMS = 20_000
_MOST_TITLE, _MOST_DISCORD, _MOST_FIELDS = 256, 4096, 25
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
    body: list[dict[str, Any]] = []
    if message.heading:
        body.append(_rich(message.heading, weight="bolder", size="medium", color=colour))
    body += [_rich(line) for line in cut(message.text, _MOST_TEAMS).split("\n") if line.strip()]
    body += [_rich(f"{label}: {value}"[:1000], isSubtle=True) for label, value in message.facts.items()]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [content]}


def _rich(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def discord_message(message: Message) -> dict[str, Any]:
    """An embed; nobody is mentioned whatever the text says, and its Markdown is escaped."""
    embed: dict[str, Any] = {"description": _escaped(message.text, _MOST_DISCORD)}
    if message.heading:
        embed["title"] = _escaped(message.heading, _MOST_TITLE)
    if message.severity:
        embed["color"] = COLOURS[message.severity]
    if message.facts:
        embed["fields"] = [
            {"name": _escaped(label, 256) or "-", "value": _escaped(value, 1024) or "-", "inline": True}
            for label, value in list(message.facts.items())[:_MOST_FIELDS]
        ]
    return {
        "embeds": [embed],
        "allowed_mentions": {"parse": [], "users": [], "roles": [], "replied_user": False},
    }


def _escaped(text: str, most: int) -> str:
    """Cut first, so that no escape is cut in two."""
    full = _MARKDOWN.sub(r"\\\1", text)
    return full if len(full) <= most else _MARKDOWN.sub(r"\\\1", cut(text, most // 2))
