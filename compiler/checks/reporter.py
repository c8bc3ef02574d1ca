"""Where the passes report: the document's places for a value, a key, or a part of a template."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.diagnostics.codes import CODES
from compiler.diagnostics.diagnostic import DiagnosticList
from compiler.expressions.template import Piece
from compiler.inference.bindings import Bindings
from compiler.inference.expression_types import Inference
from compiler.inference.shape import Shape
from compiler.language.document import Document, Path


@dataclass(frozen=True)
class Reporter:
    """The document under check and the report that grows."""

    document: Document
    report: DiagnosticList

    def at(self, path: Path, code: str, message: str, hint: str = "") -> None:
        """Report the value at the path."""
        self.report.add(code, self.document.span(path), message, hint=hint)

    def at_key(self, path: Path, code: str, message: str, hint: str = "") -> None:
        """Report the key at the end of the path."""
        self.report.add(code, self.document.key_span(path), message, hint=hint)

    def at_part(self, path: Path, part: str, code: str, message: str, *, hint: str = "") -> None:
        """Report a part of the text at the path."""
        self.report.add(code, self.document.within(path, part), message, hint=hint)

    def shape(self, piece: Piece, path: Path, bindings: Bindings) -> Shape | None:
        """The shape of one template in the text at the path; None where it has errors, which are reported."""
        failed = False

        def note(code: str, message: str, hint: str, part: str) -> None:
            nonlocal failed
            failed = failed or CODES[code].severity == "error"
            self.report.add(code, self.document.within(path, piece.text, part), message, hint=hint)

        shape = Inference(bindings, note).shape(piece.expression)
        return None if failed else shape


def node_path(position: int, *steps: str | int) -> Path:
    """The way to a value of a node."""
    return ("nodes", position, *steps)
