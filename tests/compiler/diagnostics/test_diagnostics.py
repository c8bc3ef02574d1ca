"""How diagnostics are collected and shown."""

from __future__ import annotations

from compiler import Catalogue, Source, compile, format_text

HEAD = "name: many\ntrigger: {event: graph.file.updated}\nnodes:\n"


def node(number: int, message: str) -> str:
    inputs = f'{{channel: "#c", message: "{message}"}}'
    return f"  - {{id: n{number}, agent: notifier, action: sendSlackAlert, inputs: {inputs}}}\n"


def test_many_warnings_are_no_error(catalogue: Catalogue) -> None:
    text = HEAD + "".join(node(number, "On {{ context.branch }}") for number in range(150))

    compiled = compile(Source(text), catalogue)

    assert compiled.plan is not None
    assert len(compiled.diagnostics) == 101
    assert {found.severity for found in compiled.diagnostics} == {"warning"}
    assert compiled.diagnostics[-1].message == "50 more warning(s) are not shown"


def test_many_errors_do_not_hide_behind_warnings(catalogue: Catalogue) -> None:
    text = HEAD + "".join(node(number, "On {{ context.branch }}") for number in range(150))
    text += node(200, "{{ context.nothing }}")

    compiled = compile(Source(text), catalogue)

    assert compiled.plan is None
    assert "CC506" in {found.code for found in compiled.diagnostics}


def test_all_mistakes_are_reported_at_once(catalogue: Catalogue) -> None:
    text = (
        "name: two words\nnodes:\n"
        "  - {id: a, agent: nobody, action: x, dependsOn: [b]}\n"
        "  - {id: b, agent: notifier, action: sendSlackAlert, dependsOn: [a], retries: 3}\n"
    )

    codes = {found.code for found in compile(Source(text), catalogue).diagnostics}

    assert codes == {"CC206", "CC301", "CC403", "CC203", "CC303"}


def test_wide_characters_are_underlined_where_they_stand(catalogue: Catalogue) -> None:
    source = Source('name: x\nnodes:\n  - {id: 日本, agent: "🚨", action: y}\n', "x.yaml")

    shown = format_text(compile(source, catalogue).diagnostics, [source]).splitlines()

    line = next(index for index, each in enumerate(shown) if "CC301" in each)
    before = shown[line + 1].index('"🚨"')
    # Two wide letters stand before it: each takes two columns of the terminal.
    assert shown[line + 2].index("^") == before + 2
    assert shown[line + 2].count("^") == 4


def test_a_long_line_is_cut_around_the_mistake(catalogue: Catalogue) -> None:
    filler = "x" * 500
    source = Source(HEAD + node(1, filler + " {{ context.nothing }} " + filler), "x.yaml")

    shown = format_text(compile(source, catalogue).diagnostics, [source]).splitlines()

    assert all(len(each) < 130 for each in shown)
    assert any("context.nothing" in each for each in shown[1:])
