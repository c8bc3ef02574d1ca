"""`agent.yaml` -> plain data, and the command in it. The file may come from anybody."""

from __future__ import annotations

from typing import Any, cast

import yaml

from agents.runtime.program import PROGRAM_FILE

MAX_DESCRIPTION_BYTES = 1_000_000


class DescriptionRefused(ValueError):
    """`agent.yaml` cannot be read, or names no command."""


class _Loader(yaml.SafeLoader):
    """Plain data; no aliases, which could stand for more data than there is memory; no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark: yaml.Mark = cast("Any", self).peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="an alias (*name) is refused", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} is there twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_description(text: str) -> dict[str, Any]:
    """`agent.yaml` as plain data. Raises DescriptionRefused with line and column."""
    if len(text.encode()) > MAX_DESCRIPTION_BYTES:
        raise DescriptionRefused(f"{PROGRAM_FILE} is larger than {MAX_DESCRIPTION_BYTES:,} bytes")
    try:
        found: object = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise DescriptionRefused(f"{PROGRAM_FILE}{where}: {exc.problem or 'is not YAML'}") from exc
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as exc:
        raise DescriptionRefused(f"{PROGRAM_FILE} is not YAML: {exc}") from exc
    if not isinstance(found, dict):
        raise DescriptionRefused(f"{PROGRAM_FILE} must be a mapping with name, version, risk, run and actions")
    return cast("dict[str, Any]", found)


def command_of(description: dict[str, Any]) -> tuple[str, ...]:
    """What `run:` names. Raises DescriptionRefused."""
    run: object = description.get("run")
    parts = cast("list[object]", run) if isinstance(run, list) else []
    words = tuple(part for part in parts if isinstance(part, str) and part and "\0" not in part)
    if not words or len(words) != len(parts):
        raise DescriptionRefused(
            f"{PROGRAM_FILE}: run must be a list of texts, as in [sh, agent.sh]; no shell reads it"
        )
    return words
