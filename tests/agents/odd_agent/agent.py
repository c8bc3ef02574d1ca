"""An agent for tests: behaves, or misbehaves in the way its input names."""

from __future__ import annotations

import os
import sys
from typing import Any

from odd_words import GREETING

from agents.sdk import Agent, AgentError, Context, Schema, TransientError

agent = Agent(name="odd", type="SCRIPT", version="1.0.0", risk="AUTO", description="Odd on demand")


class Wish(Schema):
    way: str
    times_to_greet: int = 1


class Answer(Schema):
    text: str
    artifact: str | None = None


@agent.action("act", description="Do what the wish says")
def act(wish: Wish, context: Context) -> Answer:
    return ODDITIES[wish.way](wish, context)


@agent.action("wait", description="The same as a coroutine")
async def wait(wish: Wish, context: Context) -> Answer:
    return Answer(text=f"waited for {wish.way}")


def _greet(wish: Wish, context: Context) -> Answer:
    print("a stray line")
    context.log.warning("two\nlines %s", wish.times_to_greet)
    saved = context.save_artifact("hello.txt", b"hello", "text/plain")
    return Answer(text=f"{GREETING} {context.node_id} {context.idempotency_key}", artifact=saved)


def _secret(wish: Wish, context: Context) -> Answer:
    same = context.secret("TOKEN") == os.environ["TOKEN"]
    return Answer(text=f"{len(context.secret('TOKEN'))} {same} {'COMMANDCENTER_SECRETS_FD' in os.environ}")


def _fail(error: BaseException) -> Any:
    def fail(wish: Wish, context: Context) -> Answer:
        raise error

    return fail


ODDITIES: dict[str, Any] = {
    "greet": _greet,
    "secret": _secret,
    "raise": _fail(ValueError("it\nbroke")),
    "refuse": _fail(AgentError("the thing is not there")),
    "later": _fail(TransientError("try later")),
    "exit": _fail(SystemExit(3)),
    "memory": _fail(MemoryError()),
    "die": lambda wish, context: os._exit(7),
    "rubbish": lambda wish, context: sys.stdout.write("{not json"),
    "surplus": lambda wish, context: {"text": "x", "more": 1},
}
