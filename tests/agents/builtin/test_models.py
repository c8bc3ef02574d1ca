"""Patcher and code-reviewer with a model: an endpoint that speaks the real protocols, and answers as told."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import BaseModel

from agents.builtin.code_reviewer import agent as reviewer
from agents.builtin.model import configured
from agents.builtin.patcher import agent as patcher
from agents.sdk.context import Context
from agents.sdk.errors import AgentError, BadRequestError, TransientError
from observability.traces.parts import model_use, told_part


class Endpoint:
    """OpenAI's chat completions and Anthropic's messages; gives the answers one after the other."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.status = 200
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                endpoint.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                key = self.headers.get("x-api-key") or self.headers.get("Authorization")
                endpoint.keys.append(key)
                answer = endpoint.answers.pop(0) if endpoint.answers else {}
                body = json.dumps(endpoint.envelope(self.path, answer)).encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def envelope(self, path: str, answer: Any) -> dict[str, Any]:
        if self.status != 200:
            return {"error": {"message": "no", "type": "error"}}
        if path.endswith("/chat/completions"):
            content = answer if isinstance(answer, str) else json.dumps(answer)
            message = {"role": "assistant", "content": content}
            usage = {"prompt_tokens": 1_000_000, "completion_tokens": 2, "total_tokens": 1_000_002}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            return {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
                "usage": usage,
            }
        used = {"type": "tool_use", "id": "t", "name": "answer", "input": answer}
        content = [used] if isinstance(answer, dict) else [{"type": "text", "text": answer}]
        return {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": content,
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1_000_000, "output_tokens": 2},
        }

    def context(self, context: Context, provider: str) -> Context:
        base = f"http://127.0.0.1:{self.server.server_port}"
        env = {
            "LLM_PROVIDER": provider,
            "LLM_MODEL": "some-model",
            "LLM_BASE_URL": f"{base}/v1" if provider == "openai" else base,
        }
        return dataclasses.replace(context, env=env, secrets={"LLM_API_KEY": "sk-test"})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


EXEC = 'def run(text):\n    """Do what the text says."""\n    exec(text)\n'
FINDING = {
    "severity": "CRITICAL",
    "rule": "py/exec",
    "file": "shop/runner.py",
    "line": 3,
    "description": "Text is executed.",
    "recommendation": "Do not.",
}
GOOD = {"finding": 0, "old": "    exec(text)\n", "new": "    COMMANDS[text]()\n", "what": "a table of functions"}


@pytest.fixture
def inputs(shop) -> dict[str, Any]:
    from agents.repository.git import Git

    (shop.path / "shop" / "runner.py").write_text(EXEC)
    git = Git(folder=shop.path, config=("user.name=x", "user.email=x@example.org"))
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message", "runner")
    return {"vulnerabilities": [FINDING], "repositoryPath": str(shop.path), "targetBranch": "fixes"}


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_model_fixes_what_the_rules_leave(endpoint, context, inputs, provider):
    endpoint.answers = [{"edits": [GOOD]}]

    output = patcher.execute("generateFixPR", inputs, endpoint.context(context, provider))

    assert "+    COMMANDS[text]()" in output["patch"]
    assert (output["engine"], output["rulesUsed"], output["unfixed"]) == ("model", [], [])
    assert output["fixed"][0]["note"] == "Written by a model: read it closely."
    assert "sk-test" in (endpoint.keys[0] or "")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_source_goes_to_the_model_as_material_not_as_instructions(endpoint, context, inputs, provider):
    endpoint.answers = [{"edits": []}]

    patcher.execute("generateFixPR", inputs, endpoint.context(context, provider))

    [request] = endpoint.requests
    user = request["messages"][-1]
    instructions = request["messages"][0]["content"] if provider == "openai" else request["system"]
    assert "exec(text)" in user["content"]
    assert "exec(text)" not in instructions
    assert request["model"] == "some-model"


HOSTILE = {
    "text that is not there": {**GOOD, "old": "nowhere"},
    "text that is there twice": {**GOOD, "old": "t"},
    "invalid code": {**GOOD, "new": "    def (:\n"},
    "finding still there": {**GOOD, "new": "    exec(text)  # fixed\n"},
    "new weakness": {**GOOD, "new": "    eval(text)\n"},
    "another weakness": {**GOOD, "new": "    import os; os.system('curl ' + text)\n"},
    "reversed text": {**GOOD, "new": "    run_(text)  # \u202etxet\n"},
    "escape": {**GOOD, "new": "    run_(text)  # \x1b[2J\n"},
    "very long": {**GOOD, "new": "    pass\n" * 100},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_models_bad_fix_is_refused_and_listed(endpoint, context, inputs, kind):
    endpoint.answers = [{"edits": [HOSTILE[kind]]}]

    output = patcher.execute("generateFixPR", inputs, endpoint.context(context, "openai"))

    assert output["patch"] == ""
    assert output["engine"] == "rules"
    assert output["unfixed"][0]["reason"].startswith("the model's fix was refused: ")


@pytest.mark.parametrize("finding", [1, 99])
def test_a_fix_for_a_finding_nobody_asked_about_is_ignored(endpoint, context, inputs, finding):
    endpoint.answers = [{"edits": [{**GOOD, "finding": finding}]}]

    output = patcher.execute("generateFixPR", inputs, endpoint.context(context, "openai"))

    assert output["patch"] == ""


def test_a_model_cannot_name_a_file_of_its_own(endpoint, context, inputs):
    edit = {**GOOD, "file": "../../.git/config"}
    endpoint.answers = [{"edits": [edit]}, {"edits": [edit]}]

    output = patcher.execute("generateFixPR", inputs, endpoint.context(context, "openai"))

    assert output["patch"] == ""
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_nonsense_is_asked_again_once_and_then_left(endpoint, context, inputs, provider, caplog):
    endpoint.answers = ["I would rather talk.", "Really."]

    output = patcher.execute("generateFixPR", inputs, endpoint.context(context, provider))

    assert len(endpoint.requests) == 2
    assert "Your last answer was refused" in endpoint.requests[1]["messages"][-1]["content"]
    assert (output["engine"], len(output["unfixed"])) == ("rules", 1)
    assert "gave no answer of the asked shape" in caplog.text


def test_nonsense_may_be_followed_by_sense(endpoint, context, inputs):
    endpoint.answers = ["{", {"edits": [GOOD]}]

    output = patcher.execute("generateFixPR", inputs, endpoint.context(context, "openai"))

    assert output["engine"] == "model"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize(("status", "error"), [(429, TransientError), (503, TransientError), (401, None)])
def test_an_endpoint_that_refuses(endpoint, context, inputs, provider, status, error):
    endpoint.status = status
    asked = endpoint.context(context, provider)

    if error is None:
        output = patcher.execute("generateFixPR", inputs, asked)
        assert output["unfixed"]
    else:
        with pytest.raises(error, match=f"status {status}"):
            patcher.execute("generateFixPR", inputs, asked)


@pytest.mark.parametrize("status", [429, 500])
def test_a_model_that_fails_loses_no_fix_of_the_rules(endpoint, context, inputs, shop, status):
    """Where rules have fixed something, it is proposed; what the model was asked for says why it is left."""
    endpoint.status = status
    from agents.builtin.security_scanner import agent as scanner

    found = scanner.execute("scanRepository", {"repositoryPath": str(shop.path), "scanType": "FULL"}, context)
    asked = {**inputs, "vulnerabilities": [*found["vulnerabilities"], FINDING]}
    output = patcher.execute("generateFixPR", asked, endpoint.context(context, "openai"))

    assert len(output["fixed"]) >= 8
    (left,) = [each for each in output["unfixed"] if each["file"] == FINDING["file"]][:1]
    assert "the model was of no help: " in left["reason"]
    assert str(status) in left["reason"]


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"LLM_PROVIDER": "mystery", "LLM_MODEL": "m", "LLM_BASE_URL": "http://x"}, "'LLM_PROVIDER' is 'mystery'"),
        ({"LLM_PROVIDER": "openai", "LLM_MODEL": "m"}, "'LLM_BASE_URL' is not set"),
        ({"LLM_PROVIDER": "openai", "LLM_BASE_URL": "http://x"}, "'LLM_MODEL' is not set"),
        (
            {"LLM_PROVIDER": "openai", "LLM_MODEL": "m", "LLM_BASE_URL": "http://x"},
            "no value for secret 'LLM_API_KEY'",
        ),
    ],
)
def test_half_of_a_configuration_is_an_error_that_names_the_rest(context, inputs, env, sentence):
    with pytest.raises(AgentError, match=sentence):
        patcher.execute("generateFixPR", inputs, dataclasses.replace(context, env=env))


def test_a_models_comments_are_kept_where_a_line_changed(endpoint, context, shop):
    comment = {"severity": "WARNING", "category": "correctness", "message": "Empty\x1b names?"}
    endpoint.answers = [
        {
            "comments": [
                {**comment, "file": "shop/invoices.py", "line": 8},
                {**comment, "file": "shop/orders.py", "line": 1},
                {**comment, "file": "/etc/passwd", "line": 1},
                {**comment, "file": "shop/invoices.py", "line": 999},
            ]
        }
    ]
    inputs = {"repositoryPath": str(shop.path), "baseCommit": shop.base_commit, "guidelines": "No surprises."}

    output = reviewer.execute("reviewPR", inputs, endpoint.context(context, "anthropic"))

    said = [one for one in output["comments"] if one["rule"] == "model"]
    assert [(one["file"], one["line"], one["message"]) for one in said] == [
        ("shop/invoices.py", 8, "Empty names?")
    ]
    assert output["engine"] == "model"
    assert "No surprises." in endpoint.requests[0]["system"]


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_call_is_told_with_its_tokens_and_its_cost(endpoint, context, inputs, provider, capsys):
    endpoint.answers = [{"edits": [GOOD]}]
    asked = endpoint.context(context, provider)
    prices = {"LLM_PRICE_INPUT": "2.50", "LLM_PRICE_OUTPUT": "1e5"}

    patcher.execute("generateFixPR", inputs, dataclasses.replace(asked, env={**asked.env, **prices}))

    (told,) = [line for line in capsys.readouterr().err.split("\n") if line.startswith('\x1e{"span"')]
    part = told_part(json.loads(told[1:])["span"])
    assert part is not None
    assert (part.name, part.kind) == ("chat some-model", "client")
    assert model_use([part]).as_json() == {"calls": 1, "inputTokens": 1_000_000, "outputTokens": 2, "costUsd": 2.7}


def test_a_price_that_is_none_is_refused(endpoint, context, inputs):
    asked = endpoint.context(context, "openai")
    broken = dataclasses.replace(asked, env={**asked.env, "LLM_PRICE_INPUT": "cheap"})
    with pytest.raises(BadRequestError, match="LLM_PRICE_INPUT"):
        patcher.execute("generateFixPR", inputs, broken)


@pytest.mark.parametrize(
    "limit",
    [
        {"LLM_MAX_TOKENS": "1000002"},
        {"LLM_MAX_COST": "0.5", "LLM_PRICE_INPUT": "1", "LLM_PRICE_OUTPUT": "1"},
    ],
)
def test_no_call_begins_once_the_limit_is_reached(endpoint, context, limit):
    """The endpoint of these tests says that each call took 1,000,000 tokens, and 2 for its answer."""
    asked = endpoint.context(context, "openai")
    model = configured(dataclasses.replace(asked, env={**asked.env, **limit}))
    assert model is not None
    endpoint.answers = [{"edits": [GOOD]}]
    model._send("say", "what", Answer)
    with pytest.raises(BadRequestError, match=f"not asked again: .*{next(iter(limit))}"):
        model._send("say", "what", Answer)
    assert len(endpoint.requests) == 1


def test_a_limit_of_cost_needs_prices(endpoint, context):
    asked = endpoint.context(context, "openai")
    with pytest.raises(BadRequestError, match=r"LLM_MAX_COST.*LLM_PRICE_INPUT"):
        configured(dataclasses.replace(asked, env={**asked.env, "LLM_MAX_COST": "1"}))


class Answer(BaseModel):
    edits: list[dict]
