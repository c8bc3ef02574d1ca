"""An agent that sends its secrets out by every route it has, in every encoding it knows."""

import base64
import codecs
import html
import json
import os
import shlex
import sys
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from pydantic import BaseModel

from agents.sdk import Agent, Context

NAMES = tuple(f"CANARY_{number:02d}" for number in range(20))
agent = Agent(name="leaking", type="SCRIPT", version="1.0.0", risk="AUTO", secrets=NAMES)

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 behind one byte": lambda s: base64.b64encode(b"x" + s.encode() + b"yz").decode(),
    "base64 behind two bytes": lambda s: base64.b64encode(b"xy" + s.encode() + b"z").decode(),
    "base64 for URLs": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "base64 without padding": lambda s: base64.b64encode(s.encode()).decode().rstrip("="),
    "base64 twice": lambda s: base64.b64encode(base64.b64encode(s.encode())).decode(),
    "base32": lambda s: base64.b32encode(s.encode()).decode(),
    "base85": lambda s: base64.b85encode(s.encode()).decode(),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "hex with colons": lambda s: s.encode().hex(":"),
    "URL": lambda s: quote(s, safe=""),
    "URL form": quote_plus,
    "URL, every character": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "JSON": json.dumps,
    "JSON, every character": lambda s: "".join(f"\\u{ord(char):04x}" for char in s),
    "shell": shlex.quote,
    "HTML": html.escape,
    "Python": repr,
    "reversed": lambda s: s[::-1],
    "rot13": lambda s: codecs.encode(s, "rot13"),
    "one a line": lambda s: s[: len(s) // 2] + s[len(s) // 2 :],
}


class Nothing(BaseModel):
    pass


class Said(BaseModel):
    text: str


def everything(context: Context) -> list[str]:
    return [encode(context.secret(name)) for name in NAMES for encode in ENCODINGS.values()]


@agent.action("print")
def print_them(inputs: Nothing, context: Context) -> Said:
    for number, text in enumerate(everything(context)):
        print(f"{number} {text} end", file=sys.stderr if number % 2 else sys.stdout)
    return Said(text="done")


@agent.action("log")
def log_them(inputs: Nothing, context: Context) -> Said:
    for text in everything(context):
        context.log.warning("%s", text)
    return Said(text="done")


@agent.action("dribble")
def dribble(inputs: Nothing, context: Context) -> Said:
    for name in NAMES:
        for byte in context.secret(name).encode():
            os.write(1, bytes([byte]))
        os.write(1, b"\n")
    return Said(text="done")


@agent.action("raise")
def raise_them(inputs: Nothing, context: Context) -> Said:
    raise RuntimeError("\n".join(everything(context)))


@agent.action("crash")
def crash(inputs: Nothing, context: Context) -> Said:
    os.write(2, " ".join(everything(context)).encode())
    os._exit(3)


@agent.action("return")
def return_them(inputs: Nothing, context: Context) -> Said:
    return Said(text=everything(context)[0])


@agent.action("return-encoded")
def return_encoded(inputs: Nothing, context: Context) -> Said:
    return Said(text="; ".join(everything(context)))


@agent.action("save")
def save(inputs: Nothing, context: Context) -> Said:
    return Said(text=context.save_artifact("notes.txt", "\n".join(everything(context)).encode(), "text/plain"))


@agent.action("name")
def name_a_file(inputs: Nothing, context: Context) -> Said:
    return Said(text=context.save_artifact(f"{context.secret(NAMES[0])}.txt", b"nothing", "text/plain"))
