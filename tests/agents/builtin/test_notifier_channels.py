"""What the notifier sends over each channel, by real protocols with local ends."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import email
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.builtin.notifier import agent, connections
from agents.builtin.notifier.attempts import retry_after
from agents.builtin.notifier.message import Message
from agents.builtin.notifier.slack import blocks, escaped
from agents.builtin.notifier.webhook import signature
from agents.sdk.errors import AgentError, BadRequestError, InvalidInputError, TransientError

HOSTILE = "<!channel> <@U1> @everyone <at>Ada</at> [x](https://evil.example) *b* `c` <script>alert(1)</script> &"


class Endpoint:
    """An HTTP server that keeps what it is sent and answers as told, the last answer for ever."""

    def __init__(self) -> None:
        self.requests: list[tuple[float, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str], Any]] = [
            (200, {}, {"ok": True, "ts": "1.2", "channel": "C1"})
        ]
        self.paths: list[str] = []
        self.gets = 0
        self.raw = b""
        """If given, what it answers instead, head and all."""
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append((time.monotonic(), dict(self.headers), body))
                endpoint.paths.append(self.path)
                if endpoint.raw:
                    self.wfile.write(endpoint.raw)
                    return
                at = min(len(endpoint.requests), len(endpoint.answers)) - 1
                status, headers, answer = endpoint.answers[at]
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                endpoint.gets += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def sent(self, at: int = -1) -> Any:
        return json.loads(self.requests[at][2])


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def chat(context, endpoint):
    return dataclasses.replace(
        context,
        env={"SLACK_API_URL": f"{endpoint.url}/api/"},
        secrets={
            "SLACK_BOT_TOKEN": "xoxb-test",
            "TEAMS_WEBHOOK_URL": f"{endpoint.url}/teams/s3cret",
            "DISCORD_WEBHOOK_URL": f"{endpoint.url}/discord/s3cret",
        },
    )


NOTICE = {"message": HOSTILE, "title": "Scan of <b>x</b>", "facts": {"Critical": "3 <!here>"}, "severity": "ERROR"}


def test_slack_gets_blocks_of_inert_plain_text(chat, endpoint):
    agent.execute("sendSlack", {"channel": "#a", **NOTICE}, chat)

    sent = endpoint.sent()
    assert [one["type"] for one in sent["blocks"]] == ["header", "section", "section"]
    texts = [sent["blocks"][0]["text"], sent["blocks"][1]["text"], *sent["blocks"][2]["fields"]]
    assert {one["type"] for one in texts} == {"plain_text"}
    assert "<" not in "".join(one["text"] for one in texts) + sent["text"]
    assert "&lt;!channel&gt;" in texts[1]["text"]
    assert texts[2]["text"] == "Critical: 3 &lt;!here&gt;"


def test_a_long_text_is_split_into_blocks_that_slack_takes(chat, endpoint):
    agent.execute("sendSlack", {"channel": "#a", "message": "&x" * 20_000}, chat)

    blocks = endpoint.sent()["blocks"]
    assert len(blocks) <= 50
    assert all(len(one["text"]["text"]) <= 3000 for one in blocks)
    assert all("&" not in one["text"]["text"].replace("&amp;", "") for one in blocks)


@pytest.mark.parametrize("text", ["x" * 39_999 + "&", "<" * 40_000, "\u202e" * 40_000])
def test_what_slack_does_not_take_is_said_and_costs_no_facts(text):
    message = Message(text=text, title="T", facts={f"fact {at}": "v" for at in range(50)}, severity="INFO")
    made = blocks(message)
    shown = [one["text"]["text"] for one in made if one["type"] == "section" and "text" in one]

    assert len(made) <= 50
    assert all(len(one) <= 3000 for one in shown)
    assert sum(len(one.get("fields", ())) for one in made) == 50
    assert "".join(shown) == escaped(message.text) or shown[-1].endswith("(cut off)")


def test_a_receiver_that_sends_a_byte_now_and_then_holds_nobody(context, monkeypatch):
    monkeypatch.setattr(connections, "MOST_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_drip, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(TransientError, match="no whole answer"):
            agent.execute("sendWebhook", {"url": url, "payload": {}}, context)


def _drip(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        for _ in range(200):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.05)


def test_a_connection_is_checked_before_anything_is_said_on_it(context, endpoint):
    def refused(host: str, port: int, address: str) -> None:
        raise AgentError(f"{host} is {address}")

    url = endpoint.url.replace("127.0.0.1", "localhost")
    with connections.checked_by(refused), pytest.raises(AgentError, match=r"localhost is (127\.0\.0\.1|::1)"):
        agent.execute("sendWebhook", {"url": url, "payload": {}}, context)
    assert endpoint.requests == []


@pytest.mark.parametrize("title", ["x" * 400, "<" * 400, "short & sweet"])
def test_a_title_is_as_long_as_slack_takes_it(chat, endpoint, title):
    agent.execute("sendSlack", {"channel": "#a", "message": "m", "title": title}, chat)

    shown = endpoint.sent()["blocks"][0]["text"]["text"]
    assert 140 < len(shown) <= 150 or shown == "short &amp; sweet"


def test_slacks_retry_after_is_honoured(chat, endpoint):
    endpoint.answers = [(429, {"Retry-After": "1"}, {"ok": False, "error": "ratelimited"}), *endpoint.answers]

    output = agent.execute("sendSlack", {"channel": "#a", "message": "x"}, chat)

    assert output["sent"] is True
    assert endpoint.requests[1][0] - endpoint.requests[0][0] >= 1


def test_an_answer_that_may_pass_is_tried_again_by_default(chat, endpoint):
    endpoint.answers = [(503, {}, {"ok": False}), (503, {}, {"ok": False}), *endpoint.answers]

    assert agent.execute("sendSlack", {"channel": "#a", "message": "x"}, chat)["sent"] is True
    assert len(endpoint.requests) == 3


def test_a_receiver_that_wants_a_long_wait_is_left_to_the_nodes_retries(chat, endpoint):
    endpoint.answers = [(429, {"Retry-After": "3600"}, {"ok": False, "error": "ratelimited"})]

    with pytest.raises(TransientError, match="it asks to wait 3600 s"):
        agent.execute("sendSlack", {"channel": "#a", "message": "x"}, chat)
    assert len(endpoint.requests) == 1


def test_a_refusal_for_good_is_not_tried_again(chat, endpoint):
    endpoint.answers = [(200, {}, {"ok": False, "error": "channel_not_found"})]

    with pytest.raises(AgentError, match="channel_not_found"):
        agent.execute("sendSlack", {"channel": "#a", "message": "x"}, chat)
    assert len(endpoint.requests) == 1


def test_teams_gets_a_card_of_text_that_knows_no_markdown(chat, endpoint):
    output = agent.execute("sendTeams", NOTICE, chat)

    [attachment] = endpoint.sent()["attachments"]
    card = attachment["content"]
    assert (card["type"], attachment["contentType"]) == ("AdaptiveCard", "application/vnd.microsoft.card.adaptive")
    assert {one["type"] for one in card["body"]} == {"RichTextBlock"}
    assert HOSTILE in [one["inlines"][0]["text"] for one in card["body"]]
    assert "msteams" not in card  # no mention without an entity for it
    assert output["channel"].startswith("teams:127.0.0.1")
    assert "s3cret" not in json.dumps(output)


def test_discord_mentions_nobody_and_its_markdown_is_escaped(chat, endpoint):
    agent.execute("sendDiscord", NOTICE, chat)

    sent = endpoint.sent()
    [embed] = sent["embeds"]
    assert sent["allowed_mentions"]["parse"] == []
    assert "content" not in sent
    assert r"\[x\]\(https\://evil.example\)" in embed["description"]
    assert r"\*b\*" in embed["description"]
    assert r"\@everyone" in embed["description"]
    assert embed["fields"][0]["name"] == "Critical"


@pytest.mark.parametrize(
    "facts", [{str(at): "x" for at in range(50)}, {"k" * 9 + str(at): "v*" * 500 for at in range(9)}]
)
def test_discord_gets_no_more_than_it_takes_and_says_what_is_left_out(chat, endpoint, facts):
    agent.execute("sendDiscord", {"message": "*" * 40_000, "title": "t" * 900, "facts": facts}, chat)

    [embed] = endpoint.sent()["embeds"]
    assert len(embed["description"]) <= 4096
    assert len(embed["fields"]) <= 25
    texts = [
        embed["title"],
        embed["description"],
        *(one[key] for one in embed["fields"] for key in ("name", "value")),
    ]
    assert sum(map(len, texts)) <= 6000
    assert embed["description"].endswith("… (cut off)")
    assert embed["fields"][-1]["value"] == f"{len(facts) - len(embed['fields']) + 1} more"


@pytest.mark.parametrize("message", ["漢" * 40_000, "a\n" * 20_000, '"' * 40_000])
def test_teams_gets_no_more_bytes_than_it_takes(chat, endpoint, message):
    agent.execute("sendTeams", {"message": message, "facts": {str(at): "ü" * 999 for at in range(50)}}, chat)

    assert len(endpoint.requests[0][2]) < 28_000
    shown = [one["inlines"][0]["text"] for one in endpoint.sent()["attachments"][0]["content"]["body"]]
    assert sum(text.endswith("… (cut off)") for text in shown) == 2


@pytest.mark.parametrize("action", ["sendSlack", "sendTeams", "sendDiscord"])
def test_a_message_that_shows_nothing_says_so(chat, endpoint, action):
    channel = {"channel": "#a"} if action == "sendSlack" else {}
    agent.execute(action, {**channel, "message": " \n\u200b"}, chat)

    assert "no text" in endpoint.requests[0][2].decode()


@pytest.mark.parametrize("action", ["sendSlack", "sendTeams", "sendDiscord", "sendWebhook"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_for_the_token_would_go_with_it(chat, endpoint, action, status):
    endpoint.answers = [(status, {"Location": f"{endpoint.url}/elsewhere"}, {})]
    inputs = {"sendSlack": {"channel": "#a", "message": "m"}, "sendWebhook": {"url": endpoint.url, "payload": {}}}

    with pytest.raises(AgentError, match=f"status {status}"):
        agent.execute(action, inputs.get(action, {"message": "m"}), chat)
    assert len(endpoint.requests) == 1
    assert endpoint.gets == 0


@pytest.mark.parametrize("action", ["sendSlack", "sendDiscord"])
@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n"]
)
def test_an_answer_that_is_no_http_may_pass(chat, endpoint, action, raw):
    endpoint.raw = raw

    with pytest.raises(TransientError, match="cannot be reached"):
        agent.execute(action, {"message": "m", **({"channel": "#a"} if action == "sendSlack" else {})}, chat)


def test_an_answer_of_slack_that_is_no_object_may_pass(chat, endpoint):
    endpoint.answers = [(200, {}, ["ok"])]

    with pytest.raises(TransientError, match="no JSON object"):
        agent.execute("sendSlack", {"channel": "#a", "message": "m"}, chat)


def test_a_webhooks_path_may_hold_letters_beyond_ascii(context, endpoint):
    agent.execute("sendWebhook", {"url": f"{endpoint.url}/ü%20b?q=漢&r=%2F", "payload": {}}, context)

    assert endpoint.paths == ["/%C3%BC%20b?q=%E6%BC%A2&r=%2F"]


@pytest.mark.parametrize("host", ["a" * 70 + ".example", ".example", "xn--\u00fc.example"])
def test_a_host_name_that_cannot_be_is_refused(context, host):
    with pytest.raises(AgentError, match="address is refused"):
        agent.execute("sendWebhook", {"url": f"http://{host}/", "payload": {}}, context)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_a_payload_that_json_has_no_words_for_is_refused(context, endpoint, value):
    with pytest.raises(InvalidInputError, match="payload"):
        agent.execute("sendWebhook", {"url": endpoint.url, "payload": {"a": [value]}}, context)
    assert endpoint.requests == []


@pytest.mark.parametrize("action", ["sendTeams", "sendDiscord"])
def test_a_chat_webhook_without_its_secret_names_it(context, action):
    with pytest.raises(BadRequestError, match="_WEBHOOK_URL'"):
        agent.execute(action, {"message": "x"}, context)


@pytest.mark.parametrize("action", ["sendTeams", "sendDiscord"])
def test_a_false_condition_posts_nothing(chat, endpoint, action):
    output = agent.execute(action, {**NOTICE, "condition": False}, chat)

    assert endpoint.requests == []
    assert (output["sent"], output["reason"]) == (False, "the condition is false")


KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()


def test_the_signature_is_the_one_of_the_specification():
    key, message_id, timestamp = (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
    )

    made = signature(key, message_id, timestamp, b'{"test": 2432232314}')

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_is_signed_and_carries_the_workflows_headers(context, endpoint):
    secrets = {"WEBHOOK_SIGNING_SECRET": f"{KEY} {KEY}", "WEBHOOK_AUTHORIZATION": "Bearer t0ken"}
    own = dataclasses.replace(context, secrets=secrets)
    inputs = {"url": f"{endpoint.url}/x", "payload": {"a": "ü"}, "headers": {"X-Team": "blue"}}

    output = agent.execute("sendWebhook", inputs, own)

    [(_, headers, body)] = endpoint.requests
    found = {name.lower(): value for name, value in headers.items()}
    signed = f"{found['webhook-id']}.{found['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(b"k" * 32, signed, hashlib.sha256)).decode()
    assert found["webhook-signature"] == f"{expected} {expected}"
    assert abs(int(found["webhook-timestamp"]) - time.time()) < 60
    assert found["webhook-id"] == output["messageId"]
    assert (found["x-team"], found["authorization"]) == ("blue", "Bearer t0ken")


def test_a_webhook_that_is_busy_gets_the_same_message_again(context, endpoint):
    endpoint.answers = [(503, {"Retry-After": "0"}, {}), (200, {}, {})]

    agent.execute("sendWebhook", {"url": endpoint.url, "payload": {}}, context)

    ids = [
        {name.lower(): value for name, value in headers.items()}["webhook-id"]
        for _, headers, _ in endpoint.requests
    ]
    assert len(ids) == 2
    assert ids[0] == ids[1]


def test_the_chats_own_webhooks_get_neither_key_nor_authorization(chat, endpoint):
    secrets = {**chat.secrets, "WEBHOOK_SIGNING_SECRET": KEY, "WEBHOOK_AUTHORIZATION": "Bearer t0ken"}

    agent.execute("sendDiscord", {"message": "x"}, dataclasses.replace(chat, secrets=secrets))

    names = {name.lower() for name in endpoint.requests[0][1]}
    assert not names & {"authorization", "webhook-signature"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"},
        {"Cookie": "x"},
        {"Host": "evil.example"},
        {"content-length": "1"},
        {"webhook-signature": "v1,x"},
        {"X": "a\r\nY: b"},
        {"X Y": "a"},
        {"X": "ü"},
    ],
)
def test_a_header_that_is_not_the_workflows_to_set_is_refused(context, endpoint, headers):
    with pytest.raises(InvalidInputError, match="headers"):
        agent.execute("sendWebhook", {"url": endpoint.url, "payload": {}, "headers": headers}, context)
    assert endpoint.requests == []


@pytest.mark.parametrize("key", ["short", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"k" * 8).decode()])
def test_a_key_that_is_none_is_refused_and_not_repeated(context, endpoint, key):
    own = dataclasses.replace(context, secrets={"WEBHOOK_SIGNING_SECRET": key})

    with pytest.raises(BadRequestError, match="WEBHOOK_SIGNING_SECRET") as caught:
        agent.execute("sendWebhook", {"url": endpoint.url, "payload": {}}, own)
    assert "!!!" not in str(caught.value)
    assert endpoint.requests == []


def test_retry_after_is_a_number_or_a_date():
    soon = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert retry_after("5") == 5
    assert 20 < (retry_after(soon) or 0) <= 30
    assert retry_after("Sun Nov  6 08:49:37 1994") == 0
    assert [retry_after(odd) for odd in ("soon", "nan", "inf", "1e9", "-3", "0x10", "1, 2", "")] == [None] * 8
    assert retry_after(None) is None
    assert retry_after(f"Mon, 01 Jan 2026 00:00:00 +{'9' * 20}") is None


class Mailbox:
    """What the SMTP server accepted."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self.answers = ["250 OK"]
        self.of_recipients: dict[str, list[str]] = {}
        """Address -> what the server says of it, time after time; the last answer for ever."""
        self.encrypted: list[bool] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        said = self.of_recipients.get(address, ["250 OK"])
        answer = said.pop(0) if len(said) > 1 else said[0]
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return self.answers[min(len(self.envelopes), len(self.answers)) - 1]

    def message(self) -> Any:
        return email.message_from_bytes(self.envelopes[-1].content, policy=default)


@pytest.fixture
def mail(context, unused_tcp_port):
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=unused_tcp_port, enable_SMTPUTF8=True)
    controller.start()
    env = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(unused_tcp_port), "MAIL_FROM": "cc@example.org"}
    yield box, dataclasses.replace(context, env=env)
    controller.stop()


def sent(mail: Any, **inputs: Any) -> Any:
    box, context = mail
    agent.execute("sendEmail", {"recipients": ["a@example.org"], "subject": "s", **inputs}, context)
    return box.message()


def part(message: Any, kind: str) -> str:
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")


def test_a_recipient_who_is_put_off_is_tried_again_alone(mail):
    box, context = mail
    box.of_recipients = {"b@example.org": ["450 greylisted", "250 OK"], "c@example.org": ["550 no such user"]}
    inputs = {"recipients": ["a@example.org", "b@example.org", "c@example.org"], "subject": "s"}

    output = agent.execute("sendEmail", inputs, context)

    assert [one.rcpt_tos for one in box.envelopes] == [["a@example.org"], ["b@example.org"]]
    assert (output["sent"], output["reason"]) == (True, "refused: c@example.org: 550 no such user")


def test_a_recipient_who_is_put_off_for_long_is_named_and_the_others_are_not_written_to_twice(mail):
    box, context = mail
    box.of_recipients = {"b@example.org": ["450 greylisted"]}

    output = agent.execute(
        "sendEmail", {"recipients": ["a@example.org", "b@example.org"], "subject": "s"}, context
    )

    assert [one.rcpt_tos for one in box.envelopes] == [["a@example.org"]]
    assert output["reason"] == "refused: b@example.org: 450 greylisted"


def test_a_mail_as_an_attachment_arrives_as_it_is(mail, tmp_path):
    file = tmp_path / "case.eml"
    file.write_bytes(b"Subject: x\r\n\r\n\xff\r\n.\r\n")

    [attached] = sent(mail, attachment=str(file)).iter_attachments()

    assert attached.get_payload(decode=True) == b"Subject: x\r\n\r\n\xff\r\n.\r\n"
    assert attached.get_filename() == "case.eml"


@pytest.mark.parametrize("line", ["From here", ">From here", ".", "..", "From: x", "--", "=3D", "ü From"])
def test_a_line_of_the_body_arrives_unchanged(mail, line):
    message = sent(mail, body=f"one\n{line}\nthree")

    assert part(message, "plain") == f"one\n{line}\nthree\n"


def test_the_bytes_of_the_mail_hold_the_line_unescaped(mail):
    sent(mail, body="From here")

    assert b"\r\nFrom here\r\n" in mail[0].envelopes[-1].content.replace(b"\r\r\n", b"\r\n")
    assert b">From" not in mail[0].envelopes[-1].content


@pytest.mark.parametrize(
    ("sender", "envelope"),
    [
        ("Ada <a@b>", "a@b"),
        ("Zoë Ö. <a@b.org>", "a@b.org"),
        ('"Ops, Team" <o@x.org>', "o@x.org"),
        ("o@x.org", "o@x.org"),
    ],
)
def test_a_sender_with_a_name_is_accepted(mail, sender, envelope):
    box, context = mail
    named = dataclasses.replace(context, env={**context.env, "MAIL_FROM": sender})

    message = sent((box, named))

    assert box.envelopes[0].mail_from == envelope
    assert message["From"].addresses[0].addr_spec == envelope
    assert message["From"].addresses[0].display_name == sender.partition("<")[0].strip().strip('"').replace(
        "o@x.org", ""
    )


def test_a_sender_that_is_none_names_the_setting(mail):
    box, context = mail

    with pytest.raises(BadRequestError, match="MAIL_FROM"):
        sent((box, dataclasses.replace(context, env={**context.env, "MAIL_FROM": "nobody"})))


def test_every_recipient_gets_the_mail_once(mail):
    message = sent(
        mail,
        recipients=["a@example.org", "a@EXAMPLE.org", "Ada <a@example.org>", "b@example.org"],
        cc=["b@example.org", "c@example.org", "c@example.org"],
    )

    assert mail[0].envelopes[0].rcpt_tos == ["a@example.org", "b@example.org", "c@example.org"]
    assert message["To"] == "a@example.org, b@example.org"
    assert message["Cc"] == "c@example.org"


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@例え.テスト", "info@xn--r8jz45g.xn--zckzah"),
        ("jörg@example.org", "jörg@example.org"),
        ("почта@пример.рф", "почта@xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_international_addresses_arrive(mail, address, envelope):
    message = sent(mail, recipients=[address], subject="Grüße")

    assert mail[0].envelopes[0].rcpt_tos == [envelope]
    assert message["Subject"] == "Grüße"
    shown = message["To"].addresses[0].addr_spec
    assert shown.encode("utf-8", "surrogateescape").decode() == envelope  # the parser keeps raw bytes in that way


def test_a_server_without_smtputf8_is_told_apart(context, unused_tcp_port):
    controller = Controller(Mailbox(), hostname="127.0.0.1", port=unused_tcp_port, enable_SMTPUTF8=False)
    controller.start()
    try:
        env = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(unused_tcp_port)}
        with pytest.raises(AgentError, match="SMTPUTF8"):
            agent.execute(
                "sendEmail", {"recipients": ["jörg@x.org"], "subject": "s"}, dataclasses.replace(context, env=env)
            )
    finally:
        controller.stop()


def test_the_mail_has_a_text_and_an_html_part_that_say_the_same(mail):
    message = sent(mail, body=HOSTILE, title="T <i>", facts={"Score": "87 <b>"}, severity="WARNING")

    html = part(message, "html")
    assert "<script>" not in html
    assert "<b>" not in html
    assert "href" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    plain = part(message, "plain")
    assert HOSTILE in plain
    assert "Score: 87 <b>" in plain
    assert plain.startswith("WARNING: T <i>")


def test_a_busy_mail_server_is_tried_again(mail):
    mail[0].answers = ["451 busy", "250 OK"]

    sent(mail)

    assert len(mail[0].envelopes) == 2


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate for `localhost` in one file, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "localhost.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    return file


@pytest.mark.parametrize("security", ["implicit", "starttls"])
def test_mail_is_encrypted_from_the_first_byte_or_after_starttls(
    context, certificate, unused_tcp_port, monkeypatch, security
):
    box = Mailbox()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    wrapped: dict[str, Any] = (
        {"ssl_context": server_side}
        if security == "implicit"
        else {"tls_context": server_side, "require_starttls": True}
    )
    controller = (_Implicit if security == "implicit" else Controller)(
        box, hostname="localhost", port=unused_tcp_port, **wrapped
    )
    controller.start()
    try:
        env = {"SMTP_HOST": "localhost", "SMTP_PORT": str(unused_tcp_port), "SMTP_SECURITY": security}
        output = agent.execute(
            "sendEmail", {"recipients": ["a@x.org"], "subject": "s"}, dataclasses.replace(context, env=env)
        )
    finally:
        controller.stop()

    assert output["sent"] is True
    assert box.encrypted == [True]


class _Implicit(Controller):
    """aiosmtpd's probe of its own port, with TLS."""

    def _trigger_server(self) -> None:
        client = ssl.create_default_context()
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        import socket

        with (
            socket.create_connection(("localhost", self.port), 5) as plain,
            client.wrap_socket(plain, server_hostname="localhost") as wrapped,
        ):
            wrapped.recv(100)


def test_a_certificate_that_is_not_trusted_ends_it(context, certificate, unused_tcp_port):
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(certificate)
    controller = Controller(Mailbox(), hostname="localhost", port=unused_tcp_port, tls_context=server_side)
    controller.start()
    try:
        env = {"SMTP_HOST": "localhost", "SMTP_PORT": str(unused_tcp_port), "SMTP_STARTTLS": "true"}
        with pytest.raises(AgentError, match="certificate that is not trusted"):
            agent.execute(
                "sendEmail", {"recipients": ["a@x.org"], "subject": "s"}, dataclasses.replace(context, env=env)
            )
    finally:
        controller.stop()
