"""Results of runs of the harness -> docs/reports/faults.md, with a column for each database."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_HEAD = """\
# What the platform does when its parts are killed

Made by these commands ({minutes} minutes in all on {cpus} cores), each on a platform of its own:

{commands}

The harness starts the real platform in a temporary folder: NATS with JetStream, Prefect's server, the listener, and two
workers of the same pool that know nothing of each other. Records and Prefect's own data are in SQLite files, or in two
databases of a real PostgreSQL with the settings it comes with. Each event starts a run of three nodes: a chat message,
a branch published in a git remote behind a gate, another chat message. A person of the harness answers the gates (every
fifth with no), through the records' `decide` and a wake-up that is left out three times in ten.

These faults are made:

- **kill**: `kill -9` of a part, at a named step of the platform or at a random moment. At random moments parts are
  killed in turn, each when it answers and accepted events are in flight, but for one of the workers; in a fifth of the
  turns all at the same moment. Between two turns something has to get on: a message sent or a gate answered. PostgreSQL
  dies with all its children. Each part is started again at once.
- **lost answer**: workers, listener and publisher reach Prefect, NATS and the records through proxies, and Prefect
  reaches its PostgreSQL through one. Now and then a proxy forwards a request for a change, waits for the server's
  answer that it was made (HTTP 2xx, JetStream's acknowledgement, the end of a COMMIT), and closes the connection
  instead of passing the answer on.
- **rerun**: besides, a run that has ended well goes again from its gate or from the node behind it, every few seconds:
  what was approved is asked again, the effects of the other nodes stay.
- **absent worker**: a worker is killed and stays away for at least 25 s; the other has to finish its runs.
- **frozen worker**: a worker is stopped (SIGSTOP) in the middle of a run, until the other has taken the run over, and
  then goes on where it was. What it still wants to write must be refused. On SQLite it is not stopped in the middle
  of a transaction: that would hold up all the others until it goes on. PostgreSQL ends such a transaction.

Outside of all that is a ledger, appended and synced line by line: each event that JetStream acknowledged, each message
that the receiving end accepted (before it answered), each decision, each fault. Published branches are read from the
remote itself. A round ends when all is at rest, and the whole ledger is compared then:

- **lost**: an acknowledged event without a run, a run that SUCCEEDED without one of its effects, an approved run that
  FAILED for another reason than the limit of takeovers, an end that was not told on NATS;
- **doubled**: a second run of an event, a second branch or proposal of a run, a message under a second idempotency key
  or an end told twice without a rerun;
- **unapproved**: a branch for which no approval was in the ledger before, or a rerun from the gate without another one;
- **stuck**: a run that has not ended within {quiet:g} s, on record or in Prefect, or an outgoing event never published.

## Result

"""

_REPEATS = """
## Messages that were sent twice

A process that dies after the receiving end has accepted a message, and before that is on record, cannot know. Its
successor sends the message again, **under the same idempotency key**: the key is made of run, node, item and
invocation, and every attempt has it; what ended well and is run again by a person has another one. The notifier hands
it over as `Idempotency-Key` (webhook), in the message's metadata (Slack) and as Message-ID (e-mail), so a receiver
that looks at it drops the repeat. Slack does not do so by itself: there a person may see the message twice. A
notification is therefore sent at least once, and once in effect only where the receiver compares keys; {repeats}
repeats were seen in {messages} messages above. A published branch has no such gap: the key stands in its commit, and
the second attempt finds it.
"""

_LIMITS = """
## What the harness has found, and what was changed

- A run that had FAILED on record, and whose worker died before Prefect knew, was taken over and counted as a person's
  retry: opened again, executed again, its end told twice. Now Prefect's history decides (`flows/retry_detection.py`).
- Prefect suspends a run first and saves its form afterwards. A worker that died in between left a run that waited
  without a form, which Prefect refuses to resume for ever; a decision did not wake it. Now the form is saved first
  (`flows/form.py`), and one that a crash has left is replaced.
- A worker that took over a run from a dead one first erased whose it was, and put it back into the queue afterwards. It
  lost an answer in between, asked again, and was killed: nobody's run, in which nothing moved ever after. Now a run
  keeps the dead worker's name until the next one writes its own (`deployments/worker/run_client.py`).
- A frozen worker woke up between two of its first steps, was told that it had been overtaken, and reported that to
  Prefect as the failure of the run, over its successor's head. Now an execution that has been overtaken reports
  nothing, whatever it meets, and wakes the run again if it has suspended it (`flows/run.py`).
- One that had been frozen before it took its fencing token took it when it woke up, from its successor, which had
  suspended or ended the run by then: on record it was RUNNING and in Prefect it waited, or its end was told twice.
  Now an execution that finds its run no longer Running, or that is late and finds it changed, leaves it alone
  (`flows/run.py`).
- A process that is frozen inside a transaction keeps its lock on the run. PostgreSQL now ends such a transaction after
  20 s (`records/database/connections.py`). SQLite has nobody who could: there all others wait as long as it stands.
- A worker whose look at a run's deployment was answered with status 500 ended the run as crashed: an event without a
  run. Now trouble of the API itself ends nothing: the run is taken again (`deployments/worker/worker.py`).
- Two workers read of the same waiting run; one executed it to its end, and the other claimed it after that, which
  Prefect allows for a failed run. It counted as a person's retry: the end was told twice. Now only a run that was put
  into the queue after its end is one (`flows/retry_detection.py`).
- The answer to a suspension was lost, and a person decided before it was asked for again: Prefect refused the second
  asking, and the run failed. Now the execution leaves it to the next one (`flows/run.py`).
- A node whose secret was asked for while Prefect's API answered with status 500 failed. Now the question is asked
  again, for a minute, and then counts as a failure that can pass (`tasks/secrets.py`).
- PostgreSQL was killed while a run asked to be suspended, Prefect's server answered with status 500, and the run
  failed: Prefect's client asks again after many answers, but not after this one. Now all that a run asks is asked again
  for a minute (`deployments/worker/run_client.py`), as above for secrets and deployments.
- A run's first request failed before its state was known, and the worker fell over that when it reported the error:
  the run was set to Crashed instead of being taken again (`deployments/worker/flow_thread.py`).
- A worker that could not reach Prefect for 16 s lost its run to the other one, suspended it over that one's head all
  the same when Prefect was back, and was killed before it could wake it again, and the other one with it: at work on
  record, waiting in Prefect, and nobody to end the wait. Now a process looks whether the run is still its own before it
  suspends it (`flows/run.py`), and a run that is at work on record and waits at its gates in Prefect is woken
  (`triggers/reconcile/ended_runs.py`).
- A worker was stopped for 91 s in the middle of a transaction of SQLite. The other gave up its lock after one minute,
  and that failed a run. It waits for five now (`records/database/sqlite_connection.py`).

Earlier series than the ones reported here, over 2,000 kills in all, many ended with some of these fixed: on PostgreSQL
they had lost 6 runs, doubled 2 ends and left 2 runs stuck; on SQLite the first two of the list and the last were found.
No execution was ever unapproved.

## What this does not show

Power cuts (the kernel survives here, so what was written but not synced survives too), a network that delays or
garbles, workers on several machines. The stack gives a part up that keeps dying within a minute of its start; the
harness takes that limit away, since it kills far more often than that.
"""


def write_report(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write the page."""
    counted = [_together(results)]
    messages, repeats = counted[0]["compared"]["messages"], len(counted[0]["compared"]["repeats"])
    databases = [name for name in _NAMES if any(each["database"] == name for each in results)]
    columns = {
        _NAMES[name]: _together([each for each in results if each["database"] == name]) for name in databases
    }
    if len(columns) > 1:
        columns["together"] = counted[0]
    text = _HEAD.format(
        commands="\n".join(f"- {each['command']}" for each in results),
        minutes=round(sum(each["seconds"] for each in results) / 60),
        cpus=results[-1]["cpus"],
        quiet=results[-1]["quiet"],
    )
    text += _table(["", *columns], _rows(list(columns.values())))
    problems = [(each, problem) for each in results for one in each["rounds"] for problem in one["problems"]]
    if problems:
        text += "\n## Found\n\n" + "".join(f"- {problem} (by {each['command']})\n" for each, problem in problems)
    text += "\n## Round by round\n\n" + _table(["", "kills", "seconds until at rest", "found"], _rounds(results))
    text += _REPEATS.format(repeats=repeats, messages=messages) + _LIMITS
    path.write_text(text, encoding="utf-8")


def _together(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several runs of the harness as one result."""
    comparisons = [each["compared"] for each in results]
    added = {
        name: sum((each[name] for each in comparisons), type(comparisons[0][name])()) for name in comparisons[0]
    }
    lists = {
        kind: [one for each in results for one in each[kind]] for kind in ("kill", "drop", "absence", "freeze")
    }
    return {**lists, "compared": added, "refused": sum(each["refused"] for each in results)}


def _rows(columns: list[dict[str, Any]]) -> Iterator[list[str]]:
    """The lines of the result; one column for each database."""

    def row(name: str, value: Callable[[dict[str, Any]], object]) -> list[str]:
        return [name, *(str(value(each)) for each in columns)]

    def of(kind: str, field: str, value: str) -> Callable[[dict[str, Any]], int]:
        return lambda each: sum(one.get(field) == value for one in each[kind])

    def found(name: str) -> Callable[[dict[str, Any]], str]:
        return lambda each: f"**{len(each['compared'][name])}**"

    yield row("kills", lambda each: f"**{len(each['kill'])}**")
    yield row("- at named points", lambda each: sum("point" in one for one in each["kill"]))
    for part in sorted({one["part"] for each in columns for one in each["kill"] if "part" in one}):
        yield row(f"- at random moments: {part}", of("kill", "part", part))
    yield row("runs in flight at a random kill, median", lambda each: _median(each["kill"], "in_flight"))
    yield row("lost answers", lambda each: f"**{len(each['drop'])}**")
    for target in sorted({one["target"] for each in columns for one in each["drop"]}):
        yield row(f"- {target}", of("drop", "target", target))
    yield row("absent workers", lambda each: len(each["absence"]))
    yield row("- seconds, median", lambda each: _median(each["absence"], "seconds"))
    yield row("- runs in hand, finished by the other worker", lambda each: _sum(each["absence"]))
    yield row("frozen workers", lambda each: len(each["freeze"]))
    yield row("- seconds, median", lambda each: _median(each["freeze"], "seconds"))
    yield row("- runs in hand, taken over by the other worker", lambda each: _sum(each["freeze"]))
    yield row("runs in which a process was told that it has been overtaken", lambda each: each["refused"])
    yield row("events accepted = runs ended", lambda each: each["compared"]["runs"])
    yield row("runs that went again from a node", lambda each: each["compared"]["reruns"])
    yield row("branches published", lambda each: each["compared"]["branches"])
    for name, title in (("lost",) * 2, ("doubled",) * 2, ("unapproved", "unapproved executions"), ("stuck",) * 2):
        yield row(title, found(name))
    yield row("runs parked as FAILED after 3 takeovers", lambda each: each["compared"]["parked"])
    yield row("messages sent", lambda each: each["compared"]["messages"])
    yield row("- of which once more under the same key", found("repeats"))


def _median(facts: list[dict[str, Any]], field: str) -> str:
    values = [one[field] for one in facts if field in one]
    return f"{statistics.median(values):g}" if values else "-"


def _sum(facts: list[dict[str, Any]]) -> int:
    return sum(one["taken_over"] for one in facts)


def _rounds(results: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """One line for each named point and database, one for each kind of other rounds."""
    for database, title in _NAMES.items():
        rounds = [one for each in results if each["database"] == database for one in each["rounds"]]
        for name in dict.fromkeys(one["name"] for one in rounds):
            same = [one for one in rounds if one["name"] == name]
            seconds = sorted(one["seconds"] for one in same)
            often = f", {len(same)} rounds" if len(same) > 1 else ""
            took = f"median {statistics.median(seconds):.1f}, most {seconds[-1]}" if often else str(seconds[0])
            problems = [problem for one in same for problem in one["problems"]]
            kind = name if " " in name or name == "random" else f"`{name}`"
            kills = str(sum(one["kills"] for one in same))
            yield [f"{title}: {kind}{often}", kills, took, "; ".join(problems) or "nothing"]


def _table(head: list[str], rows: Iterator[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
