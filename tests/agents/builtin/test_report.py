"""The report as a reader gets it: rendered to pixels, and its text read back."""

from __future__ import annotations

import dataclasses
import unicodedata
from io import BytesIO
from itertools import pairwise
from typing import Any

import pypdfium2
import pytest
from pypdf import PdfReader

from agents.builtin.report_generator import agent, layout, listed, typesetting
from agents.builtin.report_generator.joining import NotJoinedError
from agents.builtin.report_generator.joining import joined as joined_parts
from agents.builtin.report_generator.printable import place, printable
from agents.builtin.violation import Violation
from agents.registration.builtin_agents import builtin_catalogue
from agents.sandbox.choice import open_sandbox
from agents.sandbox.port import AgentRequest, Limits
from agents.sdk.errors import AgentError, InvalidInputError

VIOLATION = {"rule": "x", "severity": "ERROR", "location": "Запуск", "remediation": "r"}
Pixel = tuple[int, int, int]


def made(context, violations: list[dict[str, Any]], **more: Any) -> bytes:
    fresh = dataclasses.replace(context, saved=[])
    agent.execute("createPDF", {"violations": violations, "score": 50, **more}, fresh)
    return (fresh.artifacts_folder / fresh.saved[0].file).read_bytes()


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def joined(pdf: bytes) -> str:
    return "".join(text_of(pdf).split())


@pytest.mark.parametrize("severity", ["ERROR", "WARNING"])
def test_the_severity_stands_out_from_its_background(context, severity):
    pdf = made(context, [{**VIOLATION, "severity": severity, "location": "here"}])

    around = _pixels_around(pdf, severity)

    darkest, lightest = min(around, key=_luminance), max(around, key=_luminance)
    assert (_luminance(lightest) + 0.05) / (_luminance(darkest) + 0.05) >= 7
    badge = max(set(around), key=around.count)
    assert badge != (255, 255, 255)  # the word stands on its badge


def _pixels_around(pdf: bytes, word: str) -> list[Pixel]:
    """The pixels of the last place on page 1 where the word stands."""
    page = pypdfium2.PdfDocument(pdf)[0]
    texts = page.get_textpage()
    search = texts.search(word, match_case=True)
    places: list[tuple[int, int]] = []
    while (found := search.get_next()) is not None:
        places.append(found)
    start, count = places[-1]
    boxes = [texts.get_charbox(index) for index in range(start, start + count)]
    scale = 4
    bitmap = page.render(scale=scale)
    left, right = min(box[0] for box in boxes) * scale, max(box[2] for box in boxes) * scale
    top = (page.get_height() - max(box[3] for box in boxes)) * scale
    bottom = (page.get_height() - min(box[1] for box in boxes)) * scale
    raw, width = bytes(bitmap.buffer), bitmap.n_channels
    return [
        (raw[at + 2], raw[at + 1], raw[at])
        for y in range(int(top), int(bottom))
        for x in range(int(left), int(right))
        for at in [y * bitmap.stride + x * width]
    ]


def _luminance(pixel: Pixel) -> float:
    parts = [value / 255 for value in pixel]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    "word", ["Запуск", "Größe", "αβγδ", "漢字", "かな", "한국어", "שלום", "नमक", "ไทย", "ქართული", "😀"]
)
def test_every_script_reads_back_and_is_drawn(context, word):
    pdf = made(context, [{**VIOLATION, "location": word}])
    nothing = made(context, [{**VIOLATION, "location": ""}])

    assert word in text_of(pdf)
    assert _dark(pdf) > _dark(nothing)
    assert _missing_glyphs(pdf) == 0


def test_arabic_is_drawn_shaped_and_in_its_direction(context):
    pdf = made(context, [{**VIOLATION, "location": "مرحبا بالعالم"}])

    assert set("مرحبا") <= set(text_of(pdf))
    assert _missing_glyphs(pdf) == 0
    page = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    spread = {
        char: page.get_charbox(index)[0]
        for index in range(page.count_chars())
        if (char := page.get_text_range(index, 1)) in ("ح", "ع")
    }
    assert spread["ح"] > spread["ع"]  # the first word is to the right of the second


def _dark(pdf: bytes) -> int:
    bitmap = pypdfium2.PdfDocument(pdf)[0].render(scale=2)
    return sum(value < 100 for value in bytes(bitmap.buffer)[:: bitmap.n_channels])


def _missing_glyphs(pdf: bytes) -> int:
    """Characters that are set by glyph 0, the box that stands for what a font does not have."""
    missing = 0
    for page in PdfReader(BytesIO(pdf)).pages:
        missing += page.get_contents().get_data().count(b"<0000>")
    return missing


def test_long_words_stay_in_their_column(context):
    long = "x" * 300 + "/" + "Ж" * 200
    pdf = made(context, [{**VIOLATION, "rule": long, "location": long, "description": long}])

    assert joined(pdf).count("x" * 20) >= 3
    page = pypdfium2.PdfDocument(pdf)[0]
    texts = page.get_textpage()
    width = page.get_width()
    assert all(texts.get_charbox(index)[2] < width - 30 for index in range(texts.count_chars()))
    lines: dict[float, list[tuple[float, float]]] = {}
    for index in range(texts.count_chars()):
        if texts.get_text_range(index, 1) in ("x", "Ж"):
            left, bottom, right, _ = texts.get_charbox(index)
            lines.setdefault(round(bottom, 1), []).append((left, right))
    for letters in lines.values():
        letters.sort()
        assert all(after[0] >= before[1] - 0.5 for before, after in pairwise(letters))


@pytest.mark.parametrize(
    "hostile",
    [
        '#panic("no")',
        '#read("/etc/passwd")',
        "*b* _i_ `c` $x^2$ = h",
        "https://evil.example/x",
        "@label <label>",
        '#link("https://evil.example")[x]',
        '"); #pagebreak() //',
        "\\u{41} \\",
    ],
)
def test_text_of_others_is_no_markup(context, hostile):
    violation = dict.fromkeys(("rule", "location", "remediation", "description"), hostile)
    pdf = made(context, [{**violation, "severity": "ERROR", "clauses": [hostile]}], title=hostile, project=hostile)

    assert joined(pdf).count("".join(hostile.split())) >= 5
    assert all("/Annots" not in page for page in PdfReader(BytesIO(pdf)).pages)
    assert len(PdfReader(BytesIO(pdf)).pages) == 1


def test_the_document_is_tagged_has_a_title_and_a_language(context):
    reader = PdfReader(BytesIO(made(context, [VIOLATION], title="Отчёт")))
    root: Any = reader.trailer["/Root"]

    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert reader.metadata is not None
    assert reader.metadata.title == "Отчёт"


def test_controls_that_were_not_assessed_are_no_violations(context):
    missing = {**VIOLATION, "severity": "WARNING", "state": "not-assessed", "clauses": ["SOC2 CC8.1"]}
    shown = text_of(made(context, [VIOLATION, missing]))

    assert "1 violation(s): 1 error(s), 0 warning(s)." in shown
    assert "1 control(s) were not assessed; the score does not count them." in shown


def test_earlier_scores_are_drawn_as_a_trend(context):
    history = [{"label": "March", "score": 20}, {"label": "April", "score": 85.5}]
    pdf = made(context, [VIOLATION], history=history)

    assert "Scoreovertime" in joined(pdf)
    assert "2085.5" in joined(pdf)
    assert "MarchApril" in joined(pdf)


async def test_ten_thousand_rows_are_laid_out_in_the_jail():
    spec = builtin_catalogue().agents["report-generator"]
    action = spec.actions["createPDF"]
    rows = [
        {**VIOLATION, "location": f"workflow {at}", "description": "what is wrong " * 7} for at in range(10_000)
    ]
    sandbox = open_sandbox("bubblewrap")
    report = await sandbox.check()
    if not report.available:
        pytest.skip(f"no jail here: {report.detail} {report.advice}")
    try:
        result = await sandbox.run(
            AgentRequest(
                run_id="r",
                node_id="n",
                entry_path=spec.entry_path,
                action="createPDF",
                inputs={"violations": rows, "score": 1},
                result_schema=action.result_schema or action.output_schema,
                idempotency_key="k",
                limits=Limits(memory_mb=spec.memory_mb, timeout_seconds=spec.timeout_seconds),
            ),
            on_log=lambda line: None,
        )
    finally:
        await sandbox.close()

    assert result.ok, result.failure
    assert result.output["violationsListed"] == 10_000
    assert len(PdfReader(BytesIO(result.artifacts[0].content)).pages) == result.output["pages"]


def test_a_report_in_parts_is_one_tagged_document(context, monkeypatch):
    monkeypatch.setattr(layout, "_MOST_IN_PART", 3000)
    rows = [{**VIOLATION, "location": f"here-{at}", "description": "شرح (1 0 R) " * 8} for at in range(40)]
    reader = PdfReader(BytesIO(made(context, rows, title="U3x0y0 (8 0 R) /S/Document")))
    root: Any = reader.trailer["/Root"]
    tree = root["/StructTreeRoot"]
    texts = [page.extract_text() for page in reader.pages]
    keys = tree["/ParentTree"]["/Nums"]
    pieces = dict(zip(keys[::2], keys[1::2], strict=True))

    assert len(texts) > 2
    assert all(f"page {at} \u2013 findings" in text for at, text in enumerate(texts, 1))
    assert sorted(f"here-{at}" in "\n".join(texts) for at in range(40)) == [True] * 40
    assert [page["/StructParents"] for page in reader.pages] == list(range(len(texts)))
    for page in reader.pages:
        # Whatever is said of a page's pieces is said of this page, and leads up to the one document.
        for piece in {id(one.get_object()): one.get_object() for one in pieces[page["/StructParents"]]}.values():
            assert piece["/Pg"].indirect_reference == page.indirect_reference
            while piece["/S"] != "/Document":
                piece = piece["/P"]
            assert piece.indirect_reference == tree["/K"][0].indirect_reference
    assert [one.get_object()["/S"] for one in tree["/K"][0]["/K"]].count("/Sect") > 1
    names = tree["/IDTree"]["/Names"]
    assert list(names[::2]) == sorted(set(names[::2]))
    assert all(one.get_object()["/ID"] == name for name, one in zip(names[::2], names[1::2], strict=True))


def test_what_the_typesetter_refuses_apart_is_said():
    with pytest.raises(AgentError, match="could not be laid out"):
        typesetting.set_apart("{}")


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.7\n", b"%PDF\nxref\n0 1\n0000000000 65535 f \ntrailer\n<<>>\nstartxref"]
)
def test_what_is_no_pdf_of_the_typesetter_is_not_joined(content):
    with pytest.raises(NotJoinedError):
        joined_parts([content])


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 100.1])
def test_a_score_that_is_none_is_refused(context, score):
    with pytest.raises(InvalidInputError):
        agent.execute("createPDF", {"violations": [], "score": score}, context)


def _places(text: str) -> int:
    parts = printable(text).as_json()["parts"]
    assert isinstance(parts, list)
    return len(parts)


def test_long_words_get_no_more_places_to_break_than_lines_need():
    assert _places("a" * 600) <= 151
    assert _places("运" * 600) == 1
    assert _places("تشغيل" * 100) <= 51


def test_shaped_letters_count_twice_for_what_can_be_laid_out():
    row = Violation(rule="r", severity="ERROR", location="l", remediation="r", description="x" * 600)
    plain, shaped = [row] * 10_000, [row.model_copy(update={"description": "ش" * 600})] * 10_000

    assert len(listed(plain)) == 9_950
    assert len(listed(shaped)) == 4_987


@pytest.mark.parametrize("path", ["אבג/12/x.py:7", "תקיה/12/x.py:7", "مجلد/12/x.py:7"])
def test_the_parts_of_a_path_stand_from_left_to_right_in_every_script(context, path):
    page = pypdfium2.PdfDocument(made(context, [{**VIOLATION, "location": path}]))[0]
    texts = page.get_textpage()
    chars = [(texts.get_text_range(at, 1), texts.get_charbox(at)) for at in range(texts.count_chars())]
    letters = [box for char, box in chars if unicodedata.bidirectional(char) in ("R", "AL")]
    middle, end = (letters[0][1] + letters[0][3]) / 2, max(box[2] for box in letters)
    row = sorted((box[0], char) for char, box in chars if box[1] - 3 < middle < box[3] + 3 and box[0] >= end - 1)

    assert "".join(char for _, char in row if char.isalnum()).startswith("12xpy7")


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("אבג/דהח:7", "אבג/\u200eדהח:\u200e7"),
        ("src/אבג.py:7", "src/אבג.py:7"),
        ("אבג.דהח#ז@ח", "אבג.דהח#ז@ח"),
        ("src/x.py:7", "src/x.py:7"),
    ],
)
def test_a_path_gets_marks_only_where_its_parts_would_change_places(path, marked):
    assert place(path).text == marked
