"""The notifier over real protocols, with local ends."""

from __future__ import annotations

import dataclasses
import email
import json
import socket
import threading
from collections.abc import Iterator
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from agents.builtin.notifier import agent
from agents.sdk.errors import AgentError, BadRequestError, InvalidInputError, TransientError


class Endpoint:
    """An HTTP server that keeps what it is sent and answers as told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.answer: Any = {"ok": True, "ts": "1700000000.000100", "channel": "C024BE91L"}
        self.headers: dict[str, str] = {}
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append((self.path, dict(self.headers), body))
                content = json.dumps(endpoint.answer).encode()
                self.send_response(endpoint.status)
                for name, value in {**endpoint.headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


class Mailbox:
    """What the SMTP server accepted."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        return self.answer

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody@"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def message(self) -> Any:
        return email.message_from_bytes(self.envelopes[-1].content, policy=default)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def mail(context):
    box = Mailbox()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    env = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "MAIL_FROM": "cc@example.org"}
    yield box, dataclasses.replace(context, env=env)
    controller.stop()


@pytest.fixture
def slack(context, endpoint):
    env = {"SLACK_API_URL": f"{endpoint.url}/api/"}
    return dataclasses.replace(context, env=env, secrets={"SLACK_BOT_TOKEN": "xoxb-test"})


ALERT = {"channel": "#security-alerts", "message": "🚨 3 CRITICAL <!channel> <https://evil.example|click> & more"}


def test_a_slack_alert_is_posted_with_inert_text(slack, endpoint):
    output = agent.execute("sendSlackAlert", ALERT, slack)

    path, headers, body = endpoint.requests[0]
    sent = json.loads(body)
    assert path == "/api/chat.postMessage"
    assert headers["Authorization"] == "Bearer xoxb-test"
    assert sent["text"] == "🚨 3 CRITICAL &lt;!channel&gt; &lt;https://evil.example|click&gt; &amp; more"
    assert (sent["parse"], sent["unfurl_links"], sent["mrkdwn"]) == ("none", False, False)
    assert sent["metadata"]["event_payload"]["key"] == "key-1"
    assert output["sent"] is True
    assert (output["messageId"], output["channel"]) == ("1700000000.000100", "C024BE91L")


@pytest.mark.parametrize("action", ["sendSlack", "sendSlackAlert"])
def test_a_false_condition_sends_nothing_and_says_so(slack, endpoint, action):
    output = agent.execute(action, {**ALERT, "condition": False}, slack)

    assert endpoint.requests == []
    assert output["sent"] is False
    assert output["reason"] == "the condition is false"
    assert output["messageId"] == ""


def test_slack_without_a_token_names_the_secret(context):
    with pytest.raises(BadRequestError, match="'SLACK_BOT_TOKEN'"):
        agent.execute("sendSlack", ALERT, context)


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (200, {"ok": False, "error": "channel_not_found"}, AgentError),
        (200, {"ok": False, "error": "ratelimited"}, TransientError),
        (429, {"ok": False, "error": "ratelimited"}, TransientError),
        (503, {"ok": False, "error": "down"}, TransientError),
    ],
)
def test_slacks_refusals_are_told_apart(slack, endpoint, status, answer, error):
    endpoint.status, endpoint.answer = status, answer

    with pytest.raises(AgentError) as caught:
        agent.execute("sendSlack", ALERT, slack)

    assert type(caught.value) is error
    assert "#security-alerts" in str(caught.value)
    assert "xoxb" not in str(caught.value)


def test_slack_that_does_not_answer_may_be_tried_again(slack):
    context = dataclasses.replace(slack, env={"SLACK_API_URL": f"http://127.0.0.1:{free_port()}/"})

    with pytest.raises(TransientError, match="cannot be reached"):
        agent.execute("sendSlack", ALERT, context)


def test_an_email_arrives_with_its_attachment(mail, tmp_path):
    box, context = mail
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4 test")
    inputs = {
        "recipients": ["compliance@company.com", "security@company.com"],
        "subject": "Weekly Compliance Report - Score: 87/100",
        "attachment": str(tmp_path / "report.pdf"),
    }

    output = agent.execute("sendEmail", inputs, context)

    message = box.message()
    assert box.envelopes[0].rcpt_tos == inputs["recipients"]
    assert message["Subject"] == inputs["subject"]
    assert message["From"] == "cc@example.org"
    [attached] = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("report.pdf", "application/pdf")
    assert attached.get_content() == b"%PDF-1.4 test"
    assert output["messageId"] == message["Message-ID"]
    assert output["sent"] is True


def test_a_repeated_email_has_the_same_message_id(mail):
    context = mail[1]
    inputs = {"recipients": ["a@example.org"], "subject": "once"}

    first = agent.execute("sendEmail", inputs, context)
    second = agent.execute("sendEmail", inputs, context)
    other = agent.execute("sendEmail", inputs, dataclasses.replace(context, idempotency_key="key-2"))

    assert first["messageId"] == second["messageId"] != other["messageId"]


def test_line_breaks_in_a_subject_make_no_header(mail):
    box, context = mail

    agent.execute("sendEmail", {"recipients": ["a@example.org"], "subject": "hi\r\nBcc: x@evil.example"}, context)

    message = box.message()
    assert message["Subject"] == "hi Bcc: x@evil.example"
    assert message["Bcc"] is None
    assert box.envelopes[0].rcpt_tos == ["a@example.org"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b\r\nBcc: c@d",
        "a b@c",
        "<a@b>",
        "a@b,c@d",
        "Ada <a@b>, c@d",
        "Ada <a@b\r\nBcc: c@d>",
        "-oQ@example.org",
        "é@",
        "a@@b.org",
        "a..b@c.org",
    ],
)
def test_what_is_no_address_is_refused(mail, address):
    box, context = mail

    with pytest.raises(InvalidInputError, match=r"recipients\.0"):
        agent.execute("sendEmail", {"recipients": [address], "subject": "s"}, context)
    assert box.envelopes == []


def test_a_refused_recipient_does_not_stop_the_others(mail):
    box, context = mail

    output = agent.execute("sendEmail", {"recipients": ["nobody@x.org", "a@x.org"], "subject": "s"}, context)

    assert output["sent"] is True
    assert box.envelopes[0].rcpt_tos == ["a@x.org"]


def test_all_recipients_refused_is_an_error(mail):
    with pytest.raises(AgentError, match=r"all recipients were refused: nobody@x.org: 550 no such person"):
        agent.execute("sendEmail", {"recipients": ["nobody@x.org"], "subject": "s"}, mail[1])


@pytest.mark.parametrize(("answer", "error"), [("451 busy", TransientError), ("554 no", AgentError)])
def test_the_servers_answer_tells_whether_to_try_again(mail, answer, error):
    box, context = mail
    box.answer = answer

    with pytest.raises(AgentError) as caught:
        agent.execute("sendEmail", {"recipients": ["a@x.org"], "subject": "s"}, context)
    assert type(caught.value) is error


def test_email_without_a_server_names_the_setting(context):
    with pytest.raises(BadRequestError, match="'SMTP_HOST'"):
        agent.execute("sendEmail", {"recipients": ["a@x.org"], "subject": "s"}, context)


def test_a_password_is_not_sent_in_clear(mail):
    _, context = mail
    env = {**context.env, "SMTP_HOST": "127.1"}  # loopback by another name: not on the short list of safe ones
    secrets = {"SMTP_USERNAME": "me", "SMTP_PASSWORD": "p4ss"}

    with pytest.raises(BadRequestError, match="would get the password in clear"):
        agent.execute(
            "sendEmail",
            {"recipients": ["a@x.org"], "subject": "s"},
            dataclasses.replace(context, env=env, secrets=secrets),
        )


def test_a_missing_attachment_is_named(mail):
    with pytest.raises(AgentError, match=r"attachment 'gone.pdf' is not there"):
        agent.execute(
            "sendEmail", {"recipients": ["a@x.org"], "subject": "s", "attachment": "/x/gone.pdf"}, mail[1]
        )


def test_a_webhook_gets_the_document_once_with_a_key(context, endpoint):
    output = agent.execute("sendWebhook", {"url": f"{endpoint.url}/hook/s3cret", "payload": {"a": "ü"}}, context)

    [(path, headers, body)] = endpoint.requests
    assert path == "/hook/s3cret"
    assert json.loads(body) == {"a": "ü"}
    assert headers["Idempotency-Key"] == output["messageId"]
    assert "s3cret" not in json.dumps(output)


def test_a_webhooks_redirect_is_not_followed(context, endpoint):
    endpoint.status, endpoint.headers = 302, {"Location": f"{endpoint.url}/elsewhere"}

    with pytest.raises(AgentError, match="status 302"):
        agent.execute("sendWebhook", {"url": f"{endpoint.url}/a", "payload": {}}, context)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x", "http://", "http://u:p@h/", "http://h/ x", "h:x"]
)
def test_an_address_that_is_not_plain_http_is_refused(context, url):
    with pytest.raises(AgentError, match="webhook address is refused"):
        agent.execute("sendWebhook", {"url": url, "payload": {}}, context)


class Proxy(threading.Thread):
    """A CONNECT proxy for one connection."""

    def __init__(self, status: str) -> None:
        super().__init__(daemon=True)
        self.status = status
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked = ""

    def run(self) -> None:
        client, _ = self.listener.accept()
        with self.listener, client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            self.asked = head.split(b"\r\n")[0].decode()
            client.sendall(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
            if not self.status.startswith("200"):
                return
            host, _, port = self.asked.split()[1].rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                back = threading.Thread(target=pump, args=(server, client))
                back.start()
                pump(client, server)
                back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def test_mail_leaves_the_jail_through_the_proxy(mail, monkeypatch):
    box, context = mail
    proxy = Proxy("200 Connection established")
    proxy.start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

    agent.execute("sendEmail", {"recipients": ["a@x.org"], "subject": "through"}, context)
    proxy.join(5)

    assert proxy.asked == f"CONNECT 127.0.0.1:{context.env['SMTP_PORT']} HTTP/1.1"
    assert box.message()["Subject"] == "through"


def test_a_proxy_that_refuses_is_told_as_a_closed_way(mail, monkeypatch):
    proxy = Proxy("403 Forbidden")
    proxy.start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

    with pytest.raises(BadRequestError, match=r"403 Forbidden.*allow it in the node's `network`"):
        agent.execute("sendEmail", {"recipients": ["a@x.org"], "subject": "s"}, mail[1])
    proxy.join(5)
