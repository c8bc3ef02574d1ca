"""Files before and after a change, of any language -> the weaknesses that the change brought."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from agents.builtin.scanning.scan import scan
from agents.builtin.scanning.vulnerability import Vulnerability

_MOST_AROUND = 2_000


def brought(
    before: Mapping[str, str],
    after: Mapping[str, str],
    log: logging.Logger,
    around: Iterable[str] = (),
    around_folder: Path | None = None,
) -> list[Vulnerability]:
    """Weaknesses of the new texts (by path), less those of the old ones; a line that only moved brings none.

    `around` are other files of the project, in `around_folder`, through which data is followed.
    """
    near = [name for name in around if name not in after][: _MOST_AROUND + 1]
    if len(near) > _MOST_AROUND:
        log.info("more than %d files around the change: data is followed within its files only", _MOST_AROUND)
        near = []
    known = Counter(one.fingerprint for one in _scanned(before, log, near, around_folder))
    found: list[Vulnerability] = []
    for one in _scanned(after, log, near, around_folder):
        if known[one.fingerprint] > 0:
            known[one.fingerprint] -= 1
        else:
            found.append(one)
    return found


def _scanned(
    texts: Mapping[str, str], log: logging.Logger, near: list[str], around_folder: Path | None
) -> tuple[Vulnerability, ...]:
    present = {name: text for name, text in texts.items() if text}
    if not present:
        return ()
    with tempfile.TemporaryDirectory(prefix="change-") as folder:
        for name, text in present.items():
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8", newline="")
        return scan(Path(folder), list(present), log, around=near, around_folder=around_folder).vulnerabilities
