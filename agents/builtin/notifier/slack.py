"""Channel and text -> a message in Slack, its text inert."""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from agents.builtin.notifier.tunnel import unreachable
from agents.sdk.context import Context
from agents.sdk.errors import AgentError, TransientError

_PASSING = frozenset({"ratelimited", "service_unavailable", "fatal_error", "internal_error", "request_timeout"})


def post(channel: str, message: str, context: Context) -> tuple[str, str]:
    """Slack's id of the message and of the channel. Raises TransientError where another attempt may succeed."""
    logging.getLogger("slack_sdk").setLevel(logging.CRITICAL)  # it logs requests, token and all, at DEBUG
    client: Any = WebClient(
        token=context.secret("SLACK_BOT_TOKEN"),
        base_url=context.setting("SLACK_API_URL", "https://slack.com/api/").rstrip("/") + "/",
        proxy=os.environ.get("HTTPS_PROXY") or os.environ.get("HTTP_PROXY"),
        timeout=30,
        retry_handlers=[],
    )
    try:
        answer = client.chat_postMessage(
            channel=channel,
            text=inert(message),
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
    except (URLError, OSError, SlackClientError) as exc:
        raise unreachable(f"Slack at {client.base_url}", exc) from exc
    message_id, place = str(answer.get("ts", "")), str(answer.get("channel") or channel)
    context.log.info("sent to Slack channel %s as %s", place, message_id)
    return message_id, place


def inert(text: str) -> str:
    """Text in which Slack finds neither mentions nor links to people, channels and addresses."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _refused(channel: str, error: SlackApiError) -> AgentError:
    response: Any = error.response
    code = str(response.get("error") or f"HTTP status {response.status_code}")
    sentence = f"Slack refused the message to {channel!r}: {code}"
    if code in _PASSING or response.status_code == 429 or response.status_code >= 500:
        return TransientError(sentence)
    return AgentError(sentence)
