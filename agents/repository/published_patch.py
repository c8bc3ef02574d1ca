"""An agent's patch -> the files it changes, or why it is refused. It is hostile until shown harmless."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_PATCH_BYTES = 2_000_000
MAX_FILES = 300
MAX_FILE_BYTES = 2_000_000
_HEADER = re.compile(r"diff --git a/(?P<old>.+) b/(?P<new>.+)")
_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: .*)?")
_INDEX = re.compile(r"index [0-9a-f]{7,64}\.\.[0-9a-f]{7,64}(?: 100(?:644|755))?")
_RUN_BY_OTHERS = (".github", ".gitlab", ".circleci", ".husky", ".devcontainer", ".vscode")
_RUN_BY_OTHERS_FILES = (
    ".gitlab-ci.yml",
    "jenkinsfile",
    ".travis.yml",
    "azure-pipelines.yml",
    ".pre-commit-config.yaml",
)


class PatchRefusedError(Exception):
    """The patch holds something that must not reach a repository; the message says what and where."""


@dataclass(frozen=True)
class PatchedFile:
    """One file that the patch changes."""

    name: str
    is_new: bool


def read_patch(text: str) -> tuple[PatchedFile, ...]:
    """The changed files, in the order of the patch. Raises PatchRefusedError.

    Only changes of text and new plain files are let through: no renames, modes, links, binaries, removals.
    """
    if len(text.encode("utf-8", "replace")) > MAX_PATCH_BYTES:
        raise PatchRefusedError(f"the patch is larger than {MAX_PATCH_BYTES:,} bytes")
    if "\0" in text:
        raise PatchRefusedError("the patch is not plain text")
    reader = _Reader(text.split("\n"))
    files = reader.files()
    names = [file.name for file in files]
    if len(set(names)) != len(names):
        raise PatchRefusedError("the patch changes a file twice")
    if len(files) > MAX_FILES:
        raise PatchRefusedError(f"the patch changes {len(files)} files; {MAX_FILES} are the most")
    return files


def check_name(name: str) -> None:
    """Refuse a path that leaves the repository, hides in git's own files, or is run by other machines."""
    parts = name.split("/")
    # What file systems that ignore case, trailing dots or long names make of a part.
    plain = [re.sub(r"[^\x21-\x7e]", "", part).lower().rstrip(". ") for part in parts]
    if name.startswith("/") or "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        raise PatchRefusedError(f"path {name!r} is not one within the repository")
    if any(not char.isprintable() for char in name) or '"' in name or len(name) > 1024:
        raise PatchRefusedError(f"path {name[:100]!r} holds characters that paths of a patch must not")
    if any(part == ".git" or part.startswith(".git~") or re.fullmatch(r"git~\d+", part) for part in plain):
        raise PatchRefusedError(f"path {name!r} lies in git's own folder")
    if plain[-1] in (".gitmodules", ".gitattributes", ".gitconfig", ".mailmap", ".lfsconfig"):
        raise PatchRefusedError(f"path {name!r} is one that changes what git does")
    if plain[0] in _RUN_BY_OTHERS or plain[-1] in _RUN_BY_OTHERS_FILES:
        raise PatchRefusedError(f"path {name!r} is run by build machines or editors; change it by hand")


class _Reader:
    """Walks through the lines of a patch."""

    def __init__(self, lines: list[str]) -> None:
        if lines and lines[-1] == "":
            lines.pop()
        self._lines = lines
        self._at = 0

    def files(self) -> tuple[PatchedFile, ...]:
        found: list[PatchedFile] = []
        while self._at < len(self._lines):
            found.append(self._file())
        return tuple(found)

    def _next(self) -> str:
        if self._at >= len(self._lines):
            raise PatchRefusedError("the patch is cut off")
        self._at += 1
        return self._lines[self._at - 1]

    def _peek(self) -> str:
        return self._lines[self._at] if self._at < len(self._lines) else ""

    def _file(self) -> PatchedFile:
        line = self._next()
        header = _HEADER.fullmatch(line)
        if header is None or header["old"] != header["new"]:
            raise PatchRefusedError(f"line {self._at} of the patch, {line[:80]!r}, begins no change of one file")
        name = header["new"]
        check_name(name)
        is_new = self._peek() == "new file mode 100644"
        if is_new:
            self._next()
        if _INDEX.fullmatch(self._peek()):
            self._next()
        expected = ("--- /dev/null" if is_new else f"--- a/{name}", f"+++ b/{name}")
        for wanted in expected:
            line = self._next()
            if line.rstrip("\t") != wanted:
                raise PatchRefusedError(
                    f"line {self._at} of the patch, {line[:80]!r}, is refused: only changes of text are allowed"
                )
        self._hunks(name)
        return PatchedFile(name=name, is_new=is_new)

    def _hunks(self, name: str) -> None:
        if not self._peek().startswith("@@ "):
            raise PatchRefusedError(f"the patch changes nothing in {name!r}")
        while self._peek().startswith("@@ "):
            hunk = _HUNK.fullmatch(self._next())
            if hunk is None:
                raise PatchRefusedError(f"line {self._at} of the patch is no hunk header")
            self._body(int(hunk[2] or 1), int(hunk[4] or 1))

    def _body(self, old: int, new: int) -> None:
        while old > 0 or new > 0:
            line = self._next()
            kind = line[:1]
            old -= kind in (" ", "-")
            new -= kind in (" ", "+")
            if kind not in (" ", "+", "-", "\\") or old < 0 or new < 0:
                raise PatchRefusedError(f"line {self._at} of the patch does not fit its hunk")
        if self._peek().startswith("\\ "):
            self._next()
