"""An approval's card -> a framed card on a terminal, plain text in a pipe; the words are those of `tasks.card_text`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from deployments.cli.output import console, is_terminal
from tasks.card_text import card_parts, card_text
from tasks.words import Block, QuotedValue, Words

TITLE = "APPROVAL REQUIRED"


def print_card(card: Mapping[str, object], *, of: str = "") -> None:
    """Print the card as fits where the output goes. `of`: whose it is, where several are shown."""
    title = f"{TITLE}: {of}" if of else TITLE
    if is_terminal():
        console.print(approval_panel(card, title=title))
        return
    sys.stdout.write(f"{title}\n\n{card_text(card)}\n\n")
    sys.stdout.flush()


def approval_panel(card: Mapping[str, object], *, title: str = TITLE) -> RenderableType:
    """An approval's card in a frame: what will happen in words, the details, the exact inputs as JSON."""
    # What comes from outside is set in, also where a long line of it goes on: it cannot look like the card's words.
    lines: list[RenderableType] = []
    for part in card_parts(card):
        if isinstance(part, Block):
            lines += [_words(part.title, style="bold"), Padding(Text(part.text), (0, 0, 0, 2)), Text()]
        else:
            mark = Text(f"{part.mark}  ", style="bold yellow") if part.mark else Text()
            lines += [mark + _words(part.words), Text()]
    return Panel(Group(*lines[:-1]), title=Text(title), border_style="yellow")


def _words(words: Words, *, style: str = "") -> Text:
    shown = Text(style=style)
    for each in words:
        shown.append(each.shown, style="cyan") if isinstance(each, QuotedValue) else shown.append(each)
    return shown
