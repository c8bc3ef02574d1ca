"""A proposed effect, as its card keeps it -> what a person reads: a sentence that says what will happen, then details.

The request is what will be done; everything in it that came from an agent or an event stands as a `Value` or a `Block`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from agents.repository.diff_stat import FileStat, diff_stat
from tasks.outline import field_lines, outline
from tasks.safe_text import safe_text
from tasks.words import Block, CardPart, Sentence, Words, join, plain_words, value

MAX_DIFF = 60_000
"""Characters of a diff that a card shows; over HTTP a proposal has all of it."""
_TEXT = 12_000
_MINUS = "\N{MINUS SIGN}"
Data = Mapping[str, Any]


def summary(proposal: Data) -> Words:
    """What will happen, in one sentence without its full stop."""
    request = proposal.get("request")
    if not isinstance(request, dict):
        return ("Nothing: there is nothing to do",)
    say = _SUMMARIES.get(str(proposal.get("effect")))
    if say is None:
        return ("Carry out an effect that this version does not know: ", value(proposal.get("effect")))
    return say(cast("dict[str, Any]", request), _mapping(proposal.get("facts")))


def details(proposal: Data) -> list[CardPart]:
    """All of the request, as readable text."""
    request = proposal.get("request")
    show = _DETAILS.get(str(proposal.get("effect")))
    if not isinstance(request, dict) or show is None:
        return []
    return show(cast("dict[str, Any]", request), _mapping(proposal.get("facts")))


def public_proposal(proposal: Data) -> dict[str, Any]:
    """For HTTP and scripts: effect, summary, digest, and `diff`, `message` or `request` in full."""
    effect, request = str(proposal.get("effect")), _mapping(proposal.get("request"))
    found: dict[str, Any] = {
        "effect": effect,
        "summary": plain_words(summary(proposal)),
        "digest": proposal.get("digest"),
        "facts": _mapping(proposal.get("facts")),
    }
    if "patch" in request:
        found["diff"] = request["patch"]
        found["files"] = [vars(each) for each in diff_stat(str(request["patch"]))]
        found["request"] = {name: each for name, each in request.items() if name != "patch"}
    elif effect in ("send-mail", "send-chat"):
        found["message"] = request
    else:
        found["request"] = request
    return found


def proposal_of_approval(card: Data) -> dict[str, Any] | None:
    """What an approval's card proposes; for a `foreach` node with several effects they stand in `items`."""
    found = card.get("proposals")
    proposals = cast("list[dict[str, Any]]", found) if isinstance(found, list) else []
    if len(proposals) == 1:
        return public_proposal(proposals[0])
    if not proposals:
        return None
    return {
        "effect": proposals[0].get("effect"),
        "summary": "; ".join(plain_words(summary(each)) for each in proposals[:20]),
        "digest": card.get("digest"),
        "items": [public_proposal(each) for each in proposals],
    }


def counted(files: list[FileStat]) -> str:
    """Files, and lines added and removed; words of ours."""
    added, removed = sum(each.added for each in files), sum(each.removed for each in files)
    return f"{_number(len(files), 'file')}, +{added:,} {_MINUS}{removed:,}"


def _branch(request: Data, facts: Data) -> Words:
    return (
        "Push branch ",
        value(request.get("branch")),
        f" with {counted(diff_stat(str(request.get('patch'))))}",
        *_verification(facts),
    )


_LEVELS = {
    "tests": ", verified: its tests give what they gave before",
    "build": ", verified: it builds as before (no tests were run)",
    "parse": ", verified: it parses as before (nothing of it was run)",
}


def _verification(facts: Data) -> Words:
    found = facts.get("verified")
    if found is None:
        return ()
    return (_LEVELS.get(str(found), ", NOT verified"),)


def _branch_details(request: Data, facts: Data) -> list[CardPart]:
    parts: list[CardPart] = [
        Sentence(
            words=(
                "It goes to the remote of ",
                value(request.get("repository")),
                " as one commit on ",
                value(request.get("baseCommit")),
                ". Should the repository have moved by then, it is asked again.",
            )
        )
    ]
    if doubt := facts.get("doubt"):
        parts.append(Sentence(words=("As things are, it cannot be done: ", value(doubt), ".")))
    return parts + _patch_details(request, facts)


def _patch_details(request: Data, facts: Data) -> list[CardPart]:
    patch = str(request.get("patch"))
    files = "\n".join(f"{each.name}  +{each.added} {_MINUS}{each.removed}" for each in diff_stat(patch))
    parts: list[CardPart] = [
        Block(title=("Files:",), text=safe_text(files, limit=_TEXT)),
        Block(title=("The change, exactly as it will be pushed:",), text=safe_text(patch, limit=MAX_DIFF)),
        Block(title=("Commit message:",), text=safe_text(str(request.get("commitMessage")), limit=_TEXT)),
    ]
    if reason := facts.get("verification"):
        parts.insert(0, Sentence(words=("Verification in a jail of its own: ", value(reason), ".")))
    if said := {name: each for name, each in facts.items() if name != "doubt"}:
        parts.append(Block(title=("What the agent says about it:",), text=outline(said, limit=_TEXT)))
    return parts


def _mail(request: Data, facts: Data) -> Words:
    cc = _texts(request.get("cc"))
    copies: Words = (", with copies to ", *join(cc)) if cc else ()
    file: Words = (", with the file ", value(_name_of(request["attachment"]))) if request.get("attachment") else ()
    to = join(_texts(request.get("recipients")))
    return ("Send an e-mail to ", *to, *copies, " with the subject ", value(request.get("subject")), *file)


def _chat(request: Data, facts: Data) -> Words:
    where: Words = (" channel ", value(request["channel"])) if request.get("channel") else ()
    service = {"slack": "Slack", "teams": "Microsoft Teams", "discord": "Discord"}.get(str(request.get("service")))
    return ("Post a message to ", service or "a chat that is not known", *where)


def _message_details(request: Data, facts: Data) -> list[CardPart]:
    message = _mapping(request.get("message"))
    head = {name: message[name] for name in ("severity", "title", "facts") if message.get(name)}
    parts: list[CardPart] = [
        Block(
            title=("The text, exactly as it will be sent:",), text=safe_text(str(message.get("text")), limit=_TEXT)
        )
    ]
    if head:
        parts.append(Block(title=("With:",), text=outline(head, limit=_TEXT)))
    return parts


def _webhook(request: Data, facts: Data) -> Words:
    return ("Send a POST request to ", value(request.get("url")))


def _webhook_details(request: Data, facts: Data) -> list[CardPart]:
    parts: list[CardPart] = [
        Block(
            title=("The document, exactly as it will be sent:",),
            text=safe_text(field_lines(request.get("payload")), limit=_TEXT),
        )
    ]
    if headers := _mapping(request.get("headers")):
        parts.append(Block(title=("With the headers:",), text=outline(headers, limit=_TEXT)))
    return parts


def _artifact(request: Data, facts: Data) -> Words:
    size = len(str(request.get("content") or "").encode("utf-8", "replace"))
    return ("Save the file ", value(request.get("name")), f" of {size:,} bytes with the run")


def _artifact_details(request: Data, facts: Data) -> list[CardPart]:
    return [Block(title=("Its content:",), text=safe_text(str(request.get("content")), limit=_TEXT))]


def _pull_request(request: Data, facts: Data) -> Words:
    return (
        "Push branch ",
        value(request.get("branch")),
        f" with {counted(diff_stat(str(request.get('patch'))))}",
        *_verification(facts),
        ", and open a pull request for it: ",
        value(request.get("title")),
    )


def _pull_request_details(request: Data, facts: Data) -> list[CardPart]:
    people: list[str] = _texts(request.get("reviewers"))
    labels: list[str] = _texts(request.get("labels"))
    parts: list[CardPart] = _branch_details(request, facts)
    parts.insert(
        1, Block(title=("Text of the pull request:",), text=safe_text(str(request.get("body")), limit=_TEXT))
    )
    if people:
        parts.insert(1, Sentence(words=("Asked to review it: ", *join(people), ".")))
    if labels:
        parts.insert(1, Sentence(words=("Labels: ", *join(labels), ".")))
    return parts


_SUMMARIES: Mapping[str, Callable[[Data, Data], Words]] = {
    "publish-branch": _branch,
    "open-pull-request": _pull_request,
    "send-mail": _mail,
    "send-chat": _chat,
    "call-webhook": _webhook,
    "write-artifact": _artifact,
}
_DETAILS: Mapping[str, Callable[[Data, Data], list[CardPart]]] = {
    "publish-branch": _branch_details,
    "open-pull-request": _pull_request_details,
    "send-mail": _message_details,
    "send-chat": _message_details,
    "call-webhook": _webhook_details,
    "write-artifact": _artifact_details,
}


def _mapping(found: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _texts(found: Any) -> list[str]:
    return [str(each) for each in cast("list[Any]", found)] if isinstance(found, list) else []


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _name_of(reference: Any) -> str:
    return str(reference).rsplit("/", 1)[-1]
