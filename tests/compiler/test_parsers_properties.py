"""What holds for every input of every parser, tried on generated ones.

`HYPOTHESIS_PROFILE=thorough` runs 10,000 cases for each property; every day a few hundred in all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from prefect.server.schemas.schedules import CronSchedule

from compiler import (
    Case,
    CaseError,
    Catalogue,
    EventTrigger,
    Plan,
    Scope,
    Source,
    TemplateError,
    compile,
    format_json,
    format_sarif,
    format_text,
    matches,
    read_cases,
    render,
    run_cases,
)
from compiler.diagnostics.diagnostic import DiagnosticList
from compiler.expressions.evaluation import evaluate
from compiler.expressions.filters import FILTERS
from compiler.expressions.parser import parse, parse_with_jinja
from compiler.expressions.template import read_template
from compiler.expressions.tree import (
    ExpressionError,
)
from compiler.language.composer import compose
from compiler.language.document import plain
from compiler.trigger_types.globs import GlobError, glob_matches
from compiler.trigger_types.schedule import cron_fault
from compiler.trigger_types.subjects import subject_fault, subject_matches

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
few = settings(
    max_examples=10_000 if THOROUGH else 60,
    deadline=None,
    derandomize=not THOROUGH,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

MARKS = [
    *"{}[]:,-?&*!|>'\"%@`#\n\t ~<",
    "- ",
    ": ",
    "\n  ",
    "<<",
    "*a",
    "&a",
    "!!",
    "---",
    "{{",
    "}}",
    "1e3",
    "no",
]
YAML_PIECES = st.sampled_from(MARKS)
NOISE = st.text(max_size=40) | st.lists(YAML_PIECES | st.text(max_size=4), max_size=30).map("".join)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz -_", max_size=6), inner, max_size=4)
    ),
    max_leaves=10,
)
WORDS = """
context nodes run item . a b scan output total 1 2.5 'x' "y" + - * / // % ~ == != > < >= <= in not and or if else
( ) [ ] { } , : | default length first join upper tojson true false none null ** is for \\ ' "
"""
EXPRESSION_PIECES = st.sampled_from(WORDS.split())


def compiles_without_a_traceback(text: str, catalogue: Catalogue) -> None:
    source = Source(text, "any.yaml")
    compiled = compile(source, catalogue)

    errors = [found for found in compiled.diagnostics if found.severity == "error"]
    assert (compiled.plan is None) == bool(errors)
    assert all(found.line >= 1 and found.column >= 1 for found in compiled.diagnostics)
    for render_as in (format_json, format_sarif):
        json.loads(render_as(compiled.diagnostics))
    shown = format_text(compiled.diagnostics, [source])
    assert "\x1b" not in shown


@few
@given(text=NOISE)
def test_any_text_gives_a_plan_or_errors(text: str, catalogue: Catalogue) -> None:
    compiles_without_a_traceback(text, catalogue)


@few
@given(data=st.data())
def test_any_damage_to_a_good_file_gives_a_plan_or_errors(
    data: st.DataObject, catalogue: Catalogue, mission: dict[str, str]
) -> None:
    text = data.draw(st.sampled_from(sorted(mission.values())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 30))
        text = text[:at] + data.draw(NOISE) + text[at + length :]

    compiles_without_a_traceback(text, catalogue)


SHAPED = st.dictionaries(
    st.sampled_from("name description trigger nodes context approvalPolicy concurrency outputs status x".split()),
    JSON
    | st.lists(
        st.dictionaries(
            st.sampled_from(
                "id agent action inputs dependsOn when foreach onFailure approval retries event".split()
            ),
            JSON | st.sampled_from(["notifier", "sendSlackAlert", "{{ item }}", "{{ context.a }}", "a"]),
            max_size=8,
        ),
        max_size=4,
    ),
    max_size=8,
)


@few
@given(value=SHAPED)
def test_any_json_as_a_workflow_gives_a_plan_or_errors(value: Any, catalogue: Catalogue) -> None:
    compiles_without_a_traceback(json.dumps(value), catalogue)


@few
@given(value=JSON)
def test_what_is_quoted_is_read_as_it_was_written(value: Any) -> None:
    """JSON is YAML: our reading of it is JSON's own, where it is accepted at all."""
    report = DiagnosticList("x")
    document = compose(Source(json.dumps(value)), report)

    if document is not None and not report.failed:
        assert plain(document.root) == value


@few
@given(value=JSON)
def test_what_pyyaml_writes_is_read_alike(value: Any) -> None:
    report = DiagnosticList("x")
    document = compose(Source(yaml.safe_dump(value, allow_unicode=True)), report)

    if document is not None and not report.failed:
        assert plain(document.root) == value


@few
@given(pieces=st.lists(EXPRESSION_PIECES, max_size=14), gap=st.sampled_from(["", " "]))
def test_any_expression_is_read_or_refused_and_evaluates_to_json(pieces: list[str], gap: str) -> None:
    scope = Scope(context={"a": 1, "b": ["x", {"total": 2}]}, nodes={"scan": {"output": {"total": 3}}}, item="i")
    try:
        value = evaluate(parse(gap.join(pieces)), scope)
    except TemplateError:
        return
    json.dumps(value, allow_nan=False)


@few
@given(text=st.text(max_size=60) | st.lists(EXPRESSION_PIECES | st.sampled_from(["{{", "}}"])).map(" ".join))
def test_any_template_renders_or_is_refused(text: str) -> None:
    try:
        value = render(text, Scope(context={"a": {"b": "{{ context.a }}"}}))
    except TemplateError:
        return
    json.dumps(value, allow_nan=False)
    if "{{" not in text:
        assert value == text


@few
@given(value=JSON)
def test_resolved_data_is_never_parsed_again(value: Any) -> None:
    hostile = {"v": value, "t": "{{ context.secret }}", "s": "{% raw %}"}
    scope = Scope(context={"data": hostile, "secret": "LEAK"})

    assert render({"whole": "{{ context.data }}"}, scope) == {"whole": hostile}
    text = render("a {{ context.data.t }} {{ context.data.s }} b", scope)
    assert text == "a {{ context.secret }} {% raw %} b"


@few
@given(value=JSON)
def test_a_value_that_is_one_template_keeps_its_type(value: Any) -> None:
    rendered = render("{{ context.v }}", Scope(context={"v": value}))

    assert rendered == value
    assert type(rendered) is type(value)


IDENTIFIER = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,6}", fullmatch=True)
NODE_ID = st.from_regex(r"[a-zA-Z](?:[a-zA-Z0-9_-]{0,8}[a-zA-Z0-9_])?", fullmatch=True)


@few
@given(
    root=st.sampled_from(["context", "run", "item"]) | NODE_ID.map("nodes.".__add__),
    steps=st.lists(IDENTIFIER, max_size=4),
)
def test_the_short_way_for_plain_paths_is_jinjas_way(root: str, steps: list[str]) -> None:
    text = ".".join([root, *steps])
    try:
        expected = parse_with_jinja(text)
    except ExpressionError:
        return

    assert parse(text) == expected


@few
@given(name=st.sampled_from(sorted(FILTERS)), value=JSON, arguments=st.lists(JSON, max_size=2))
def test_filters_give_json_or_a_clear_refusal(name: str, value: Any, arguments: list[Any]) -> None:
    given_arguments = ", ".join(f"context.a[{index}]" for index in range(len(arguments)))
    text = f"context.v | {name}" + (f"({given_arguments})" if arguments else "")
    try:
        result = evaluate(parse(text), Scope(context={"v": value, "a": arguments}))
    except TemplateError:
        return
    json.dumps(result, allow_nan=False)


@few
@given(pattern=st.text("ab/.*?[]{},!\\-", max_size=14), text=st.text("ab/.", max_size=14))
@example(pattern="**/**/a", text="a")
def test_any_glob_matches_or_is_refused(pattern: str, text: str) -> None:
    try:
        assert glob_matches(pattern, text) in (True, False)
    except GlobError:
        return


@few
@given(
    pattern=st.text("ab?*", min_size=1, max_size=8).filter(lambda text: "**" not in text),
    text=st.text("ab", max_size=8),
)
def test_globs_of_one_segment_are_those_of_the_shell(pattern: str, text: str) -> None:
    assert glob_matches(pattern, text) == fnmatchcase(text, pattern)


@few
@given(
    event=st.dictionaries(st.text("abc", min_size=1, max_size=3), JSON, max_size=4),
    filters=st.dictionaries(st.text("abc.", min_size=1, max_size=4), JSON, max_size=3),
    expression=st.none() | st.text(max_size=20),
)
def test_no_event_and_no_filter_makes_matching_fail(event: Any, filters: Any, expression: str | None) -> None:
    trigger = EventTrigger(event="a.*", filters=filters, expression=expression)

    assert matches(trigger, "a.b", event) in (True, False)


@few
@given(pattern=st.text("ab.*> ", max_size=8), subject=st.text("ab.", max_size=8))
def test_subjects_are_checked_and_matched_without_a_traceback(pattern: str, subject: str) -> None:
    if subject_fault(pattern) is None and "*" not in pattern and ">" not in pattern:
        assert subject_matches(pattern, subject) == (pattern == subject)
    else:
        assert subject_matches(pattern, subject) in (True, False)


@few
@given(cron=st.text("0123456789*/,- LW#?RHMONTUEJANFEB", max_size=20) | st.text(max_size=10))
def test_any_cron_is_taken_or_refused(cron: str) -> None:
    if cron_fault(cron) is None:
        # What we take, Prefect's own reader takes and finds a next time for.
        schedule = CronSchedule(cron=cron, timezone="UTC")
        assert len(asyncio.run(schedule.get_dates(1))) == 1


@few
@given(text=NOISE)
def test_any_test_file_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(CaseError):
        assert read_cases(Source("cases:\n  - " + text, "x.test.yaml"))


def workflow_of(parents: list[list[int]], seed: int) -> dict[str, Any]:
    """A workflow whose nodes use their parents' outputs."""
    nodes: list[dict[str, Any]] = []
    for number, above in enumerate(parents):
        references = " ".join(f"{{{{ nodes.n{parent}.output.messageId | default('-') }}}}" for parent in above)
        node: dict[str, Any] = {
            "id": f"n{number}",
            "agent": "notifier",
            "action": "sendSlackAlert",
            "inputs": {"channel": "#c", "message": f"{number} {references}"},
            "dependsOn": [f"n{parent}" for parent in above],
        }
        if number % 3 == 2:
            node["when"] = "{{ context.filePath != 'skip' }}"
        nodes.append(node)
    random.Random(seed).shuffle(nodes)
    return {"name": "made", "trigger": {"event": "graph.file.updated"}, "nodes": nodes}


GRAPHS = (
    st.integers(1, 12)
    .flatmap(
        lambda count: st.tuples(
            *(st.lists(st.integers(0, max(0, number - 1)), max_size=3, unique=True) for number in range(count))
        )
    )
    .map(lambda graph: [[parent for parent in above if parent < number] for number, above in enumerate(graph)])
)


@few
@given(parents=GRAPHS, seed=st.integers(0, 999))
def test_every_plan_is_in_topological_order_and_runs_so(
    parents: list[list[int]], seed: int, planned: Callable[[str], Plan]
) -> None:
    plan = planned(json.dumps(workflow_of(parents, seed)))

    place = {node.id: index for index, node in enumerate(plan.nodes)}
    assert all(place[parent] < place[node.id] for node in plan.nodes for parent in node.depends_on)
    examination = run_cases(plan, [Case(), Case.model_validate({"context": {"filePath": "skip"}})])
    assert examination.passed, examination


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same data with the keys of every mapping in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        rng.shuffle(items)
        return {key: shuffled(item, rng) for key, item in items}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


@few
@given(parents=GRAPHS, seed=st.integers(0, 999), flow=st.booleans())
def test_the_digest_is_blind_to_key_order_comments_and_white_space(
    parents: list[list[int]], seed: int, flow: bool, planned: Callable[[str], Plan]
) -> None:
    workflow = workflow_of(parents, seed)

    other = yaml.safe_dump(shuffled(workflow, random.Random(seed)), sort_keys=False, default_flow_style=flow)
    other = "# a comment\n\n" + other.replace("\n", "   # and another\n", 1 if not flow else 0)

    assert planned(other).digest == planned(json.dumps(workflow, indent=3)).digest


@few
@given(parents=GRAPHS.filter(lambda graph: len(graph) > 1), data=st.data(), seed=st.integers(0, 999))
def test_every_cycle_is_found(
    parents: list[list[int]], data: st.DataObject, seed: int, catalogue: Catalogue
) -> None:
    low = data.draw(st.integers(0, len(parents) - 2))
    high = data.draw(st.integers(low + 1, len(parents) - 1))
    workflow = workflow_of(parents, seed)
    nodes = {node["id"]: node for node in workflow["nodes"]}
    nodes[f"n{high}"]["dependsOn"] = sorted({*nodes[f"n{high}"]["dependsOn"], f"n{low}"})
    nodes[f"n{low}"]["dependsOn"] = [*nodes[f"n{low}"]["dependsOn"], f"n{high}"]

    found = compile(Source(json.dumps(workflow)), catalogue).diagnostics

    assert "CC403" in {each.code for each in found}


@pytest.mark.parametrize("text", ["{{ context.a }}{{ context.a }}", " {{ context.a }} ", "\n{{ context.a }}\n"])
def test_white_space_around_one_template_is_no_text(text: str) -> None:
    whole = read_template(text).whole is not None

    assert whole == (text.count("{{") == 1)
