"""What `docs/reference/sdk.md` says is true: each example does what stands below it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from agents.runtime.description import describe
from agents.sdk import Agent, AgentError, Context

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "sdk.md"
BLOCK = re.compile(r"```(python|json)\n(.*?)```", re.S)


@dataclass(frozen=True)
class Example:
    """One call of one agent of the page."""

    code: str
    call: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.call['action']}-{self.call.get('error', 'output')}"


def examples() -> list[Example]:
    found: list[Example] = []
    code = ""
    for language, text in BLOCK.findall(PAGE.read_text()):
        if language == "python":
            code = text
        else:
            found.append(Example(code, json.loads(text)))
    return found


class Service(BaseHTTPRequestHandler):
    """`/busy` is busy, all else is well."""

    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/busy" else 200)
        self.end_headers()
        self.wfile.write(f"{self.path[1:]} is well".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def agent_of(code: str) -> Agent:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, str(PAGE), "exec", dont_inherit=True), names)
    return names["agent"]


@pytest.mark.server
@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_does_what_stands_below_it(example: Example, service: str, tmp_path: Path) -> None:
    call = example.call
    work, saved = tmp_path / "work", tmp_path / "artifacts"
    work.mkdir()
    saved.mkdir()
    for name, text in call.get("files", {}).items():
        (work / name).write_text(text)
    given = json.loads(json.dumps(call["input"]).replace("FOLDER", str(work)))
    context = Context(
        env={"STATUS_URL": service, **call.get("settings", {})},
        secrets=call.get("secrets", {}),
        idempotency_key="k",
        tmp=tmp_path,
        artifacts_folder=saved,
    )
    agent = agent_of(example.code)
    if "error" in call:
        with pytest.raises(AgentError) as failed:
            agent.execute(call["action"], given, context)
        assert failed.value.kind == call["error"]
        return
    assert agent.execute(call["action"], given, context) == call["output"]
    for one in context.saved:
        content = (saved / one.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() in json.dumps(call["output"])


def test_every_agent_of_the_page_has_a_manifest_and_a_call() -> None:
    codes = {text for language, text in BLOCK.findall(PAGE.read_text()) if language == "python"}
    assert len(codes) == 5
    assert {example.code for example in examples()} == codes
    for code in codes:
        assert describe(agent_of(code))["actions"]
