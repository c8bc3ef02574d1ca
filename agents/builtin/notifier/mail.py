"""Recipients, a message and a file -> an e-mail in plain text and HTML, handed to the SMTP server of the settings."""

from __future__ import annotations

import html
import mimetypes
import smtplib
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Literal

from agents.builtin.notifier.addresses import ENCODED, MailAddress, once, parse
from agents.builtin.notifier.attempts import NotTakenError, deliver
from agents.builtin.notifier.message import COLOURS, Message, one_line
from agents.builtin.notifier.tunnel import open_connection
from agents.sdk.context import Context
from agents.sdk.errors import AgentError, BadRequestError, TransientError

_TIMEOUT_SECONDS = 30
_MAX_ATTACHMENT_BYTES = 20_000_000
_PAUSE_SECONDS = 0.5
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TRUE = frozenset({"1", "true", "yes", "on"})
Security = Literal["implicit", "starttls", "none"]
_Refused = dict[str, tuple[int, bytes]]
"""Address -> what the server said of it."""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What to send."""

    recipients: tuple[str, ...]
    subject: str
    message: Message
    cc: tuple[str, ...] = ()
    attachment: str | None = None
    """A file."""


@dataclass(frozen=True, kw_only=True)
class _Server:
    """Where to, and how the connection is encrypted."""

    host: str
    port: int
    security: Security

    def __str__(self) -> str:
        return f"SMTP server {self.host}:{self.port}"


class _TunnelledSmtp(smtplib.SMTP):
    """SMTP whose connection goes through the jail's proxy where there is one, encrypted from its first byte or not."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        super().__init__(server.host, server.port, local_hostname="commandcenter", timeout=_TIMEOUT_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # type: ignore[override]
        connection = open_connection(host, port, timeout)
        if self._server.security != "implicit":
            return connection
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


def send(mail: Mail, key: str, context: Context) -> tuple[str, str]:
    """The Message-ID, and who was refused while others got it. Raises TransientError for what may pass."""
    server = _server(context)
    to, copies = _people(mail.recipients), _people(mail.cc)
    copies = tuple(one for one in copies if one.mailbox not in {known.mailbox for known in to})
    sender = _sender(context)
    message = compose(mail, key, sender, to, copies)
    refused = _deliver(server, sender, (*to, *copies), message, context)
    for recipient, (code, why) in refused.items():
        context.log.warning("recipient %s was refused: %s %s", recipient, code, _text(why))
    context.log.info(
        "e-mail %s sent to %d recipient(s)", message["Message-ID"], len(to) + len(copies) - len(refused)
    )
    said = "; ".join(f"{recipient}: {code} {_text(why)}" for recipient, (code, why) in refused.items())
    return str(message["Message-ID"]), said


def _deliver(
    server: _Server, sender: MailAddress, people: tuple[MailAddress, ...], message: EmailMessage, context: Context
) -> _Refused:
    """Who was refused. One who was put off (greylisting, a full mailbox) is tried again, alone: others have it."""
    refused = deliver(lambda: _once(server, sender, people, message, context), context)
    put_off = tuple(one for one in people if 400 <= refused.get(one.spec, (0, b""))[0] < 500)
    if not put_off:
        return refused
    try:
        time.sleep(_PAUSE_SECONDS)
        again = deliver(lambda: _once(server, sender, put_off, message, context), context)
    except AgentError as exc:
        # Raised, it would have the node send everybody the mail once more.
        context.log.warning("recipients who were put off were tried again: %s", exc)
        return refused
    return {who: why for who, why in refused.items() if who not in {one.spec for one in put_off}} | again


def compose(
    mail: Mail, key: str, sender: MailAddress, to: tuple[MailAddress, ...], copies: tuple[MailAddress, ...] = ()
) -> EmailMessage:
    """The message. Line breaks and control characters cannot get from a text into its headers."""
    utf8 = any(one.needs_utf8 for one in (sender, *to, *copies))
    message = EmailMessage(policy=policy.SMTPUTF8 if utf8 else policy.SMTP)
    message["From"] = sender.header()
    message["To"] = [one.header() for one in to]
    if copies:
        message["Cc"] = [one.header() for one in copies]
    message["Subject"] = header_text(mail.subject)
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{key}@commandcenter>"
    message["Auto-Submitted"] = "auto-generated"
    text = mail.message.plain or one_line(mail.subject)
    message.set_content(text if text.endswith("\n") else f"{text}\n")
    message.add_alternative(html_of(mail), subtype="html")
    if mail.attachment:
        _attach(message, Path(mail.attachment))
    return message


def header_text(text: str) -> str:
    """One line that is shown as it stands: what looks like an encoded word is none, and ends no header."""
    return one_line(text).replace(ENCODED, "= ?")


def html_of(mail: Mail) -> str:
    """The same as the plain text; every text of others is escaped, and there are no links and no pictures."""
    said = mail.message
    colour = f"#{COLOURS[said.severity or 'INFO']:06x}"
    heading = html.escape(said.heading or one_line(mail.subject))
    text = html.escape(said.text)
    rows = "".join(
        f'<tr><th style="text-align:left;padding-right:12px">{html.escape(one_line(label))}</th>'
        f"<td>{html.escape(value)}</td></tr>"
        for label, value in said.facts.items()
    )
    return (
        '<!doctype html><html><head><meta charset="utf-8"></head>'
        '<body style="font-family:sans-serif;color:#1b1f24">'
        f'<h1 style="font-size:18px;border-left:4px solid {colour};padding-left:8px">{heading}</h1>'
        f'<div style="white-space:pre-wrap">{text}</div>'
        + (f'<table style="margin-top:12px">{rows}</table>' if rows else "")
        + "</body></html>\n"
    )


def _people(texts: Iterable[str]) -> tuple[MailAddress, ...]:
    return once(parse(text) for text in texts)


def _sender(context: Context) -> MailAddress:
    text = context.setting("MAIL_FROM", "commandcenter@localhost")
    try:
        return parse(text)
    except ValueError as exc:
        raise BadRequestError(f"setting 'MAIL_FROM' is {text[:200]!r}: {exc}") from exc


def _attach(message: EmailMessage, file: Path) -> None:
    if not file.is_file():
        raise AgentError(f"attachment {file.name!r} is not there; give the output of a node that saves a file")
    if file.stat().st_size > _MAX_ATTACHMENT_BYTES:
        raise AgentError(f"attachment {file.name!r} is larger than {_MAX_ATTACHMENT_BYTES:,} bytes")
    kind = (mimetypes.guess_type(file.name)[0] or "application/octet-stream").split("/")
    if kind[0] in ("message", "multipart"):  # these may not be encoded as Base64: a reader would parse the letters
        kind = ["application", "octet-stream"]
    message.add_attachment(file.read_bytes(), maintype=kind[0], subtype=kind[1], filename=header_text(file.name))


def _once(
    server: _Server, sender: MailAddress, people: tuple[MailAddress, ...], message: EmailMessage, context: Context
) -> _Refused:
    """Whom the server refused, while it took others."""
    try:
        with _TunnelledSmtp(server) as client:
            _secure(client, server, context)
            options = _options(client, server, utf8=any(one.needs_utf8 for one in (sender, *people)))
            content = message.as_bytes()  # by the message's own policy, which leaves a line of `From ` alone
            return client.sendmail(sender.spec, [one.spec for one in people], content, options)
    except smtplib.SMTPRecipientsRefused as exc:
        raise _refusal(exc.recipients) from exc
    except smtplib.SMTPResponseException as exc:
        said = f"{server} refused the message: {exc.smtp_code} {_text(exc.smtp_error)}"
        raise (NotTakenError(said) if 400 <= exc.smtp_code < 500 else AgentError(said)) from exc
    except smtplib.SMTPNotSupportedError as exc:
        raise AgentError(f"{server} cannot take the message: {exc}") from exc
    except ssl.SSLCertVerificationError as exc:
        raise AgentError(f"{server} has a certificate that is not trusted: {exc.verify_message}") from exc
    except (smtplib.SMTPException, OSError) as exc:
        raise TransientError(f"{server} cannot be used: {exc}") from exc


def _options(client: smtplib.SMTP, server: _Server, *, utf8: bool) -> tuple[str, ...]:
    if not utf8:
        return ("BODY=8BITMIME",) if client.has_extn("8bitmime") else ()
    if not client.has_extn("smtputf8"):
        raise AgentError(f"{server} takes no address with letters beyond ASCII before the '@' (SMTPUTF8)")
    return ("SMTPUTF8", "BODY=8BITMIME")


def _server(context: Context) -> _Server:
    host = context.setting("SMTP_HOST")
    if not host:
        raise BadRequestError("setting 'SMTP_HOST' is not set; without it no e-mail can be sent")
    port = _port(context.setting("SMTP_PORT", "587"))
    if port == 465:
        usual = "implicit"
    else:
        usual = "starttls" if port == 587 else "none"
    if told := context.setting("SMTP_STARTTLS"):
        usual = "starttls" if told.lower() in _TRUE else "implicit" if port == 465 else "none"
    security = context.setting("SMTP_SECURITY", usual)
    if security not in ("implicit", "starttls", "none"):
        raise BadRequestError(f"setting 'SMTP_SECURITY' is {security!r}; it must be implicit, starttls or none")
    return _Server(host=host, port=port, security=security)


def _secure(client: smtplib.SMTP, server: _Server, context: Context) -> None:
    client.ehlo()
    if server.security == "starttls":
        client.starttls(context=ssl.create_default_context())
        client.ehlo()
    username, password = context.optional_secret("SMTP_USERNAME"), context.optional_secret("SMTP_PASSWORD")
    if not (username and password):
        return
    if server.security == "none" and server.host not in _LOOPBACK:
        raise BadRequestError(f"{server} would get the password in clear; set SMTP_STARTTLS=true")
    client.login(username, password)


def _refusal(recipients: _Refused) -> AgentError:
    said = "; ".join(f"{name}: {code} {_text(why)}" for name, (code, why) in recipients.items())
    passing = all(400 <= code < 500 for code, _ in recipients.values())
    return (NotTakenError if passing else AgentError)(f"all recipients were refused: {said}")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise BadRequestError(f"setting 'SMTP_PORT' is {text!r}, which is no port number")
    return int(text)


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return one_line(text)[:200]
