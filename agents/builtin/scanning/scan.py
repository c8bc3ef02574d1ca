"""A folder and names of source files in it -> all weaknesses found, worst first, each place and rule once."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from agents.builtin.scanning import (
    bandit_scan,
    engine,
    flow,
    javascript_scan,
    python_scan,
    regex_scan,
    suppressions,
    template_scan,
    text_scan,
)
from agents.builtin.scanning.fingerprints import fingerprinted
from agents.builtin.scanning.flow.project import is_web
from agents.builtin.scanning.not_scanned import NotScanned
from agents.builtin.scanning.page_scripts import scripts_of
from agents.builtin.scanning.page_texts import is_made_harmless, is_rendered, sanitizes
from agents.builtin.scanning.places import of_no_weight, place_of, placed
from agents.builtin.scanning.purposes import (
    is_asked_for,
    is_exempt_with_a_key,
    is_for_comparison,
    is_of_protocol,
    is_own_file,
    is_secured_later,
)
from agents.builtin.scanning.source_files import (
    JAVASCRIPT,
    MAX_FILES,
    PYTHON,
    SCANNED,
    SourceFile,
    read_source,
    shown_name,
)
from agents.builtin.scanning.vulnerability import SEVERITIES, Vulnerability, worst_first

_SECONDS = 265.0
"""For all of a scan, below the default limit of an agent: a large repository gets a result, with its gaps named."""
_REQUEST = re.compile(r"\brequest\b")
_DOCUMENTS = re.compile(
    r"(?i)mongo|nedb|couch|cosmos|firestore|dynamo|arango|rethink|\.collection\(|collection\.|objectid|\$where|bson|nosql"
)
"""What a project that has a database of documents says somewhere; others call rows of tables by `find`, too."""
_ASKED_FOR = frozenset({"tls-verification-off", "cors-any", "debug-mode", "information-exposure"})
_SURE = ("high", "medium", "low")
_BY_FORM = {
    **{
        f"{language}/{kind}": f"{language}/{kind}"
        for language in ("py", "js")
        for kind in (
            "sql-injection",
            "shell-injection",
            "eval",
            "path-traversal",
            "open-redirect",
            "template-injection",
        )
    },
    "py/unsafe-deserialisation": "py/unsafe-deserialisation",
    "py/exec": "py/eval",
    "py/unsafe-yaml": "py/unsafe-deserialisation",
    "js/xss": "js/xss",
    "js/inner-html": "js/xss",
    "js/dangerous-html": "js/xss",
    "js/document-write": "js/xss",
    "js/new-function": "js/eval",
    "js/timer-text": "js/eval",
}
"""Kinds of which patterns report the form, whatever is put into it -> the rule of data flow that looks at that."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What was found, and in how much."""

    vulnerabilities: tuple[Vulnerability, ...]
    files_scanned: int
    """Source files."""
    not_scanned: tuple[NotScanned, ...]
    """What was left out or could not be read, with the reason."""
    suppressed: tuple[tuple[Vulnerability, str], ...] = ()
    """Findings that a line of the source accepts, each with the reason given there."""
    texts_scanned: int = 0
    """Other text files, which are searched for secrets and weaknesses of infrastructure."""
    of_no_weight: int = 0
    """Findings in tests and examples of kinds that only matter where visitors come or secrets are kept."""
    engine: str = ""
    """Name and version of the engine that followed data; empty where there is none."""
    complete: bool = True
    """Whether all was done in all files that were read: False where time, work or a failure ended it before."""

    @property
    def files_skipped(self) -> int:
        """How many files were not scanned."""
        return len(self.not_scanned)


def scan(
    folder: Path,
    names: Iterable[str],
    log: logging.Logger,
    around: Iterable[str] = (),
    around_folder: Path | None = None,
    seconds: float = _SECONDS,
) -> Scan:
    """Scan the named files. Those that cannot be read are counted and logged, never silently left out.

    After `seconds` what is left is not followed: the scan is then not complete, and says in which files.

    `around` are the other files of the project (in `around_folder`, where that is another one): they are not scanned,
    but data is followed through them.
    """
    ends = time.monotonic() + seconds
    left_out: list[NotScanned] = []
    files, texts = _read(folder, names, left_out, log)
    python = [file for file in files if file.suffix in PYTHON]
    found: list[Vulnerability] = []
    if python:
        found += bandit_scan.scan(folder, [file.name for file in python], log)
    for file in files:
        try:
            if file.suffix in PYTHON:
                found += python_scan.scan(file, log)
            elif file.suffix in JAVASCRIPT:
                found += javascript_scan.scan(file, log)
            elif engine.program() is None:
                reason = f"{file.name!r} needs the engine, which is not installed; `make setup` installs it"
                _leave_out(file.name, reason, left_out, log)
        except python_scan.NotParsed as exc:
            _leave_out(file.name, str(exc), left_out, log)
    for file in (*files, *texts):
        found += (*text_scan.scan(file), *template_scan.scan(file), *regex_scan.scan(file))
    scripts = [one for one in map(scripts_of, texts) if one is not None]
    for one in scripts:
        found += javascript_scan.scan(one, log)
    near = _near(around_folder or folder, around, {file.name for file in files})
    followed = flow.scan(
        [*files, *scripts], log, max(5.0, (ends - time.monotonic()) * 0.6), others=texts, around=near
    )
    flows = engine.scan(
        folder, [file.name for file in files], log, followed.followed, max(5.0, ends - time.monotonic())
    )
    within = "data was followed within single functions only"
    partly = {
        **dict.fromkeys(followed.spent, f"{within}: one of them takes too long"),
        **dict.fromkeys(followed.late, f"{within}: time or work was used up"),
        **flows.failed,
    }
    found = [one for one in (*found, *flows.found) if not _refuted(one, followed)] + followed.found
    missing, known = {each.file for each in left_out}, {file.name for file in (*files, *scripts)}
    for name in sorted((known & partly.keys()) - missing):
        _leave_out(name, f"{name!r} was scanned in part: {partly[name]}", left_out, log)
    all_texts = {file.name: file.text for file in (*near, *files, *texts)}
    once = _once(_of_no_harm(found, all_texts))
    weighty = _weighty(once, all_texts, log)
    kept, suppressed = _judged(weighty, all_texts)
    return Scan(
        vulnerabilities=kept,
        files_scanned=sum(file.name not in missing for file in files),
        texts_scanned=len(texts),
        not_scanned=tuple(left_out),
        suppressed=suppressed,
        of_no_weight=len(once) - len(weighty),
        engine=engine.version(),
        complete=known.isdisjoint(each.file for each in left_out),
    )


def _read(
    folder: Path, names: Iterable[str], left_out: list[NotScanned], log: logging.Logger
) -> tuple[list[SourceFile], list[SourceFile]]:
    """Source files, and other text files."""
    files: list[SourceFile] = []
    texts: list[SourceFile] = []
    for name in names:
        if PurePosixPath(name).suffix.lower() not in SCANNED:
            other = read_source(folder, name) if len(texts) < MAX_FILES else ""
            if isinstance(other, SourceFile):
                texts.append(other)
            elif shown_name(name) != name:
                _leave_out(name, other, left_out, log)
            continue
        read = read_source(folder, name) if len(files) < MAX_FILES else f"{name!r} is beyond {MAX_FILES:,} files"
        if isinstance(read, SourceFile):
            files.append(read)
        else:
            _leave_out(name, read, left_out, log)
    return files, texts


def _near(folder: Path, names: Iterable[str], scanned: set[str]) -> list[SourceFile]:
    files: list[SourceFile] = []
    for name in names:
        if name not in scanned and PurePosixPath(name).suffix.lower() in SCANNED and len(files) < MAX_FILES:
            read = read_source(folder, name)
            files += [read] if isinstance(read, SourceFile) else []
    return files


def _refuted(one: Vulnerability, followed: flow.FlowScan) -> bool:
    """Whether a flow that the engine reports, within one function, is none where all of the project is looked at.

    And whether something that a pattern reports by its form alone is given nothing that could do harm.
    """
    if one.file in followed.spent:
        return False
    if one.flow:
        return (one.file, one.line, one.rule) in followed.seen
    if one.rule == "py/bandit-b704":
        return (one.file, one.line, "py/xss") in followed.seen
    kind = _BY_FORM.get(one.rule)
    harmless = followed.harmless.get((one.file, one.line))
    return kind is not None and harmless is not None and ("" in harmless or kind in harmless)


def _splitter(texts: Mapping[str, str]) -> Callable[[str], list[str]]:
    """Name of a file -> its lines; each text is split once, however many findings it has."""

    @cache
    def lines_of(name: str) -> list[str]:
        return texts.get(name, "").split("\n")

    return lines_of


def _of_no_harm(found: Iterable[Vulnerability], texts: Mapping[str, str]) -> Iterator[Vulnerability]:
    """All but what the code around a finding shows to be none."""
    lines_of = _splitter(texts)
    cleans: bool | None = None
    has_documents = any(_DOCUMENTS.search(one) for one in texts.values())
    for one in found:
        kind = one.rule.rsplit("/", 1)[-1]
        own = lines_of(one.file)
        if kind in ("weak-hash", "weak-cipher") and is_of_protocol(one.file, own, one.line):
            continue
        if kind == "weak-hash" and is_for_comparison(own, one.line):
            continue
        if kind == "insecure-cookie" and is_secured_later(own, one.line):
            continue
        if kind == "inner-html" and is_made_harmless(own, one.line):
            continue
        if one.rule == "py/csrf-off" and is_exempt_with_a_key(own, one.line):
            continue
        if kind == "nosql-injection" and not has_documents:
            continue
        if kind == "unsafe-deserialisation" and not one.flow:
            if is_own_file(_line(own, one.line), texts.get(one.file, "")):
                continue
        if kind in _ASKED_FOR and is_asked_for(own, one.line, of_developers=kind != "tls-verification-off"):
            continue
        by_form = one.rule == "js/dangerous-html" or (one.rule == "tpl/xss" and one.confidence == "medium")
        if by_form and is_rendered(_line(own, one.line)):
            cleans = sanitizes(texts.values()) if cleans is None else cleans
            if cleans:
                continue
        if not _is_of_no_server(one, own, texts.get(one.file, "")):
            yield one


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 1 <= number <= len(lines) else ""


def _is_of_no_server(one: Vulnerability, lines: Sequence[str], text: str) -> bool:
    """Whether the engine took for a visitor's `request` what a file of Python that serves nobody makes itself."""
    if one.tool != engine.NAME or not one.flow or not one.rule.startswith("py/"):
        return False
    begins = one.flow[0].line
    said = lines[begins - 1] if begins <= len(lines) else ""
    return _REQUEST.search(said) is not None and not is_web(text)


def _weighty(found: Iterable[Vulnerability], texts: Mapping[str, str], log: logging.Logger) -> list[Vulnerability]:
    """Those that say something where they stand; of the others the log has how many there are of each rule.

    In a folder without any code for production, such as a collection of examples, places say nothing.
    """
    if not any(place_of(name, "") == "production" for name in texts if PurePosixPath(name).suffix in SCANNED):
        return list(found)
    lines_of = _splitter(texts)
    kept: list[Vulnerability] = []
    left: Counter[str] = Counter()
    for one in found:
        own = lines_of(one.file)
        if of_no_weight(one, own[one.line - 1] if one.line <= len(own) else ""):
            left[one.rule] += 1
        else:
            kept.append(one)
    if left:
        told = ", ".join(f"{rule} ({count})" for rule, count in sorted(left.items()))
        log.info("of no weight in tests and examples, and not told: %s", told)
    return kept


def _judged(
    found: Iterable[Vulnerability], texts: Mapping[str, str]
) -> tuple[tuple[Vulnerability, ...], tuple[tuple[Vulnerability, str], ...]]:
    """Findings with place and fingerprint, worst first; and those that a line of the source accepts."""
    by_file: dict[str, list[Vulnerability]] = {}
    for one in found:
        by_file.setdefault(one.file, []).append(one)
    kept: list[Vulnerability] = []
    accepted: list[tuple[Vulnerability, str]] = []
    for name, ones in by_file.items():
        text = texts.get(name, "")
        place, lines = place_of(name, text), text.split("\n")
        for one in fingerprinted(ones, text):
            suppression = suppressions.on_line(lines, one.line)
            if suppression is not None and suppression.covers(one.rule):
                accepted.append((placed(one, place), suppression.reason))
            else:
                kept.append(placed(one, place))
    return tuple(worst_first(kept)), tuple(accepted)


def _leave_out(name: str, reason: str, left_out: list[NotScanned], log: logging.Logger) -> None:
    left_out.append(NotScanned(file=shown_name(name)[:1_000], reason=reason[:500]))
    log.warning("not scanned: %s", reason)


def _once(found: Iterable[Vulnerability]) -> list[Vulnerability]:
    """One finding for each place and rule: the worst, and of equals the first tool's, with the flow of any."""
    kept: dict[tuple[str, int, str], Vulnerability] = {}
    for one in found:
        place = (one.file, one.line, one.rule)
        known = kept.get(place)
        if known is None:
            kept[place] = one
            continue
        worse = SEVERITIES.index(one.severity) > SEVERITIES.index(known.severity)
        kept[place] = (one if worse else known).model_copy(
            update={
                "flow": known.flow or one.flow,
                "confidence": min(known.confidence, one.confidence, key=_SURE.index),
            }
        )
    passed = {
        (step.file, step.line, one.rule) for one in kept.values() for step in one.flow if step.line != one.line
    }
    # Text put together on one line and used on another is one weakness: where it is used.
    return [one for place, one in kept.items() if place not in passed or one.flow]
