"""notifier: a message -> Slack, Teams, Discord, e-mail or a webhook. A false `condition` sends nothing and says so.

In a workflow the agent says in the jail what is to be sent, and the platform sends it, with secrets that never enter
the jail, by the functions of this package. All channels take one shape of message (text, and if wanted title, facts,
severity) and show it as it stands: mentions, links and markup in it have no effect.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from agents.sdk import Agent, ArtifactFile, Context, LongText, Schema, ShortText, Url, bounded

if TYPE_CHECKING:
    from agents.builtin.notifier.message import Message

agent = Agent(
    name="notifier",
    type="API",
    version="1.0.0",
    risk="AUTO",
    description="Sends messages to Slack, Teams and Discord, by e-mail and to webhooks",
    network=("{SLACK_API_URL|https://slack.com/api/}", "{SMTP_HOST}:{SMTP_PORT|587}"),
    secrets=(
        "SLACK_BOT_TOKEN",
        "SMTP_USERNAME",
        "SMTP_PASSWORD",
        "TEAMS_WEBHOOK_URL",
        "DISCORD_WEBHOOK_URL",
        "WEBHOOK_SIGNING_SECRET",
        "WEBHOOK_AUTHORIZATION",
    ),
    settings=("SLACK_API_URL", "SMTP_HOST", "SMTP_PORT", "SMTP_STARTTLS", "SMTP_SECURITY", "MAIL_FROM"),
)


def _address(value: str) -> str:
    from agents.builtin.notifier.addresses import parse

    parse(value)
    return value


def _headers(value: dict[str, str]) -> dict[str, str]:
    from agents.builtin.notifier.webhook import check_headers

    check_headers(value)
    return value


def _payload(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    from agents.builtin.notifier.webhook import check_payload

    check_payload(value)
    return value


MailAddress = Annotated[str, AfterValidator(_address)]
Severity = Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
Facts = Annotated[dict[str, str], bounded(0, 50)]
MessageText = Annotated[str, bounded(1, 40_000)]


class Notice(Schema):
    """What every channel can show besides the text."""

    title: Annotated[str, bounded(0, 1000)] = ""
    facts: Facts = Field(default_factory=dict[str, str])
    """Label -> value, shown as a list."""
    severity: Severity | None = None
    condition: bool = True


class SlackInput(Notice):
    """A message to a Slack channel."""

    channel: Annotated[str, bounded(1, 200)]
    message: MessageText


class ChatInput(Notice):
    """A message to the channel behind an incoming webhook, whose address is a secret."""

    message: MessageText


class EmailInput(Notice):
    """An e-mail, in plain text and HTML."""

    recipients: Annotated[list[MailAddress], bounded(1, 100)]
    """`name@domain` or `Name <name@domain>`; each gets the mail once."""
    cc: Annotated[list[MailAddress], bounded(0, 100)] = Field(default_factory=list[str])
    subject: ShortText
    body: LongText = ""
    attachment: ArtifactFile | None = None


class WebhookInput(Schema):
    """A JSON document for an HTTP endpoint. The workflow must allow its host in the node's `network`.

    With the secret `WEBHOOK_SIGNING_SECRET` it is signed as in the Standard Webhooks specification.
    """

    url: Url
    payload: Annotated[dict[str, JsonValue], AfterValidator(_payload)]
    headers: Annotated[dict[str, str], bounded(0, 50), AfterValidator(_headers)] = Field(
        default_factory=dict[str, str]
    )
    condition: bool = True


class Delivery(Schema):
    """What became of the message."""

    message_id: str
    """The receiving side's name for the message; empty where nothing was sent."""
    channel: str
    timestamp: str
    """When it was sent, or when it was decided not to; ISO 8601, UTC."""
    sent: bool
    reason: str | None = None
    """Why nothing was sent, or who was refused by the receiving side while others got it."""


class Proposed(Schema):
    """What is to be sent, for the platform to send it; the agent itself reaches nothing."""

    proposal: dict[str, JsonValue] | None
    """None: nothing is to be sent."""
    channel: str
    timestamp: str
    reason: str | None = None


def _proposed(channel: str, inputs: Notice | WebhookInput, request: dict[str, JsonValue]) -> Proposed:
    if inputs.condition:
        return Proposed(proposal=request, channel=channel, timestamp=_now())
    return Proposed(proposal=None, channel=channel, timestamp=_now(), reason="the condition is false")


def _said(inputs: Notice, text: str) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {**inputs.facts}
    return {"text": text, "title": inputs.title, "facts": facts, "severity": inputs.severity}


def propose_slack(inputs: SlackInput, context: Context) -> Proposed:
    """A message to a Slack channel."""
    message = _said(inputs, inputs.message)
    request: dict[str, JsonValue] = {"service": "slack", "channel": inputs.channel, "message": message}
    return _proposed(inputs.channel, inputs, request)


def propose_teams(inputs: ChatInput, context: Context) -> Proposed:
    """A message to the Teams channel behind the webhook."""
    request: dict[str, JsonValue] = {"service": "teams", "message": _said(inputs, inputs.message)}
    return _proposed("teams", inputs, request)


def propose_discord(inputs: ChatInput, context: Context) -> Proposed:
    """A message to the Discord channel behind the webhook."""
    request: dict[str, JsonValue] = {"service": "discord", "message": _said(inputs, inputs.message)}
    return _proposed("discord", inputs, request)


def propose_email(inputs: EmailInput, context: Context) -> Proposed:
    """A mail. The attachment is named by the platform, which knows the reference behind the file."""
    request: dict[str, JsonValue] = {
        "recipients": list(inputs.recipients),
        "cc": list(inputs.cc),
        "subject": inputs.subject,
        "message": _said(inputs, inputs.body),
    }
    return _proposed(f"email:{','.join(inputs.recipients)}", inputs, request)


def propose_webhook(inputs: WebhookInput, context: Context) -> Proposed:
    """A document for an endpoint."""
    from agents.builtin.notifier.webhook import host_of

    headers: dict[str, JsonValue] = {**inputs.headers}
    request: dict[str, JsonValue] = {"url": inputs.url, "payload": inputs.payload, "headers": headers}
    return _proposed(f"webhook:{host_of(inputs.url)}", inputs, request)


@agent.action(
    "sendSlack", description="Post a message to a Slack channel", effect="send-chat", propose=propose_slack
)
def send_slack(inputs: SlackInput, context: Context) -> Delivery:
    """Post through Slack's web API."""
    if not inputs.condition:
        return _not_sent(inputs.channel, context)
    from agents.builtin.notifier.slack import post

    message_id, channel = post(inputs.channel, _message(inputs, inputs.message), context)
    return _sent(channel, message_id)


@agent.action(
    "sendSlackAlert", description="Post an alert to a Slack channel", effect="send-chat", propose=propose_slack
)
def send_slack_alert(inputs: SlackInput, context: Context) -> Delivery:
    """The same as sendSlack; the name under which workflows send alerts."""
    return send_slack(inputs, context)


@agent.action(
    "sendTeams",
    description="Post a message to a Microsoft Teams channel",
    effect="send-chat",
    propose=propose_teams,
)
def send_teams(inputs: ChatInput, context: Context) -> Delivery:
    """Post an adaptive card to the webhook in the secret TEAMS_WEBHOOK_URL."""
    if not inputs.condition:
        return _not_sent("teams", context)
    from agents.builtin.notifier import chat_webhooks

    key = message_key(context)
    return _sent(chat_webhooks.send_teams(_message(inputs, inputs.message), key, context), key)


@agent.action(
    "sendDiscord", description="Post a message to a Discord channel", effect="send-chat", propose=propose_discord
)
def send_discord(inputs: ChatInput, context: Context) -> Delivery:
    """Post an embed to the webhook in the secret DISCORD_WEBHOOK_URL."""
    if not inputs.condition:
        return _not_sent("discord", context)
    from agents.builtin.notifier import chat_webhooks

    key = message_key(context)
    return _sent(chat_webhooks.send_discord(_message(inputs, inputs.message), key, context), key)


@agent.action(
    "sendEmail",
    description="Send an e-mail, with an attachment if wanted",
    effect="send-mail",
    propose=propose_email,
)
def send_email(inputs: EmailInput, context: Context) -> Delivery:
    """Send over SMTP."""
    channel = f"email:{','.join(inputs.recipients)}"
    if not inputs.condition:
        return _not_sent(channel, context)
    from agents.builtin.notifier.mail import Mail, send

    mail = Mail(
        recipients=tuple(inputs.recipients),
        cc=tuple(inputs.cc),
        subject=inputs.subject,
        message=_message(inputs, inputs.body),
        attachment=inputs.attachment,
    )
    message_id, refused = send(mail, message_key(context), context)
    return _sent(channel, message_id, f"refused: {refused}" if refused else None)


@agent.action(
    "sendWebhook",
    description="POST a JSON document to an HTTP endpoint",
    effect="call-webhook",
    propose=propose_webhook,
)
def send_webhook(inputs: WebhookInput, context: Context) -> Delivery:
    """Post once, without following redirects."""
    from agents.builtin.notifier.webhook import host_of, post

    channel = f"webhook:{host_of(inputs.url)}"
    if not inputs.condition:
        return _not_sent(channel, context)
    key = message_key(context)
    post(inputs.url, inputs.payload, key, context, inputs.headers, own=True)
    return _sent(channel, key)


def _message(inputs: Notice, text: str) -> Message:
    from agents.builtin.notifier.message import Message

    return Message(text=text, title=inputs.title, facts=inputs.facts, severity=inputs.severity)


def message_key(context: Context) -> str:
    """A name for the message that is the same for every attempt at it, so that receivers can tell repeats."""
    known = context.idempotency_key or f"{context.run_id}/{context.node_id}/{datetime.now(UTC).isoformat()}"
    import hashlib

    return hashlib.sha256(known.encode()).hexdigest()[:32]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sent(channel: str, message_id: str, reason: str | None = None) -> Delivery:
    return Delivery(message_id=message_id, channel=channel, timestamp=_now(), sent=True, reason=reason)


def _not_sent(channel: str, context: Context) -> Delivery:
    context.log.info("not sent: the condition is false")
    return Delivery(message_id="", channel=channel, timestamp=_now(), sent=False, reason="the condition is false")
