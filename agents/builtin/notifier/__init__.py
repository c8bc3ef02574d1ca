"""notifier: a message -> Slack, e-mail or a webhook. A `condition` that is false sends nothing, and says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, JsonValue

from agents.sdk import Agent, ArtifactFile, Context, LongText, Schema, ShortText, Url, bounded

agent = Agent(
    name="notifier",
    type="API",
    version="1.0.0",
    risk="AUTO",
    description="Sends messages to Slack, by e-mail and to webhooks",
    network=("{SLACK_API_URL|https://slack.com/api/}", "{SMTP_HOST}:{SMTP_PORT|587}"),
    secrets=("SLACK_BOT_TOKEN", "SMTP_USERNAME", "SMTP_PASSWORD"),
    settings=("SLACK_API_URL", "SMTP_HOST", "SMTP_PORT", "SMTP_STARTTLS", "MAIL_FROM"),
)


def _address(value: str) -> str:
    local, at, domain = value.rpartition("@")
    plain = value.isascii() and value.isprintable() and not set(value) & set(' <>,;:"()[]\\')
    if not (plain and at and local and domain) or len(value) > 254 or value.startswith("-"):
        raise ValueError("this is not an e-mail address of the form name@domain")
    return value


class SlackInput(Schema):
    """A message to a Slack channel."""

    channel: Annotated[str, bounded(1, 200)]
    message: Annotated[str, bounded(1, 40_000)]
    """Shown as it stands: mentions, links and markup in it have no effect."""
    condition: bool = True


class EmailInput(Schema):
    """An e-mail."""

    recipients: Annotated[list[Annotated[str, AfterValidator(_address)]], bounded(1, 100)]
    subject: ShortText
    body: LongText = ""
    attachment: ArtifactFile | None = None
    condition: bool = True


class WebhookInput(Schema):
    """A JSON document for an HTTP endpoint. The workflow must allow its host in the node's `network`."""

    url: Url
    payload: dict[str, JsonValue]
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
    """Why nothing was sent."""


@agent.action("sendSlack", description="Post a message to a Slack channel")
def send_slack(inputs: SlackInput, context: Context) -> Delivery:
    """Post through Slack's web API."""
    if not inputs.condition:
        return _not_sent(inputs.channel, context)
    from agents.builtin.notifier.slack import post

    message_id, channel = post(inputs.channel, inputs.message, context)
    return _sent(channel, message_id)


@agent.action("sendSlackAlert", description="Post an alert to a Slack channel")
def send_slack_alert(inputs: SlackInput, context: Context) -> Delivery:
    """The same as sendSlack; the name under which workflows send alerts."""
    return send_slack(inputs, context)


@agent.action("sendEmail", description="Send an e-mail, with an attachment if wanted")
def send_email(inputs: EmailInput, context: Context) -> Delivery:
    """Send over SMTP."""
    channel = f"email:{','.join(inputs.recipients)}"
    if not inputs.condition:
        return _not_sent(channel, context)
    from agents.builtin.notifier.mail import Mail, send

    mail = Mail(
        recipients=tuple(inputs.recipients), subject=inputs.subject, body=inputs.body, attachment=inputs.attachment
    )
    return _sent(channel, send(mail, message_key(context), context))


@agent.action("sendWebhook", description="POST a JSON document to an HTTP endpoint")
def send_webhook(inputs: WebhookInput, context: Context) -> Delivery:
    """Post once, without following redirects."""
    from agents.builtin.notifier.webhook import host_of, post

    channel = f"webhook:{host_of(inputs.url)}"
    if not inputs.condition:
        return _not_sent(channel, context)
    key = message_key(context)
    post(inputs.url, inputs.payload, key, context)
    return _sent(channel, key)


def message_key(context: Context) -> str:
    """A name for the message that is the same for every attempt at it, so that receivers can tell repeats."""
    known = context.idempotency_key or f"{context.run_id}/{context.node_id}/{datetime.now(UTC).isoformat()}"
    import hashlib

    return hashlib.sha256(known.encode()).hexdigest()[:32]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sent(channel: str, message_id: str) -> Delivery:
    return Delivery(message_id=message_id, channel=channel, timestamp=_now(), sent=True)


def _not_sent(channel: str, context: Context) -> Delivery:
    context.log.info("not sent: the condition is false")
    return Delivery(message_id="", channel=channel, timestamp=_now(), sent=False, reason="the condition is false")
