"""Sentences of commands, on a terminal and in a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

SENTENCE = "one two three " * 20
PANEL = "from rich.panel import Panel; from deployments.cli.output import console; console.print(Panel('x' * 100))"
SCRIPT = f"from deployments.cli.output import console; console.print({SENTENCE!r})"


def test_a_sentence_is_one_line_in_a_pipe_and_fits_a_terminal() -> None:
    narrow = os.environ | {"COLUMNS": "40"}
    command = [sys.executable, "-c", SCRIPT]
    piped = subprocess.run(command, env=narrow, capture_output=True, text=True, timeout=60, check=True).stdout
    assert piped == SENTENCE + "\n"
    panel = subprocess.run(
        [sys.executable, "-c", PANEL], env=narrow, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert panel.count("x") == 100, "what has a width loses nothing"

    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", closefd=True) as screen:
        subprocess.run(command, env=narrow, stdout=theirs, timeout=60, check=True)
        lines = screen.read1(10_000).decode().splitlines()
        os.close(theirs)
    assert len(lines) > 5
    assert all(len(line) <= 40 for line in lines)
