"""Files made to hurt: each ends in a diagnostic, within a second or so, and never in a traceback."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc
from pathlib import Path

import pytest

from compiler import Catalogue, Compiled, Source, compile, format_text, load

NODE = "  - {id: a, agent: notifier, action: sendSlackAlert, inputs: {channel: c, message: %s}}\n"
HEAD = "name: x\ntrigger: {event: graph.file.updated}\nnodes:\n"
LIMIT = 3.0
"""Seconds; a second's worth with room for a machine that is busy with other things."""


def attempt(text: str, catalogue: Catalogue) -> Compiled:
    """Compile and print; must be quick."""
    source = Source(text, "hostile.yaml")
    gc.freeze()  # what other tests have left in this process is not walked on the compiler's account
    try:
        start = time.process_time()
        compiled = compile(source, catalogue)
        format_text(compiled.diagnostics, [source])
        assert time.process_time() - start < LIMIT
    finally:
        gc.unfreeze()
    return compiled


def codes(compiled: Compiled) -> set[str]:
    return {found.code for found in compiled.diagnostics}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(BOMB, "CC105", id="billion laughs"),
        pytest.param("a: &a {b: 1}\nc:\n  <<: [*a, *a, *a]\n", "CC105", id="merge keys"),
        pytest.param("a: &a [*a]\n", "CC105", id="self reference"),
        pytest.param("[" * 10_000, "CC104", id="nested lists"),
        pytest.param("{a: " * 10_000, "CC104", id="nested mappings"),
        pytest.param("- " * 10_000 + "x", "CC104", id="nested block lists"),
        pytest.param("\n".join(" " * i + "a:" for i in range(2_000)), "CC104", id="nested block mappings"),
        pytest.param("? " * 10_000, "CC104", id="nested complex keys"),
        pytest.param("name: " + "x" * 4_100_000, "CC101", id="too long"),
        pytest.param("- a\n" * 600_000, "CC104", id="too many lines"),
        pytest.param("[" + "a," * 500_000 + "]", "CC104", id="too many values"),
        pytest.param("name: \x00", "CC102", id="NUL"),
        pytest.param("name: \ud800", "CC102", id="lone surrogate"),
        pytest.param("name: \x85\u2028\nnodes: 1", "CC102", id="line ends of YAML 1.1 only"),
        pytest.param("name: x\rnodes: 1\r", "CC102", id="carriage returns alone"),
        pytest.param('name: "\\ud800"\nnodes: []', "CC103", id="escaped lone surrogate"),
        pytest.param("!!python/object/apply:os.system ['true']", "CC106", id="tag that runs"),
        pytest.param("name: !!binary aGFsbG8=\nnodes: []", "CC106", id="binary tag"),
        pytest.param("%YAML 9.9\n---\nname: x", "CC103", id="YAML directive"),
        pytest.param("name: x\n" * 200_000, "CC111", id="a key many times"),
        pytest.param("a" * 1_000_000 + ": x", "CC103", id="endless key"),
        pytest.param('"' * 999_999, "CC103", id="quotes"),
        pytest.param("name: 1" + "0" * 100_000 + "\nnodes: []", "CC110", id="huge number"),
        pytest.param("name: 1" + "0" * 10 + ".5e+999\nnodes: []", "CC110", id="number out of range"),
    ],
)
def test_yaml_made_to_hurt(text: str, code: str, catalogue: Catalogue) -> None:
    compiled = attempt(text, catalogue)

    assert compiled.plan is None
    assert code in codes(compiled)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 900 + "1" + ")" * 900,
        "[" * 900 + "]" * 900,
        "not " * 490 + "true",
        "-" * 1_900 + "1",
        "1" + "+1" * 900,
        "x" * 3_000,
        "9" * 1_900,
        "1e999",
        "9**9**9**9",
        "'a' * 999999999",
        "().__class__.__mro__",
        "context.__class__",
        "''.__class__.__base__.__subclasses__()",
        "range(999999999)",
        "cycler.__init__.__globals__",
        "context|attr('x')",
        "context|map('upper')",
        "lipsum()",
        "self",
        "loop.index",
        "nodes",
        "a if b",
        "namespace(x=1)",
        "{'a': 1, **context}",
        "context[1:2:3]",
        "context is defined",
        "'\\",
        "'unclosed",
        "1 2",
        "%}",
        "",
        "\u202e",
        "context.\u0430",
    ],
)
def test_expressions_made_to_hurt(expression: str, catalogue: Catalogue) -> None:
    quoted = "'{{ " + expression.replace("'", "''") + " }}'"

    compiled = attempt(HEAD + NODE % quoted, catalogue)

    assert codes(compiled) & {"CC501", "CC502", "CC506", "CC601", "CC508"}, compiled.diagnostics


@pytest.mark.parametrize(
    "schema",
    [
        "{$ref: 'http://127.0.0.1:1/x'}",
        "{$ref: 'file:///etc/passwd'}",
        "{$ref: '#/properties/f'}",
        "{type: string, pattern: '(a+)+$'}",
        "{type: string, pattern: '(?=a)b'}",
        "{$dynamicRef: '#x'}",
        "{type: strin}",
        "[]",
        "{allOf: 3}",
        "{properties: {a: {properties: 1}}}",
    ],
)
def test_context_schemas_made_to_hurt(schema: str, catalogue: Catalogue) -> None:
    context = "context: {type: object, properties: {f: " + schema + "}}\n"
    text = context + HEAD + NODE % "'{{ context.f }}'"

    attempt(text, catalogue)


@pytest.mark.parametrize(
    "pattern", ["{a,b}" * 200, "**/" * 300 + "x", "[" * 500, "{" * 500, "*" * 999, "\\" * 999]
)
def test_globs_made_to_hurt(pattern: str, catalogue: Catalogue) -> None:
    attempt(f"name: x\ntrigger: {{event: graph.file.updated, filters: {{filePath: '{pattern}'}}}}\n", catalogue)


@pytest.mark.parametrize(
    "cron", ["*/0 * * * *", "0-99999999 * * * *", "L * * * *", "* * * * * *", "9 9 31 2 *", "R R R R R"]
)
def test_cron_made_to_hurt(cron: str, catalogue: Catalogue) -> None:
    attempt(f"name: x\ntrigger: {{schedule: '{cron}'}}\nnodes:\n" + NODE % "x", catalogue)


def test_files_that_are_no_files(tmp_path: Path, catalogue: Catalogue) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "missing", tmp_path / ("x" * 300)):
        source = load(path)

        assert codes(compile(source, catalogue)) == {"CC101"}, path


def test_fifty_megabytes_are_not_read(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(50_000_000)
    tracemalloc.start()

    source = load(path)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "larger than" in (source.fault or "")
    assert peak < 10_000_000
    assert codes(compile(source, catalogue)) == {"CC101"}


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path, mission: dict[str, str], catalogue: Catalogue) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + mission["security-audit-on-pr"].replace("\n", "\r\n").encode())

    plain = compile(Source(mission["security-audit-on-pr"]), catalogue).plan
    marked = compile(load(path), catalogue).plan

    assert plain is not None
    assert marked is not None
    assert plain.digest == marked.digest


def test_diagnostics_show_hostile_text_inert(catalogue: Catalogue) -> None:
    text = 'name: x\nnodes:\n  - {id: a, agent: "\\e[31mred\u202e", action: b}\n'
    source = Source(text, "x.yaml")

    shown = format_text(compile(source, catalogue).diagnostics, [source])

    assert "\x1b" not in shown
    assert "\u202e" not in shown
