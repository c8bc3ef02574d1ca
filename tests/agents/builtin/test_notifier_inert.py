"""What others wrote moves nothing in a mail's headers, hides nothing and turns nothing, in every channel."""

from __future__ import annotations

import email
import email.message
import json
from email.policy import default

import pytest

from agents.builtin.notifier.addresses import once, parse
from agents.builtin.notifier.chat_webhooks import discord_message, teams_card
from agents.builtin.notifier.mail import Mail, compose, html_of
from agents.builtin.notifier.message import Message, visible
from agents.builtin.notifier.slack import blocks


def composed(subject: str, *, to: str = "a@b.example", sender: str = "cc@b.example") -> email.message.EmailMessage:
    mail = Mail(recipients=(to,), subject=subject, message=Message(text="x"))
    raw = compose(mail, "key", parse(sender), (parse(to),)).as_bytes()
    return email.message_from_bytes(raw, policy=default)


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?a=0D=0ABcc:_x=40evil.example?=",
        "=?utf-8?b?YQ0KQmNjOiB4QGV2aWwuZXhhbXBsZQ==?=",
        "ok =?us-ascii?Q?a=0ABcc:=20x=40evil.example?= =?utf-8?q?b?=",
        "a\r\nBcc: x@evil.example",
        "a\u2028Bcc: x@evil.example",
    ],
)
def test_no_subject_makes_a_header_or_is_decoded_to_something_else(subject) -> None:
    message = composed(subject)

    assert message["Bcc"] is None
    assert "evil.example" not in str(message["Subject"]) or "Bcc" in str(message["Subject"])
    assert set(message.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type")
    }
    assert str(message["Subject"]).replace("= ?", "=?") == " ".join(subject.split())


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?Boss_=3Cboss=40x.example=3E?= <a@b.example>",
        "=?utf-8?q?a=0D=0ABcc:_x=40y.z?= <a@b.example>",
        "=?utf-8?q?a?=@b.example",
        "a@b..example",
        "a@-b.example",
        "a@b-.example",
        "a@b_c.example",
        "a@b.example.",
        f"a@{'b' * 64}.example",
        f"{'a' * 65}@b.example",
    ],
)
def test_what_is_no_address_or_shows_another_is_refused(address) -> None:
    with pytest.raises(ValueError, match="address"):
        parse(address)


def test_a_mailbox_is_known_again_however_it_is_written() -> None:
    written = [
        "Ann@B.example",
        "Ann B <ann@b.example>",
        "ann@b.EXAMPLE",
        "ä@exämple.example",
        "Ä <ä@xn--exmple-cua.example>",
    ]
    assert [one.spec for one in once(parse(text) for text in written)] == [
        "Ann@b.example",
        "ä@xn--exmple-cua.example",
    ]


HOSTILE = "\u202eevil\u2066 \x1b[31m\x07 a\u200bb\u00ad \ud800 नमस्\u200dते\r\n\tend\x00"


def test_hidden_characters_are_shown_or_left_out_and_lines_and_joiners_stay() -> None:
    assert visible(HOSTILE) == "\\u202eevil\\u2066 \\u001b[31m\\u0007 ab  नमस्\u200dते\n\tend\\u0000"


def test_no_channel_shows_a_hidden_character() -> None:
    message = Message(text=HOSTILE, title=HOSTILE, facts={HOSTILE: HOSTILE}, severity="ERROR")
    mail = Mail(recipients=("a@b.example",), subject=HOSTILE, message=message)
    for shown in (blocks(message), teams_card(message), discord_message(message), message.plain, html_of(mail)):
        assert not set(json.dumps(shown, ensure_ascii=False)) & set("\u202e\u2066\u200b\ud800")
        assert "\\u001b" not in json.dumps(shown, ensure_ascii=False).replace("\\\\u001b", "")
