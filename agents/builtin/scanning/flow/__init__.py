"""Data flow over functions and files: one small language for all source languages, and an interpreter of it."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.builtin.scanning.flow.catalogue import catalogue
from agents.builtin.scanning.flow.interpreter import Found, Interpreter
from agents.builtin.scanning.flow.project import Project
from agents.builtin.scanning.source_files import SourceFile
from agents.builtin.scanning.vulnerability import FlowStep, Vulnerability

_READER = {
    **dict.fromkeys((".py", ".pyw"), "python"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), "javascript"),
    ".java": "java",
    ".go": "go",
    ".rb": "ruby",
    ".php": "php",
    ".cs": "csharp",
}
_SECONDS = 150
_HINTS = {
    "python": re.compile(
        r"request|argv|input\(|get_argument|@\w+\.(get|post|put|delete|route)|random|\.(json|body|form)\b"
    ),
    "javascript": re.compile(
        r"\breq\b|request|ctx\.|context\.|location\b|URLSearchParams|argv|document\.|window\.|Math\.random|event\.|@Body|@Query"
    ),
    "java": re.compile(r"[Rr]equest|@PathVariable|@\w+Param\b|getParameter|Random|ZipEntry|\bentry\b|Cookie"),
    "go": re.compile(r"http\.|gin\.|echo\.|fiber\.|mux\.|os\.Args|rand\.|\.Name\b"),
    "ruby": re.compile(r"params|request|cookies|ARGV|\brand\b|gets"),
    "php": re.compile(r"\$_[A-Z]+|\$request|Request|input\(|rand\("),
    "csharp": re.compile(r"Request|Controller|Http(Get|Post)|ReadLine|FileName|Random|From(Query|Body|Route)"),
}
"""What a file has in which something comes from outside; others are read where they are called."""


@dataclass(kw_only=True)
class FlowScan:
    """What was found by following data, and what was looked at."""

    found: list[Vulnerability] = field(default_factory=list[Vulnerability])
    seen: frozenset[tuple[str, int, str]] = frozenset()
    """File, line and rule where something could arrive from outside, and does not unless it is found."""
    harmless: frozenset[tuple[str, int]] = frozenset()
    """File and line where all that is used is constant, or was made harmless."""
    spent: frozenset[str] = frozenset()
    """Files that were not followed to the end."""


def scan(
    files: Iterable[SourceFile], log: logging.Logger, seconds: float = _SECONDS, others: Iterable[SourceFile] = ()
) -> FlowScan:
    """Follow data through the files of each language. After `seconds` what is left is not followed, and told.

    `others` are the other texts of the project, of which files of settings are read.
    """
    texts: dict[str, dict[str, str]] = {}
    for file in files:
        if (language := _READER.get(file.suffix)) is not None:
            texts.setdefault(language, {})[file.name] = file.text
    ends = time.monotonic() + seconds
    done = FlowScan()
    seen: set[tuple[str, int, str]] = set()
    spent: set[str] = set()
    harmless: set[tuple[str, int]] = set()
    for language, own in texts.items():
        rules = catalogue(language)
        if rules is None:
            continue
        interpreter = Interpreter(Project(language, own, _settings(others)), rules)
        hints = _HINTS[language]
        for name, text in own.items():
            if time.monotonic() > ends:
                spent.add(name)
            elif hints.search(text):
                interpreter.run(name)
        done.found += [_vulnerability(one) for one in interpreter.found.values()]
        seen |= interpreter.seen
        spent |= interpreter.spent
        harmless |= {place for place, is_harmless in interpreter.harmless.items() if is_harmless}
    if spent:
        log.info("data was not followed to the end in %d file(s)", len(spent))
    done.seen, done.spent, done.harmless = frozenset(seen), frozenset(spent), frozenset(harmless)
    return done


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
