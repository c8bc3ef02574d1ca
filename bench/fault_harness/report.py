"""The result of a run of the harness -> docs/faults.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HEAD = """\
# What the platform does when its parts are killed

Made by {command} ({minutes} minutes on {cpus} cores).

The harness starts the real platform in a temporary folder: NATS with JetStream, Prefect's server on SQLite, worker,
listener. Each event starts a run of three nodes: a chat message, a branch published in a git remote behind a gate,
another chat message. A person of the harness answers the gates (every fifth with no), through the records' `decide`
and a wake-up that is left out three times in ten.

Outside of all that is a ledger, appended and synced line by line: each event that JetStream acknowledged, each message
that the receiving end accepted (before it answered), each decision, each kill. Published branches are read from the
remote itself. A round ends when all is at rest, and the whole ledger is compared then:

- **lost**: an acknowledged event without a run, a run that SUCCEEDED without one of its effects, an approved run that
  FAILED for another reason than the limit of takeovers, an end that was not told on NATS;
- **doubled**: a second run of an event, a second branch or proposal of a run, a message under a second idempotency key,
  an end told twice;
- **unapproved**: a branch for which no approval was in the ledger before;
- **stuck**: a run that has not ended within {quiet:g} s, on record or in Prefect, or an outgoing event never published.

## Result

| | |
|---|---|
| kills | **{kills}** ({point_kills} at named points, {random_kills} at random moments) |
| by part, at random moments | {by_part} |
| events accepted = runs ended | {runs} |
| branches published | {branches} |
| lost | **{lost}** |
| doubled | **{doubled}** |
| unapproved executions | **{unapproved}** |
| stuck | **{stuck}** |
| runs parked as FAILED after 3 takeovers | {parked} |
| messages sent, of which once more under the same key | {messages}, **{repeats}** |
"""

_REPEATS = """
## Messages that were sent twice

A process that dies after the receiving end has accepted a message, and before that is on record, cannot know. Its
successor sends the message again, **under the same idempotency key**: the key is made of run, node, item and intent,
and every attempt has it. The notifier hands it over as `Idempotency-Key` (webhook), in the message's metadata (Slack)
and as Message-ID (e-mail), so a receiver that looks at it drops the repeat. Slack does not do so by itself: there a
person may see the message twice. A notification is therefore sent at least once, and once in effect only where the
receiver compares keys; {repeats} repeats were seen in {messages} messages above. A published branch has no such gap:
the key stands in its commit, and the second attempt finds it.
"""

_LIMITS = """
## What the harness has found, and what was changed

- A run that had FAILED on record, and whose worker died before Prefect knew, was taken over and counted as a person's
  retry: opened again, executed again, its end told twice. Now Prefect's history decides (`flows/history.py`).
- Prefect suspends a run first and saves its form afterwards. A worker that died in between left a run that waited
  without a form, which Prefect refuses to resume for ever; a decision did not wake it. Now the form is saved first
  (`flows/form.py`), and one that a crash has left is replaced.

## What this does not show

Power cuts (the kernel survives here, so what was written but not synced survives too), PostgreSQL as the records'
database, a network that drops answers, two workers at a time. The stack gives a part up that keeps dying within a
minute of its start; the harness takes that limit away, since it kills far more often than that.
"""


def together(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several runs of the harness, each on a platform of its own, as one result."""
    names = results[0]["verdict"]
    return {
        "command": " and ".join(each["command"] for each in results),
        "cpus": results[-1]["cpus"],
        "quiet": results[-1]["quiet"],
        "seconds": sum(each["seconds"] for each in results),
        "rounds": [one for each in results for one in each["rounds"]],
        "kills": [one for each in results for one in each["kills"]],
        "verdict": {name: sum((each["verdict"][name] for each in results), type(names[name])()) for name in names},
    }


def write_report(path: Path, result: dict[str, Any]) -> None:
    """Write the page."""
    verdict, rounds, kills = result["verdict"], result["rounds"], result["kills"]
    parts = Counter(kill["part"] for kill in kills if "part" in kill)
    counts = {name: len(verdict[name]) for name in ("lost", "doubled", "unapproved", "stuck", "repeats")}
    text = _HEAD.format(
        command=result["command"],
        minutes=round(result["seconds"] / 60),
        cpus=result["cpus"],
        quiet=result["quiet"],
        kills=len(kills),
        point_kills=sum("point" in kill for kill in kills),
        random_kills=parts.total(),
        by_part=", ".join(f"{name} {number}" for name, number in sorted(parts.items())) or "none",
        runs=verdict["runs"],
        branches=verdict["branches"],
        parked=verdict["parked"],
        messages=verdict["messages"],
        **counts,
    )
    problems = [problem for each in rounds for problem in each["problems"]]
    if problems:
        text += "\n## Found\n\n" + "".join(f"- {problem}\n" for problem in problems)
    text += _points(rounds) + _REPEATS.format(repeats=counts["repeats"], messages=verdict["messages"]) + _LIMITS
    path.write_text(text, encoding="utf-8")


def _points(rounds: list[dict[str, Any]]) -> str:
    """A table of the named points, and one line for the random rounds."""
    lines = ["", "## Round by round", "", "| point | kills | seconds until at rest | found |", "|---|---|---|---|"]
    for each in rounds:
        if each["name"] != "random":
            found = "; ".join(each["problems"]) or "nothing"
            lines.append(f"| `{each['name']}` | {each['kills']} | {each['seconds']} | {found} |")
    random = [each for each in rounds if each["name"] == "random"]
    if random:
        bad = sum(bool(each["problems"]) for each in random)
        seconds = sorted(each["seconds"] for each in random)
        lines.append(
            f"| at random, {len(random)} rounds | {sum(each['kills'] for each in random)} | "
            f"median {seconds[len(seconds) // 2]}, most {seconds[-1]} | "
            f"{f'something in {bad} rounds, see above' if bad else 'nothing'} |"
        )
    return "\n".join([*lines, ""])
