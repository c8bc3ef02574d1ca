"""An agent that does wrong what an agent can do wrong."""

import os
import sys
import time

from pydantic import BaseModel

from agents.sdk import Agent, Context

agent = Agent(name="misbehaving", type="SCRIPT", version="1.0.0", risk="AUTO", memory_mb=256)


class Nothing(BaseModel):
    pass


class Small(BaseModel):
    n: int


@agent.action("behave")
def behave(inputs: Nothing, context: Context) -> Small:
    print("a line of output")
    return Small(n=1)


@agent.action("rubbish")
def rubbish(inputs: Nothing, context: Context) -> Small:
    sys.stdout.buffer.write(b"\xff\x00 {{{ not what was asked for \x1b[2J\n")
    sys.stdout.flush()
    os._exit(0)


@agent.action("exit")
def leave(inputs: Nothing, context: Context) -> Small:
    sys.exit(3)


@agent.action("raise")
def fail(inputs: Nothing, context: Context) -> Small:
    raise RuntimeError("the disk is on fire")


@agent.action("sleep")
def sleep(inputs: Nothing, context: Context) -> Small:
    time.sleep(60)
    return Small(n=1)


@agent.action("eat")
def eat(inputs: Nothing, context: Context) -> Small:
    eaten = []
    while True:
        eaten.append(b"x" * 32_000_000)


@agent.action("forbid")
def forbid(inputs: Nothing, context: Context) -> Small:
    return {"n": "many", "also": "this"}  # type: ignore[return-value]
