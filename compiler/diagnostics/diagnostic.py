"""Diagnostics as values: code, location, message, hint. All of them are reported, none is raised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from compiler.diagnostics.codes import CODES, Severity

MAX_REPORTED = 100
"""More errors, or warnings, than this are counted but not shown."""
MAX_QUOTED = 80
_UNSURE = frozenset({"CC901", "CC905"})
"""Warnings that may only follow from an error elsewhere: not shown beside one."""


class Span(NamedTuple):
    """A range of the source; lines and columns start at 1, the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


START = Span(1, 1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One error or warning in one workflow."""

    code: str
    """Stable, `CC` and three digits; `compiler.diagnostics.codes.CODES` has cause and fix."""
    severity: Severity
    message: str
    """One sentence: what is wrong, with which part."""
    hint: str = ""
    """How to fix it."""
    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def place(self) -> str:
        """`file:line:column`."""
        return f"{self.path}:{self.line}:{self.column}"


@dataclass
class DiagnosticList:
    """Collects the diagnostics of one source, in any order, without duplicates."""

    path: str
    _found: dict[tuple[str, Span, str], Diagnostic] = field(
        default_factory=dict[tuple[str, Span, str], Diagnostic]
    )
    _kept: Counter[Severity] = field(default_factory=Counter["Severity"])
    _left_out: Counter[Severity] = field(default_factory=Counter["Severity"])
    _ignored: set[Span] = field(default_factory=set[Span])

    def ignore(self, span: Span) -> None:
        """The value there was reported as wrong: suppress further diagnostics about it."""
        self._ignored.add(span)

    def add(self, code: str, span: Span, message: str, *, hint: str = "") -> None:
        """Add a diagnostic; its severity comes with the code."""
        key = (code, span, message)
        if key in self._found or span in self._ignored:
            return
        severity = CODES[code].severity
        if self._kept[severity] >= MAX_REPORTED:
            self._left_out[severity] += 1
            return
        self._kept[severity] += 1
        self._found[key] = Diagnostic(
            code=code,
            severity=severity,
            message=message,
            hint=hint,
            path=self.path,
            line=span.line,
            column=span.column,
            end_line=span.end_line,
            end_column=span.end_column,
        )

    @property
    def full(self) -> bool:
        """Whether so many were found that checking can stop."""
        return self._left_out["error"] > MAX_REPORTED

    @property
    def failed(self) -> bool:
        """Whether an error (not just a warning) was found."""
        return self._kept["error"] > 0

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """In the order of the file; the last one says how many were left out."""
        kept = [each for each in self._found.values() if not (self.failed and each.code in _UNSURE)]
        found = sorted(kept, key=lambda each: (each.line, each.column, each.code, each.message))
        for severity, count in self._left_out.items():
            if found and (severity == "error" or not self.failed):
                found.append(_left_out(found[-1], count, severity))
        return tuple(found)


def _left_out(last: Diagnostic, count: int, severity: Severity) -> Diagnostic:
    return Diagnostic(
        code="CC199",
        severity=severity,
        message=f"{count} more {severity}(s) are not shown",
        hint="fix the first ones and check again",
        path=last.path,
        line=last.line,
        column=last.column,
        end_line=last.end_line,
        end_column=last.end_column,
    )


def quoted(value: object) -> str:
    """The value as text in quotes on one line, cut when long: safe to put into a message."""
    text = str(value)
    return repr(text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…")


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """A hint that names the closest known name, or all of a few, or nothing."""
    names = sorted(set(known))
    # difflib is quadratic in the lengths; a real typing error is short.
    close = get_close_matches(wrong, names, n=1, cutoff=0.6) if len(wrong) <= 100 and len(names) <= 500 else []
    if close:
        return f"did you mean {close[0]!r}?"
    if 0 < len(names) <= 12:
        return "known here: " + ", ".join(names)
    return ""
