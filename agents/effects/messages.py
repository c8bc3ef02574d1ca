"""A message, a mail or a document that an agent proposed -> sent by the notifier's own functions, once for each key.

They run here on the platform's side, with secrets that were in no jail. What is sent carries the effect's key: as
Message-ID, as `Idempotency-Key`, as metadata. A receiver can so tell a repeat after a crash from a second message.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies

from pydantic import BaseModel, ValidationError

from agents.builtin import notifier
from agents.builtin.notifier.connections import Check, checked_by
from agents.effects.effect import (
    EffectContext,
    EffectError,
    EffectSpec,
    Request,
    ReturnedProposal,
    TransientEffectError,
)
from agents.effects.hosts import require_address, require_host
from agents.sdk.agent import explain
from agents.sdk.context import Context
from agents.sdk.errors import AgentError, TransientError

_PORTS = {"http": 80, "https": 443}
_CHATS: Mapping[str, tuple[type[BaseModel], Callable[[Any, Context], notifier.Delivery], str | None]] = {
    "slack": (notifier.SlackInput, notifier.send_slack, None),
    "teams": (notifier.ChatInput, notifier.send_teams, "TEAMS_WEBHOOK_URL"),
    "discord": (notifier.ChatInput, notifier.send_discord, "DISCORD_WEBHOOK_URL"),
}
"""Service -> what it takes, what sends it, the secret that holds its address."""
_DELIVERED = frozenset({"proposal", "channel", "timestamp", "reason"})


def chat_of(proposed: ReturnedProposal) -> Request | None:
    """Service, channel where it has some, message."""
    given = _given(proposed)
    if given is None:
        return None
    service = str(given.get("service"))
    if service not in _CHATS:
        raise EffectError(f"chat service {service!r:.60} is not one of {', '.join(_CHATS)}")
    checked = _checked(_CHATS[service][0], _chat_inputs(given))
    channel = {"channel": checked["channel"]} if "channel" in checked else {}
    return {"service": service, **channel, "message": _message(checked, checked["message"])}


def mail_of(proposed: ReturnedProposal) -> Request | None:
    """Recipients, subject, message, and the artifact that the inputs of the action name."""
    given = _given(proposed)
    if given is None:
        return None
    attachment = given.get("attachment") or proposed.inputs.get("attachment")
    checked = _checked(notifier.EmailInput, _mail_inputs({**given, "attachment": attachment}))
    if attachment is not None and not str(attachment).startswith("artifact:"):
        raise EffectError(
            f"attachment {attachment!r:.200} is no artifact: give the output of a node that saves a file"
        )
    return {
        "recipients": checked["recipients"],
        "cc": checked["cc"],
        "subject": checked["subject"],
        "attachment": attachment,
        "message": _message(checked, checked["body"]),
    }


def webhook_of(proposed: ReturnedProposal) -> Request | None:
    """Address, document, headers."""
    given = _given(proposed)
    if given is None:
        return None
    checked = _checked(notifier.WebhookInput, given)
    _host_and_port(checked["url"])
    return {name: checked[name] for name in ("url", "payload", "headers")}


async def send_chat(request: Request, context: EffectContext) -> dict[str, Any]:
    """Post it to the service."""
    model, send, address = _CHATS[request["service"]]
    if address is None:
        url = context.settings.get("SLACK_API_URL") or "https://slack.com/api/"
    else:
        url = context.secrets.get(address, "")
    if url:
        await asyncio.to_thread(require_host, *_host_and_port(url), context.hosts)
    return await _send(model, _chat_inputs(request), send, context)


async def send_mail(request: Request, context: EffectContext) -> dict[str, Any]:
    """Hand it to the SMTP server of the settings."""
    if host := context.settings.get("SMTP_HOST"):
        port = context.settings.get("SMTP_PORT") or "587"
        if not port.isdecimal():
            raise EffectError(f"setting 'SMTP_PORT' is {port[:40]!r}, which is no port number")
        await asyncio.to_thread(require_host, host, int(port), context.hosts)
    inputs = _mail_inputs(request)
    with tempfile.TemporaryDirectory(prefix="attachment-") as folder:
        if (reference := request.get("attachment")) is not None:
            file = Path(folder, Path(str(reference)).name or "file")
            file.write_bytes(await context.artifact(str(reference)))
            inputs["attachment"] = str(file)
        return await _send(notifier.EmailInput, inputs, notifier.send_email, context)


async def call_webhook(request: Request, context: EffectContext) -> dict[str, Any]:
    """POST it, without following redirects."""
    await asyncio.to_thread(require_host, *_host_and_port(request["url"]), context.hosts)
    return await _send(notifier.WebhookInput, request, notifier.send_webhook, context)


def not_sent(proposed: ReturnedProposal) -> dict[str, Any]:
    """The output where nothing is to be sent."""
    result = proposed.result
    return {
        "messageId": "",
        "channel": str(result.get("channel", "")),
        "timestamp": str(result.get("timestamp", "")),
        "sent": False,
        "reason": result.get("reason") or "nothing was proposed",
    }


async def _send(
    model: type[BaseModel],
    inputs: Mapping[str, Any],
    send: Callable[[Any, Context], notifier.Delivery],
    context: EffectContext,
) -> dict[str, Any]:
    """Sent from a thread: the notifier waits where a receiver asks it to."""
    sender = Context(
        run_id=context.run_id,
        node_id=context.node_id,
        idempotency_key=context.key,
        log=cast("Any", context.log),
        env=context.settings,
        secrets=context.secrets,
    )
    try:
        with checked_by(_check_of(context.hosts)):
            delivery = await asyncio.to_thread(send, model.model_validate(inputs), sender)
    except TransientError as exc:
        raise TransientEffectError(str(exc)) from exc
    except (AgentError, ValidationError) as exc:
        raise EffectError(str(exc)) from exc
    return delivery.model_dump(mode="json", by_alias=True)


def _check_of(hosts: Sequence[str]) -> Check:
    """What is asked of each connection that the notifier makes here; the operator's own proxy is asked nothing."""
    proxies = {urlsplit(address).hostname for address in getproxies().values()}

    def check(host: str, port: int, address: str) -> None:
        if host not in proxies:
            require_address(host, port, address, hosts)

    return check


def _given(proposed: ReturnedProposal) -> dict[str, Any] | None:
    given = proposed.result.get("proposal")
    if given is not None and not isinstance(given, dict):
        raise EffectError("what is proposed is not a JSON object")
    return cast("dict[str, Any] | None", given)


def _checked(model: type[BaseModel], inputs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return model.model_validate(inputs).model_dump(mode="json", by_alias=True)
    except ValidationError as exc:
        raise EffectError(f"what is proposed is refused: {explain(exc)}") from exc


def _said(request: Mapping[str, Any]) -> dict[str, Any]:
    message = request.get("message")
    if not isinstance(message, dict):
        raise EffectError("what is proposed has no `message` with a `text`")
    return dict(cast("dict[str, Any]", message))


def _chat_inputs(request: Mapping[str, Any]) -> dict[str, Any]:
    message = _said(request)
    text = message.pop("text", None)
    channel = {"channel": request["channel"]} if "channel" in request else {}
    return {**channel, "message": text, **message}


def _mail_inputs(request: Mapping[str, Any]) -> dict[str, Any]:
    message = _said(request)
    text = message.pop("text", "")
    rest = {name: value for name, value in request.items() if name != "message" and value is not None}
    return {**rest, "body": text, **message}


def _message(checked: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {"text": text, **{name: checked[name] for name in ("title", "facts", "severity")}}


def _host_and_port(url: str) -> tuple[str, int]:
    from agents.builtin.notifier.webhook import host_of

    try:
        host_of(url)
    except AgentError as exc:
        raise EffectError(str(exc)) from exc
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


SEND_CHAT = EffectSpec(
    name="send-chat",
    propose=chat_of,
    perform=send_chat,
    nothing=not_sent,
    consumed=_DELIVERED,
    secrets=("SLACK_BOT_TOKEN", "TEAMS_WEBHOOK_URL", "DISCORD_WEBHOOK_URL"),
    settings=frozenset({"SLACK_API_URL"}),
)
SEND_MAIL = EffectSpec(
    name="send-mail",
    propose=mail_of,
    perform=send_mail,
    nothing=not_sent,
    consumed=_DELIVERED,
    secrets=("SMTP_USERNAME", "SMTP_PASSWORD"),
    settings=frozenset({"SMTP_HOST", "SMTP_PORT", "SMTP_STARTTLS", "SMTP_SECURITY", "MAIL_FROM"}),
)
CALL_WEBHOOK = EffectSpec(
    name="call-webhook",
    propose=webhook_of,
    perform=call_webhook,
    nothing=not_sent,
    consumed=_DELIVERED,
    secrets=("WEBHOOK_SIGNING_SECRET", "WEBHOOK_AUTHORIZATION"),
)
