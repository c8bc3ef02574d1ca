"""The picture of a run that is drawn while it goes on, on a terminal of 80 columns."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from deployments.cli.run_progress import NodeView, run_panel

LINK = "http://127.0.0.1:42507/runs/flow-run/6c9af570-78ad-4a35-8839-dc45c5a92815"


def test_names_states_and_notes_are_whole_on_80_columns() -> None:
    note = "node 'notify-if-critical' skipped: its condition is false"
    views = [
        NodeView(
            node_id="notify-if-critical", action="suggestImprovements", state="SKIPPED", seconds=None, note=note
        ),
        NodeView(
            node_id="create-fix-pr",
            action="generateFixPR",
            state="WAITING_APPROVAL",
            seconds=1234.5,
            note="waits for a person",
        ),
    ]
    out = StringIO()
    Console(file=out, width=80, color_system=None).print(run_panel("audit  RUNNING", link=LINK, views=views))
    text = out.getvalue()
    assert LINK in text.splitlines()
    assert max(map(len, text.splitlines())) <= 80
    text = " ".join(text.replace("│", " ").split())
    for shown in (
        "notify-if-critical",
        "suggestImprovements",
        "WAITING_APPROVAL",
        "1234.50 s",
        note,
        "waits for a person",
    ):
        assert shown in text, shown
