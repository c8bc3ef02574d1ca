"""Sources of a repository in; ways of data from a request to a sink, over functions and files, out."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from agents.builtin.scanning.flow.catalogue import catalogue
from agents.builtin.scanning.flow.interpreter import Interpreter
from agents.builtin.scanning.flow.memory import Found
from agents.builtin.scanning.flow.project import Project
from agents.builtin.scanning.page_scripts import PAGES
from agents.builtin.scanning.places import place_of
from agents.builtin.scanning.source_files import SourceFile
from agents.builtin.scanning.vulnerability import FlowStep, Vulnerability

_READER = {
    **dict.fromkeys((".py", ".pyw"), "python"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), "javascript"),
    **dict.fromkeys(PAGES, "javascript"),
    ".java": "java",
    ".go": "go",
    ".rb": "ruby",
    ".php": "php",
    ".cs": "csharp",
}
_SECONDS = 200
"""The last resort, where the machine is busy with other work."""
_STEPS = 5_000_000
"""Expressions that are looked at in all, about 80 s of one CPU: with the same files the same result."""
_SHORTEST, _MOST_NAMES = 4, 500
_MOST_HELD = 400
"""Files that are kept as they were read: bounds memory."""
_HINTS = {
    "python": re.compile(
        r"request|argv|input\(|get_argument|@\w+\.(get|post|put|delete|patch|route|websocket)|random|\.(json|body|form)\b"
        r"|hmac|namelist|infolist|getmembers|format_exc"
    ),
    "javascript": re.compile(
        r"\breq\b|[rR]equest|ctx\.|context\.|location\b|[sS]earchParams|argv|document\.|window\.|Math\.random|event\.|@Body|@Query"
        r"|\.(?:query|body|params)\b|[{,]\s*(?:params|query|body)\s*[},]|createHmac|useParams|[rR]oute\.|[eE]ntry\."
    ),
    "java": re.compile(
        r"[Rr]equest|@PathVariable|@\w+Param\b|getParameter|(?:query|path|form)Param|Random|ZipEntry|\bentry\b|Cookie"
    ),
    "go": re.compile(r"http\.|hmac\.|gin\.|echo\.|fiber\.|mux\.|os\.Args|rand\.|\.Name\b"),
    "ruby": re.compile(r"params|request|cookies|ARGV|\brand\b|gets"),
    "php": re.compile(r"\$_[A-Z]+|\$request|Request|input\(|rand\("),
    "csharp": re.compile(
        r"Request|Controller|\.Text\b|\bSelectedValue\b|Http(Get|Post)|\bMap(?:Get|Post|Put|Delete|Patch)|ReadLine|FileName|Random|From(Query|Body|Route)"
    ),
}
"""What a file has in which something comes from outside; others are read where they are called."""


@dataclass(kw_only=True)
class FlowScan:
    """What was found by following data, and what was looked at."""

    found: list[Vulnerability] = field(default_factory=list[Vulnerability])
    seen: frozenset[tuple[str, int, str]] = frozenset()
    """File, line and rule where something could arrive from outside, and does not unless it is found."""
    harmless: Mapping[tuple[str, int], frozenset[str]] = field(
        default_factory=dict[tuple[str, int], frozenset[str]]
    )
    """File and line -> rules for which all that is used there is constant, or was made harmless; empty: for any."""
    followed: frozenset[str] = frozenset()
    """Files in which all data was followed."""
    spent: frozenset[str] = frozenset()
    """Files that were not followed to the end."""
    late: frozenset[str] = frozenset()
    """Those of them that were not begun, since the time or the work of all was used up."""


def scan(
    files: Iterable[SourceFile],
    log: logging.Logger,
    seconds: float = _SECONDS,
    others: Iterable[SourceFile] = (),
    around: Iterable[SourceFile] = (),
) -> FlowScan:
    """Follow data through the files of each language.

    It ends with the work that it may do, else after `seconds`; what is left is not followed, and told.

    `others` are the other texts of the project, of which files of settings are read; `around` its other source files:
    flows that begin, pass or end in one of `files` are found there too.
    """
    texts: dict[str, dict[str, str]] = {}
    chosen: set[str] = set()
    for number, some in enumerate((files, around)):
        for file in some:
            if (language := _READER.get(file.suffix)) is not None:
                texts.setdefault(language, {}).setdefault(file.name, file.text)
                if not number:
                    chosen.add(file.name)
    ends, steps = time.monotonic() + seconds, 0
    done, settings = FlowScan(), _settings(others)
    seen: set[tuple[str, int, str]] = set()
    spent: set[str] = set()
    late: set[str] = set()
    harmless: dict[tuple[str, int], frozenset[str]] = {}
    unread: set[str] = set()
    for language, own in texts.items():
        rules = catalogue(language)
        if rules is None:
            unread.update(own)
            continue
        if chosen.isdisjoint(own):
            continue
        project = Project(language, own, settings)
        interpreter = Interpreter(project, rules)
        hints = _HINTS[language]
        callers = _callers(project, own, chosen)
        for name, text in own.items():
            if not hints.search(text) or (name not in chosen and name not in callers):
                continue
            if steps + interpreter.work > _STEPS or time.monotonic() > ends:
                late.add(name)
            else:
                interpreter.run(name)
            if project.held > _MOST_HELD:
                interpreter.forget()
        done.found += [
            _vulnerability(one)
            for one in interpreter.found.values()
            if (one.file in chosen or not chosen.isdisjoint(file for file, _ in one.steps)) and _counts(one)
        ]
        steps += interpreter.work
        seen |= interpreter.seen
        spent |= interpreter.spent
        for (file, line, rule), is_harmless in interpreter.harmless.items():
            if is_harmless:
                harmless[file, line] = harmless.get((file, line), frozenset()) | {rule}
    spent |= late
    if spent:
        log.warning("data was not followed to the end in %d file(s)", len(spent))
    done.followed = frozenset(chosen - spent - unread)
    done.seen, done.spent, done.late, done.harmless = frozenset(seen), frozenset(spent), frozenset(late), harmless
    return done


def _counts(one: Found) -> bool:
    """Whether it begins where visitors come: what tests and examples put in says nothing about the rest."""
    begins = place_of(one.steps[0][0], "") if one.steps else "production"
    return begins not in ("test", "example", "documentation") or begins == place_of(one.file, "")


def _callers(project: Project, texts: Mapping[str, str], chosen: Set[str]) -> frozenset[str]:
    """Files around the chosen ones that may call what these define, by the names in them."""
    if all(name in chosen for name in texts):
        return frozenset()
    names = [name for name in project.defined_in(chosen) if len(name) >= _SHORTEST]
    if not names:
        return frozenset()
    named = re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(names)[:_MOST_NAMES])) + r")\b")
    return frozenset(name for name, text in texts.items() if name not in chosen and named.search(text))


def _settings(others: Iterable[SourceFile]) -> dict[str, str]:
    """Keys of `.properties` files with their values, where all files agree on them."""
    found: dict[str, str] = {}
    differing: set[str] = set()
    for file in others:
        if file.suffix != ".properties":
            continue
        for line in file.text.split("\n"):
            key, separator, value = line.partition("=")
            if separator and not line.lstrip().startswith(("#", "!")):
                key, value = key.strip(), value.strip()
                if found.setdefault(key, value) != value:
                    differing.add(key)
    return {key: value for key, value in found.items() if key not in differing}


def _vulnerability(one: Found) -> Vulnerability:
    steps = tuple(FlowStep(file=file, line=max(1, line)) for file, line in dict.fromkeys(one.steps))
    found = one.rule.rule.at(one.file, max(1, one.line), tool="flow")
    return found.model_copy(update={"confidence": one.rule.confidence, "flow": steps[:20]})
