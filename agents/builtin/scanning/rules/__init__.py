"""Rules as data: one file per language beside this one, kinds.yaml for what they say -> rules of the engine.

A language file holds `sources` (what comes from outside), `clean` (what makes it harmless) and `rules`. A rule with
`sinks` is one of data flow: `$SINK` is the part of a pattern that text from outside must not reach. One with `patterns`
is found wherever it stands. `where` binds names of patterns to regular expressions; `in` says what a pattern must
stand in. `typed_sinks` and `own_clean` are for the data flow over functions and files only: the engine has no types of
Python's values, and takes what stands in a call that is `clean` for clean too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from agents.builtin.scanning.rule import Rule

_FOLDER = Path(__file__).parent
_SINK = "$SINK"
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, kw_only=True)
class EngineRule:
    """One rule: what it says, and how the engine looks for it."""

    rule: Rule
    languages: tuple[str, ...]
    confidence: Confidence
    query: Mapping[str, Any]
    """As the engine reads it, complete but for texts."""
    needs: re.Pattern[str] | None = None
    """What the file must hold for it, as the import that gives a name its meaning; the engine cannot ask for that."""


@cache
def load() -> Mapping[str, EngineRule]:
    """All rules, by id within the engine: language and name, as in `py/sql-injection`."""
    kinds = _read(_FOLDER / "kinds.yaml")
    loaded: dict[str, EngineRule] = {}
    for file in sorted(_FOLDER.glob("*.yaml")):
        if file.name != "kinds.yaml":
            loaded.update((rule.query["id"], rule) for rule in _language(_read(file), kinds))
    return loaded


@cache
def flow_rules() -> tuple[Mapping[str, Any], ...]:
    """The languages' data as they are written, with `flow`: name -> rule and what is written of it, for data flow.

    And `valued`, the same for rules with patterns in which a name must have certain values.
    """
    kinds = _read(_FOLDER / "kinds.yaml")
    loaded: list[Mapping[str, Any]] = []
    for file in sorted(_FOLDER.glob("*.yaml")):
        if file.name == "kinds.yaml":
            continue
        data = _read(file)
        flow = {
            name: (_rule(data, name, spec, kinds), spec) for name, spec in data["rules"].items() if "sinks" in spec
        }
        valued = {
            name: (_rule(data, name, spec, kinds), spec)
            for name, spec in data["rules"].items()
            if any(isinstance(one, dict) and "where" in one for one in spec.get("patterns", ()))
        }
        loaded.append({**data, "flow": flow, "valued": valued})
    return tuple(loaded)


def languages() -> frozenset[str]:
    """Languages there are rules for, by the engine's names."""
    return frozenset(name for rule in load().values() for name in rule.languages)


def _read(file: Path) -> dict[str, Any]:
    import yaml

    data: dict[str, Any] = yaml.load(file.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return data


def _language(data: Mapping[str, Any], kinds: Mapping[str, Any]) -> Iterable[EngineRule]:
    for name, spec in data["rules"].items():
        kind = spec.get("kind", name)
        rule = _rule(data, name, spec, kinds)
        spoken = tuple(spec.get("languages", data["languages"]))
        for part, query in (("flow", _flow(data, name, spec)), ("pattern", _pattern(spec))):
            if query:
                yield EngineRule(
                    rule=rule,
                    languages=spoken,
                    confidence=spec.get("confidence", "high"),
                    query={
                        "id": f"{data['prefix']}.{name}.{part}",
                        "languages": list(spoken),
                        "message": kind,
                        "severity": "WARNING",
                        **query,
                    },
                    needs=re.compile(spec["needs"]) if "needs" in spec else None,
                )


def _rule(data: Mapping[str, Any], name: str, spec: Mapping[str, Any], kinds: Mapping[str, Any]) -> Rule:
    kind = spec.get("kind", name)
    return Rule(id=f"{data['prefix']}/{kind}", **{**kinds[kind], **_own(spec)})


def _own(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {field: spec[field] for field in ("severity", "cwe") if field in spec}


_LOCAL = re.compile(r"\bargv\b|^input\(|\bos\.Args\b|\bos\.Stdin\b|\bARGV\b|\bReadLine\b|^\$?(?:STDIN\.)?gets\b")
_LOCAL_KINDS = frozenset({"shell-injection", "sql-injection", "eval", "unsafe-deserialisation"})


def is_local(source: object) -> bool:
    """Whether the source is what somebody types who runs the program: a danger to few kinds of sinks."""
    return isinstance(source, str) and _LOCAL.search(source) is not None


def takes_local(name: str, spec: Mapping[str, Any]) -> bool:
    """Whether what is typed is a danger for a rule."""
    return bool(spec.get("local", True)) and spec.get("kind", name) in _LOCAL_KINDS


def _flow(data: Mapping[str, Any], name: str, spec: Mapping[str, Any]) -> dict[str, Any] | None:
    if "sinks" not in spec:
        return None
    sources = spec.get("sources", data["sources"])
    if not takes_local(name, spec):
        sources = [one for one in sources if not is_local(one)]
    excluded = spec.get("not_sources", data.get("not_sources", ()))
    clean = [*data.get("clean", ()), *spec.get("clean", ())] if spec.get("clean") != [] else []
    where = spec.get("where", {})
    query: dict[str, Any] = {
        "mode": "taint",
        "options": {"interfile": False},
        "pattern-sources": [_source(one, excluded, spec.get("source_where", {})) for one in sources],
        "pattern-sinks": [{"patterns": _parts(one, where)} for one in spec["sinks"]],
    }
    if clean:
        query["pattern-sanitizers"] = [{"patterns": _parts(one, {})} for one in clean]
    if propagators := data.get("propagators"):
        query["pattern-propagators"] = propagators
    return query


def _source(one: Any, excluded: Iterable[str], where: Mapping[str, str]) -> dict[str, Any]:
    parts = _parts(one, where)
    if isinstance(one, str):
        parts += [{"pattern-not": other} for other in excluded]
    return {"patterns": parts}


def _pattern(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    wanted = [*spec.get("patterns", ()), *spec.get("blocks", ())]
    if not wanted:
        return None
    where = spec.get("where", {})
    parts: list[dict[str, Any]] = [
        {"pattern-either": [{"patterns": _parts(one, where)} for one in wanted]},
        *({"pattern-not": other} for other in spec.get("not", ())),
        *({"pattern-not-inside": other} for other in spec.get("not_in", ())),
    ]
    return {"patterns": parts}


def _parts(one: Any, where: Mapping[str, str]) -> list[dict[str, Any]]:
    """A pattern, with what it stands in and what its names must match."""
    if isinstance(one, str):
        one = {"pattern": one}
    parts: list[dict[str, Any]] = []
    text = str(one)
    if "in" in one:
        parts.append({"pattern-inside": one["in"]})
    if "pattern" in one:
        parts.append({"pattern": one["pattern"]})
    focus = one.get("focus") or (_SINK if _SINK in one.get("pattern", "") else None)
    if focus == _SINK and one.get("pattern") == _SINK:
        focus = None
    if focus:
        parts.append({"focus-metavariable": focus})
    for name, expression in {**where, **one.get("where", {})}.items():
        if _names(text, name):
            parts.append({"metavariable-regex": {"metavariable": name, "regex": expression}})
    parts += [{"pattern-not": other} for other in one.get("not", ())]
    return parts


def _names(text: str, name: str) -> bool:
    """Whether the metavariable stands in the text, and not only one whose name begins alike."""
    start = text.find(name)
    while start >= 0:
        after = text[start + len(name) : start + len(name) + 1]
        if not (after.isalnum() or after == "_"):
            return True
        start = text.find(name, start + 1)
    return False
