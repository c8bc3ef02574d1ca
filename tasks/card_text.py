"""A card's data -> what a person reads, the same on every channel: terminal, HTTP, Prefect's form.

First, in words, what will happen; then the details as readable text; the exact JSON of the inputs last. The words are
ours. All else is a `Value` or the text of a `Block`: from outside, safe text, which each channel shows as text
and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from tasks.effect_picture import MAX_DIFF, details, summary
from tasks.outline import field_lines, outline
from tasks.safe_text import fenced, inline, safe_json, safe_text
from tasks.words import Block, CardPart, QuotedValue, Sentence, Words, plain_words, value

_RISKS = ("AUTO", "APPROVAL_REQUIRED")
_ONE_PERSON = "The two-person rule is off here: one person alone may change gates, agents and people."
_INPUTS = 6_000
_FOUND = 3_000


def card_parts(data: Mapping[str, Any]) -> list[CardPart]:
    """All of the card, in the order in which it is read."""
    risk = data.get("risk")
    mark = risk if risk in _RISKS else "RISK NOT KNOWN"
    proposals = _proposals(data)
    parts: list[CardPart] = []
    if proposals:
        parts += _proposed(data, proposals, mark=mark)
    else:
        parts.append(Sentence(mark=mark, words=_what_runs(data)))
    if not proposals and (effect := _effect(data)):
        parts.append(Sentence(words=effect))
    if data.get("description"):
        parts.append(Sentence(words=("Description by the author of the agent: ", value(data["description"]))))
    if not proposals:
        parts.append(Sentence(words=_reach(data)))
    if settings := _mapping(data, "settings"):
        said = "\n".join(f"{name} = {what}" for name, what in sorted(settings.items()))
        title = ("Settings of the operator that it is done with:",)
        parts.append(Block(title=title, text=safe_text(said, limit=_FOUND)))
    for name, what in _mapping(data, "bindings").items():
        parts.append(Sentence(words=(value(name), " is taken at ", value(what), ".")))
    if data.get("deadline"):
        parts.append(Sentence(words=("Decide before ", value(data["deadline"]), ".")))
    if data.get("twoPersonRule") == "off":
        parts.append(Sentence(words=(_ONE_PERSON,)))
    inputs = in_reading_order(data.get("inputs"))
    readable = outline(inputs, limit=_INPUTS, elsewhere="see the JSON at the end")
    parts.append(Block(title=("Inputs:",), text=readable if inputs else "(none)"))
    for name, found in _mapping(data, "upstream").items():
        parts.append(Block(title=("What ", value(name), " found:"), text=outline(found, limit=_FOUND)))
    exact = safe_text(field_lines(inputs), limit=_INPUTS)
    parts.append(Block(title=("The inputs as JSON, exactly as they will be used:",), text=exact))
    parts.append(Sentence(words=("Digest: ", value(data.get("digest")))))
    return parts


def form_markdown(cards: Iterable[Mapping[str, Any]]) -> str:
    """The text of the form that asks about all of these: the same whichever database the cards have gone through."""
    return "\n\n---\n\n".join(card_markdown(json.loads(json.dumps(each, sort_keys=True))) for each in cards)


def _proposals(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = data.get("proposals")
    return cast("list[dict[str, Any]]", found) if isinstance(found, list) else []


def _proposed(data: Mapping[str, Any], proposals: list[dict[str, Any]], *, mark: str) -> list[CardPart]:
    """What the platform will do, then all of it; how the agent came to it last."""
    parts: list[CardPart] = []
    several = len(proposals) > 1
    for index, each in enumerate(proposals):
        number = f" ({index + 1} of {len(proposals)})" if several else ""
        words = (f"If this is approved, the platform does this and nothing else{number}: ", *summary(each), ".")
        parts.append(Sentence(mark=mark if index == 0 else "", words=words))
    for index, each in enumerate(proposals):
        if several:
            parts.append(Sentence(words=(f"Effect {index + 1} of {len(proposals)}:",)))
        parts += details(each)
    parts.append(
        Sentence(
            words=(
                "It was proposed by agent ",
                value(data.get("agent")),
                " (version ",
                value(data.get("agentVersion")),
                ") with its action ",
                value(data.get("action")),
                ", as node ",
                value(data.get("node")),
                ". The agent is not run again. ",
                *_reached(data),
            )
        )
    )
    return parts


def _reached(data: Mapping[str, Any]) -> Words:
    """What the agent had in the jail while it proposed."""
    network, secrets = data.get("network") or (), data.get("secrets") or ()
    hosts: Words = ("It could reach ", value(", ".join(network))) if network else ("It could reach no network",)
    names: Words = (" and had the secrets ", value(", ".join(secrets))) if secrets else (" and had no secrets",)
    return (*hosts, *names, ".")


def card_markdown(data: Mapping[str, Any]) -> str:
    """The card for Prefect's form, which renders Markdown: every value stands in a code span or a code block."""
    return "\n\n".join(_markdown(part) for part in card_parts(data))


def card_text(data: Mapping[str, Any]) -> str:
    """The card as plain text. Lines of blocks are indented: none of them can be taken for a line of the card."""
    return "\n\n".join(plain_part(part) for part in card_parts(data))


def in_reading_order(inputs: Any) -> Any:
    """Inputs with the short ones first: a path or a branch must not hide below a long list."""
    if not isinstance(inputs, dict):
        return inputs
    named = cast("dict[str, Any]", inputs)
    return dict(sorted(named.items(), key=lambda item: len(safe_json(item[1]))))


def _what_runs(data: Mapping[str, Any]) -> Words:
    inputs = data.get("inputs")
    often = f", once for each of {len(cast('list[Any]', inputs)):,} items" if isinstance(inputs, list) else ""
    return (
        "If this is approved, agent ",
        value(data.get("agent")),
        " (version ",
        value(data.get("agentVersion")),
        ") runs its action ",
        value(data.get("action")),
        f"{often}, as node ",
        value(data.get("node")),
        ".",
    )


def _effect(data: Mapping[str, Any]) -> Words:
    """What the platform itself does with the result."""
    if data.get("effect") != "publish-branch":
        return ()
    inputs = data.get("inputs")
    branch = cast("dict[str, Any]", inputs).get("targetBranch") if isinstance(inputs, dict) else None
    what: Words = ("the branch ", value(branch)) if branch is not None else ("a branch",)
    return ("Its changes are then pushed as ", *what, " to the remote of the repository.")


def _reach(data: Mapping[str, Any]) -> Words:
    network, secrets = data.get("network") or (), data.get("secrets") or ()
    hosts: Words = ("It can reach ", value(", ".join(network))) if network else ("It can reach no network",)
    names: Words = (
        (" and is given the secrets ", value(", ".join(secrets))) if secrets else (" and gets no secrets",)
    )
    return (*hosts, *names, ".")


def _markdown(part: CardPart) -> str:
    if isinstance(part, Block):
        return f"{_markdown_words(part.title)}\n\n{fenced(part.text, limit=2 * MAX_DIFF)}"
    mark = f"**{part.mark}** — " if part.mark else ""
    return mark + _markdown_words(part.words)


def _markdown_words(words: Words) -> str:
    return "".join(inline(each.text, limit=400) if isinstance(each, QuotedValue) else each for each in words)


def plain_part(part: CardPart) -> str:
    """One part as plain text."""
    if isinstance(part, Block):
        lines = [f"    {line}" for line in part.text.split("\n")]
        return "\n".join([plain_words(part.title), *lines])
    return (f"{part.mark}: " if part.mark else "") + plain_words(part.words)


def _mapping(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
