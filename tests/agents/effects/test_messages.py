"""Messages as effects: proposed without any reach, shown, and sent exactly so, by the key of the effect."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from agents.builtin.notifier import agent
from agents.effects import EffectContext, EffectError, TransientEffectError, effect_of
from agents.effects.effect import ReturnedProposal
from agents.effects.hosts import require_host
from agents.effects.registry import EFFECTS
from agents.registration.program_manifest import manifest_of
from agents.sdk.context import Context
from tasks.effect_picture import details, public_proposal, summary
from tasks.words import Block, plain_words


class Endpoint:
    """An HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.status = 200
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append((dict(self.headers), json.loads(body)))
                content = json.dumps({"ok": True, "ts": "17.1", "channel": "C1"}).encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def proposed(action: str, inputs: dict[str, Any]) -> ReturnedProposal:
    """What the agent says in a jail in which there is nothing: no secret, no setting."""
    result = agent.propose(action, inputs, Context(env={}))
    return ReturnedProposal(inputs=inputs, bindings={}, repository=None, result=result)


def context(hosts: tuple[str, ...], **more: Any) -> EffectContext:
    async def artifact(reference: str) -> bytes:
        return f"bytes of {reference}".encode()

    async def save(name: str, content: bytes, media_type: str) -> str:
        return f"artifact:0/{name}"

    values: dict[str, Any] = {
        "key": "key-1",
        "run_id": "r",
        "node_id": "n",
        "repository_roots": (),
        "settings": {},
        "secrets": {},
        "hosts": hosts,
        "artifact": artifact,
        "save": save,
        "log": logging.getLogger(__name__),
    }
    return EffectContext(**{**values, **more})


SLACK = {"channel": "#security", "message": "3 <!channel> findings", "title": "Scan", "severity": "CRITICAL"}


async def test_a_chat_message_is_proposed_shown_and_sent_exactly_so(endpoint) -> None:
    spec = effect_of("send-chat")
    request = spec.propose(proposed("sendSlack", SLACK))
    assert request is not None
    shown = {"effect": "send-chat", "request": request}
    assert plain_words(summary(shown)) == "Post a message to Slack channel #security"
    (text, *_) = [part for part in details(shown) if isinstance(part, Block)]
    assert text.text == SLACK["message"]
    assert public_proposal(shown)["message"] == request
    assert endpoint.requests == []

    settings = {"SLACK_API_URL": f"http://{endpoint.host}/api/"}
    done = await spec.perform(
        request, context((endpoint.host,), settings=settings, secrets={"SLACK_BOT_TOKEN": "xoxb"})
    )
    ((headers, sent),) = endpoint.requests
    assert headers["Authorization"] == "Bearer xoxb"
    assert sent["metadata"]["event_payload"]["key"] == "key-1"
    assert "3 &lt;!channel&gt; findings" in sent["text"]
    assert (done["sent"], done["messageId"], done["channel"]) == (True, "17.1", "C1")


async def test_a_mail_goes_out_with_the_artifact_that_the_inputs_name(unused_tcp_port) -> None:
    box: list[bytes] = []

    class Mailbox:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            box.append(envelope.content)
            return "250 OK"

    inputs = {"recipients": ["a@example.org", "b@example.org"], "subject": "Weekly", "body": "See the file."}
    spec = effect_of("send-mail")
    seen = proposed("sendEmail", {**inputs, "attachment": "/work/attachment/report.pdf"})
    reference = f"artifact:{'0' * 64}/report.pdf"
    request = spec.propose(
        ReturnedProposal(
            inputs={**inputs, "attachment": reference}, bindings={}, repository=None, result=seen.result
        )
    )
    assert request is not None
    assert plain_words(summary({"effect": "send-mail", "request": request})) == (
        "Send an e-mail to a@example.org and b@example.org with the subject Weekly, with the file report.pdf"
    )
    server = Controller(Mailbox(), hostname="127.0.0.1", port=unused_tcp_port)
    server.start()
    try:
        settings = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(unused_tcp_port)}
        sending = context((f"127.0.0.1:{unused_tcp_port}",), settings=settings)
        first = await spec.perform(request, sending)
        second = await spec.perform(request, sending)
    finally:
        server.stop()
    assert first["messageId"] == second["messageId"], "a receiver can tell a repeat after a crash"
    mail: Any = message_from_bytes(box[0], policy=default)
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == f"bytes of {reference}".encode()


async def test_a_webhook_shows_address_and_document(endpoint) -> None:
    spec = effect_of("call-webhook")
    request = spec.propose(proposed("sendWebhook", {"url": f"http://{endpoint.host}/x", "payload": {"a": [1]}}))
    assert request is not None
    assert plain_words(summary({"effect": "call-webhook", "request": request})).endswith(
        f"http://{endpoint.host}/x"
    )
    await spec.perform(request, context((endpoint.host,)))
    ((headers, sent),) = endpoint.requests
    assert sent == {"a": [1]}
    assert headers["Idempotency-Key"]


async def test_a_host_outside_of_the_nodes_network_is_not_reached(endpoint) -> None:
    spec = effect_of("call-webhook")
    request = spec.propose(proposed("sendWebhook", {"url": f"http://{endpoint.host}/x", "payload": {}}))
    assert request is not None
    with pytest.raises(EffectError, match="`network` does not name it"):
        await spec.perform(request, context(()))
    assert endpoint.requests == []


@pytest.mark.parametrize("action", ["sendWebhook", "sendSlack", "sendEmail"])
async def test_a_name_that_points_elsewhere_a_moment_later_is_told_nothing(endpoint, monkeypatch, action) -> None:
    looks: list[str] = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> Any:
        looks.append(host)
        return [(2, 1, 6, "", ("8.8.8.8" if len(looks) == 1 else "127.0.0.1", port))]

    port = endpoint.host.rpartition(":")[2]
    place = f"hooks.example.org:{port}"
    effect, inputs = {
        "sendWebhook": ("call-webhook", {"url": f"http://{place}/x", "payload": {}}),
        "sendSlack": ("send-chat", SLACK),
        "sendEmail": ("send-mail", {"recipients": ["a@example.org"], "subject": "s"}),
    }[action]
    spec = effect_of(effect)
    request = spec.propose(proposed(action, inputs))
    assert request is not None
    settings = {"SLACK_API_URL": f"http://{place}/", "SMTP_HOST": "hooks.example.org", "SMTP_PORT": port}
    monkeypatch.setattr("socket.getaddrinfo", resolve)
    with pytest.raises(EffectError, match=r"its address 127\.0\.0\.1 is not public"):
        await spec.perform(request, context((place,), settings=settings, secrets={"SLACK_BOT_TOKEN": "xoxb"}))
    assert len(looks) == 2
    assert endpoint.requests == []


def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch) -> None:
    def resolve(host: str, port: int, **_: Any) -> Any:
        return [(2, 1, 6, "", ("10.0.0.7", port))]

    monkeypatch.setattr("agents.effects.hosts.socket.getaddrinfo", resolve)
    with pytest.raises(EffectError, match=r"its address 10\.0\.0\.7 is not public"):
        require_host("hooks.example.org", 443, ("hooks.example.org:443",))
    require_host("hooks.example.org", 443, ("hooks.example.org:443", "10.0.0.7:443"))


async def test_a_receiver_that_is_down_may_be_tried_again(unused_tcp_port, monkeypatch) -> None:
    monkeypatch.setattr("agents.builtin.notifier.attempts._FIRST_PAUSE", 0.0)
    host = f"127.0.0.1:{unused_tcp_port}"
    spec = effect_of("call-webhook")
    request = spec.propose(proposed("sendWebhook", {"url": f"http://{host}/x", "payload": {}}))
    assert request is not None
    with pytest.raises(TransientEffectError):
        await spec.perform(request, context((host,)))


def test_a_false_condition_proposes_nothing_and_says_so() -> None:
    given = proposed("sendSlack", {**SLACK, "condition": False})
    spec = effect_of("send-chat")
    assert spec.propose(given) is None
    output = spec.nothing(given)
    assert (output["sent"], output["reason"]) == (False, "the condition is false")


@pytest.mark.parametrize(
    ("effect", "proposal", "reason"),
    [
        ("send-chat", {"service": "irc", "message": {"text": "x"}}, "is not one of slack"),
        ("send-chat", {"service": "slack", "message": {"text": "x"}}, "channel"),
        ("send-chat", {"service": "slack", "channel": "#a"}, "no `message`"),
        ("send-mail", {"recipients": ["nobody"], "subject": "s", "message": {"text": "x"}}, "recipients"),
        (
            "send-mail",
            {"recipients": ["a@b.org"], "subject": "s", "message": {"text": "x"}, "attachment": "/etc/passwd"},
            "is no artifact",
        ),
        ("call-webhook", {"url": "file:///etc/passwd", "payload": {}}, "https://"),
        ("call-webhook", {"url": "https://a.org", "payload": {}, "headers": {"Authorization": "x"}}, "secret"),
        ("write-artifact", {"name": "../x", "content": ""}, "is refused"),
        ("write-artifact", {"name": "x", "content": 1}, "is no text"),
    ],
)
def test_what_an_agent_must_not_propose_is_refused_before_anybody_is_asked(effect, proposal, reason) -> None:
    given = ReturnedProposal(inputs={}, bindings={}, repository=None, result={"proposal": proposal})
    with pytest.raises(EffectError, match=reason):
        effect_of(effect).propose(given)


async def test_a_file_is_saved_with_the_run() -> None:
    spec = effect_of("write-artifact")
    given = {"proposal": {"name": "report.txt", "content": "héllo"}}
    request = spec.propose(ReturnedProposal(inputs={}, bindings={}, repository=None, result=given))
    assert request is not None
    shown = {"effect": "write-artifact", "request": request}
    assert plain_words(summary(shown)) == "Save the file report.txt of 6 bytes with the run"
    assert await spec.perform(request, context(())) == {"artifact": "artifact:0/report.txt"}


def test_no_secret_of_an_effect_is_one_that_a_jail_may_have() -> None:
    from agents.effects import EFFECTS
    from tasks.proposal import MODEL_SECRETS

    assert not MODEL_SECRETS & {name for spec in EFFECTS.values() for name in (*spec.secrets, *spec.own_secrets)}


def test_the_guide_shows_proposals_that_are_taken() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "agents.md").read_text("utf-8")
    [block] = re.findall(r"^```json\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    [example] = [
        each for each in re.findall(r"^```yaml\n(.*?)^```", guide, re.DOTALL | re.MULTILINE) if "effect:" in each
    ]
    shown = json.loads(block)
    manifest = manifest_of(f"name: noter\nversion: 0.1.0\nrisk: AUTO\nrun: [sh, a.sh]\n{example}")

    for name, proposal in shown.items():
        given = ReturnedProposal(inputs={}, bindings={}, repository=None, result={"proposal": proposal})
        assert effect_of(name).propose(given) is not None
    assert {*shown} == {*EFFECTS} - {"publish-branch", "open-pull-request"}
    assert [each["effect"] for each in manifest["actions"]] == ["write-artifact"]
