"""Recipients, text and a file -> an e-mail, handed to the SMTP server of the settings."""

from __future__ import annotations

import mimetypes
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

from agents.builtin.notifier.tunnel import open_connection
from agents.sdk.context import Context
from agents.sdk.errors import AgentError, BadRequestError, TransientError

_TIMEOUT_SECONDS = 30
_MAX_ATTACHMENT_BYTES = 20_000_000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What to send."""

    recipients: tuple[str, ...]
    subject: str
    body: str
    attachment: str | None = None
    """A file."""


class _TunnelledSmtp(smtplib.SMTP):
    """SMTP whose connection goes through the jail's proxy where there is one."""

    def _get_socket(self, host: str, port: int, timeout: float):  # type: ignore[override]
        return open_connection(host, port, timeout)


def send(mail: Mail, key: str, context: Context) -> str:
    """The Message-ID. Raises TransientError where another attempt may succeed."""
    host = context.setting("SMTP_HOST")
    if not host:
        raise BadRequestError("setting 'SMTP_HOST' is not set; without it no e-mail can be sent")
    port = _port(context.setting("SMTP_PORT", "587"))
    message = compose(mail, key, context.setting("MAIL_FROM", "commandcenter@localhost"))
    try:
        with _TunnelledSmtp(host, port, local_hostname="commandcenter", timeout=_TIMEOUT_SECONDS) as server:
            _secure(server, host, port, context)
            refused = server.send_message(message)
    except smtplib.SMTPRecipientsRefused as exc:
        raise _refusal(exc.recipients) from exc
    except smtplib.SMTPResponseException as exc:
        kind = TransientError if 400 <= exc.smtp_code < 500 else AgentError
        raise kind(
            f"SMTP server {host}:{port} refused the message: {exc.smtp_code} {_text(exc.smtp_error)}"
        ) from exc
    except (smtplib.SMTPException, OSError) as exc:
        raise TransientError(f"SMTP server {host}:{port} cannot be used: {exc}") from exc
    for recipient, (code, why) in refused.items():
        context.log.warning("recipient %s was refused: %s %s", recipient, code, _text(why))
    context.log.info(
        "e-mail %s sent to %d recipient(s)", message["Message-ID"], len(mail.recipients) - len(refused)
    )
    return str(message["Message-ID"])


def compose(mail: Mail, key: str, sender: str) -> EmailMessage:
    """The message. Line breaks and control characters cannot get from a text into its headers."""
    message = EmailMessage()
    message["From"] = _one_line(sender)
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = _one_line(mail.subject)
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{key}@commandcenter>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body or f"{_one_line(mail.subject)}\n")
    if mail.attachment:
        _attach(message, Path(mail.attachment))
    return message


def _attach(message: EmailMessage, file: Path) -> None:
    if not file.is_file():
        raise AgentError(f"attachment {file.name!r} is not there; give the output of a node that saves a file")
    if file.stat().st_size > _MAX_ATTACHMENT_BYTES:
        raise AgentError(f"attachment {file.name!r} is larger than {_MAX_ATTACHMENT_BYTES:,} bytes")
    kind = (mimetypes.guess_type(file.name)[0] or "application/octet-stream").split("/")
    message.add_attachment(file.read_bytes(), maintype=kind[0], subtype=kind[1], filename=_one_line(file.name))


def _secure(server: smtplib.SMTP, host: str, port: int, context: Context) -> None:
    server.ehlo()
    wanted = context.setting("SMTP_STARTTLS", "true" if port == 587 else "false").lower() in (
        "1",
        "true",
        "yes",
        "on",
    )
    if wanted:
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
    username, password = context.optional_secret("SMTP_USERNAME"), context.optional_secret("SMTP_PASSWORD")
    if not (username and password):
        return
    if not wanted and host not in _LOOPBACK:
        raise BadRequestError(f"SMTP server {host}:{port} would get the password in clear; set SMTP_STARTTLS=true")
    server.login(username, password)


def _refusal(recipients: dict[str, tuple[int, bytes]]) -> AgentError:
    said = "; ".join(f"{name}: {code} {_text(why)}" for name, (code, why) in recipients.items())
    passing = all(400 <= code < 500 for code, _ in recipients.values())
    return (TransientError if passing else AgentError)(f"all recipients were refused: {said}")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise BadRequestError(f"setting 'SMTP_PORT' is {text!r}, which is no port number")
    return int(text)


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return _one_line(text)[:200]


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
