"""The data of one part of a report, as JSON -> a tagged PDF; as a program of its own, from standard input to output.

The typesetter keeps what it has laid out for as long as its process lives, about 200 KB for each row of the table.
A process for each part gives that back.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from agents.sdk.errors import AgentError

_TEMPLATE = Path(__file__).with_name("report.typ")
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
"""Text that needs the large font of Chinese, Japanese and Korean; it is read only then."""
_MOST_SAID = 300
_FAILED = 3
"""The status where the typesetter says what is wrong."""


def set_in_type(data: str) -> bytes:
    """Lay it out here. The clock, fonts of the machine and the network have no part in it. Raises AgentError."""
    import typst

    packages = ("manimgx_fonts", *(("manimgx_fonts_cjk",) if _CJK.search(data) else ()))
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(files(package)) for package in packages],
    )
    compiler = typst.Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=fonts, sys_inputs={"report": data})
    try:
        content = compiler.compile(format="pdf", pdf_tags=True)
    except typst.TypstError as exc:
        raise AgentError(f"the report could not be laid out: {exc.message}") from exc
    if not isinstance(content, bytes):
        raise AgentError("the report could not be laid out: the typesetter gave no document")
    return content


def set_apart(data: str) -> bytes:
    """The same in a process of its own. Raises AgentError."""
    # It finds its modules where this process does, and gets nothing else of its variables.
    environment = {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ.get("PATH", ""),
    }
    done = subprocess.run(
        [sys.executable, "-m", __name__], input=data.encode(), capture_output=True, check=False, env=environment
    )
    if done.returncode == _FAILED:
        raise AgentError(done.stderr.decode("utf-8", "replace")[:_MOST_SAID])
    if done.returncode:
        raise AgentError(
            f"the report could not be laid out: the typesetter ended with status {done.returncode}; "
            "where its memory ran out, give the node a higher memoryMb, or report fewer findings"
        )
    return done.stdout


def main() -> int:
    """Returns the process's status."""
    try:
        content = set_in_type(sys.stdin.buffer.read().decode())
    except AgentError as exc:
        sys.stderr.write(str(exc))
        return _FAILED
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
