"""A card's data -> what a person reads, the same by every way in: terminal, HTTP, Prefect's form.

First, in words, what will happen; then the details as readable text; the exact JSON of the inputs last. The words are
ours. All else is a `Value` or the text of a `Block`: from outside, inert, and for each way in kept from being read as
anything but text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from tasks.outline import field_lines, outline
from tasks.safe_text import fenced, inert_json, inline, safe_text

_RISKS = ("AUTO", "APPROVAL_REQUIRED")
_INPUTS = 6_000
_FOUND = 3_000


@dataclass(frozen=True)
class Value:
    """A short text from outside, in a sentence of ours."""

    text: str

    @property
    def shown(self) -> str:
        """In one line, inert."""
        return " ".join(safe_text(self.text, limit=400).split())


Words = tuple["str | Value", ...]


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One paragraph."""

    words: Words
    mark: str = ""
    """What stands out in front of it; only ever words of ours."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A title and the text below it, several lines of it from outside."""

    title: Words
    text: str
    """Inert, bounded."""


CardPart = Sentence | Block


def card_parts(data: Mapping[str, Any]) -> list[CardPart]:
    """All of the card, in the order in which it is read."""
    risk = data.get("risk")
    parts: list[CardPart] = [Sentence(mark=risk if risk in _RISKS else "RISK NOT KNOWN", words=_what_runs(data))]
    if effect := _effect(data):
        parts.append(Sentence(words=effect))
    if data.get("description"):
        parts.append(Sentence(words=("Description by the author of the agent: ", _value(data["description"]))))
    parts.append(Sentence(words=_reach(data)))
    for name, what in _mapping(data, "bindings").items():
        parts.append(Sentence(words=(_value(name), " is taken at ", _value(what), ".")))
    if data.get("deadline"):
        parts.append(Sentence(words=("Decide before ", _value(data["deadline"]), ".")))
    inputs = in_reading_order(data.get("inputs"))
    details = outline(inputs, limit=_INPUTS, elsewhere="see the JSON at the end")
    parts.append(Block(title=("Inputs:",), text=details if inputs else "(none)"))
    for name, found in _mapping(data, "upstream").items():
        parts.append(Block(title=("What ", _value(name), " found:"), text=outline(found, limit=_FOUND)))
    exact = safe_text(field_lines(inputs), limit=_INPUTS)
    parts.append(Block(title=("The inputs as JSON, exactly as they will be used:",), text=exact))
    parts.append(Sentence(words=("Digest: ", _value(data.get("digest")))))
    return parts


def card_markdown(data: Mapping[str, Any]) -> str:
    """The card for Prefect's form, which renders Markdown: every value stands in a code span or a code block."""
    return "\n\n".join(_markdown(part) for part in card_parts(data))


def card_text(data: Mapping[str, Any]) -> str:
    """The card as plain text. Lines of blocks are indented: none of them can be taken for a line of the card."""
    return "\n\n".join(_plain(part) for part in card_parts(data))


def in_reading_order(inputs: Any) -> Any:
    """Inputs with the short ones first: a path or a branch must not hide below a long list."""
    if not isinstance(inputs, dict):
        return inputs
    named = cast("dict[str, Any]", inputs)
    return dict(sorted(named.items(), key=lambda item: len(inert_json(item[1]))))


def plain_words(words: Words) -> str:
    """A sentence for a terminal or a log line."""
    return "".join(each.shown if isinstance(each, Value) else each for each in words)


def _what_runs(data: Mapping[str, Any]) -> Words:
    inputs = data.get("inputs")
    often = f", once for each of {len(cast('list[Any]', inputs)):,} items" if isinstance(inputs, list) else ""
    return (
        "If this is approved, agent ",
        _value(data.get("agent")),
        " (version ",
        _value(data.get("agentVersion")),
        ") runs its action ",
        _value(data.get("action")),
        f"{often}, as node ",
        _value(data.get("node")),
        ".",
    )


def _effect(data: Mapping[str, Any]) -> Words:
    """What the platform itself does with the result."""
    if data.get("effect") != "publish-branch":
        return ()
    inputs = data.get("inputs")
    branch = cast("dict[str, Any]", inputs).get("targetBranch") if isinstance(inputs, dict) else None
    what: Words = ("the branch ", _value(branch)) if branch is not None else ("a branch",)
    return ("Its changes are then pushed as ", *what, " to the remote of the repository.")


def _reach(data: Mapping[str, Any]) -> Words:
    network, secrets = data.get("network") or (), data.get("secrets") or ()
    hosts: Words = ("It can reach ", _value(", ".join(network))) if network else ("It can reach no network",)
    names: Words = (
        (" and is given the secrets ", _value(", ".join(secrets))) if secrets else (" and gets no secrets",)
    )
    return (*hosts, *names, ".")


def _markdown(part: CardPart) -> str:
    if isinstance(part, Block):
        return f"{_markdown_words(part.title)}\n\n{fenced(part.text, limit=2 * _INPUTS)}"
    mark = f"**{part.mark}** — " if part.mark else ""
    return mark + _markdown_words(part.words)


def _markdown_words(words: Words) -> str:
    return "".join(inline(each.text, limit=400) if isinstance(each, Value) else each for each in words)


def _plain(part: CardPart) -> str:
    if isinstance(part, Block):
        lines = [f"    {line}" for line in part.text.split("\n")]
        return "\n".join([plain_words(part.title), *lines])
    return (f"{part.mark}: " if part.mark else "") + plain_words(part.words)


def _value(value: Any) -> Value:
    return Value("" if value is None else str(value))


def _mapping(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
