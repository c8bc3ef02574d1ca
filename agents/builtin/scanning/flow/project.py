"""All files of one language -> what a name in them stands for. Files are read when they are needed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from pathlib import PurePosixPath

from agents.builtin.scanning.flow.readers import read
from agents.builtin.scanning.flow.tree import Class, Define, Function, Module, Stmt

_DEFINED = re.compile(
    r"\b(?:class|interface|record|struct|trait|module|def|function|func|fn|type)\s+(?:\([^)]{0,80}\)\s*)?(?:self\.)?([A-Za-z_]\w*)"
    r"|^\s*(?:(?:public|private|protected|internal|static|final|async|override|virtual|synchronized|export|const|let|var)\s+)+"
    r"(?:[\w<>\[\].,?]+\s+)?([A-Za-z_]\w*)\s*(?:=\s*(?:async\s*)?(?:function|\(|\w+\s*=>)|\()",
    re.MULTILINE,
)
_WEB = re.compile(
    r"(?:^\s*(?:from|import)\s+(?:\w+\s*,\s*)*|^)(?:flask|django|fastapi|starlette|rest_framework|aiohttp|sanic|tornado|bottle"
    r"|pyramid|falcon|quart|webob|werkzeug|cherrypy|litestar|responder|connexion|webapp2|flask_\w+|chalice|ninja)\b"
    r"|\bHttpRe(?:quest|sponse)\b",
    re.MULTILINE,
)
_MANY = 12
"""A name that is defined more often says nothing."""


class Project:
    """The files of one language."""

    def __init__(self, language: str, texts: Mapping[str, str], settings: Mapping[str, str] | None = None) -> None:
        self.language = language
        self.settings = settings or {}
        """Values by key, of files of settings."""
        self._texts = texts
        self._modules: dict[str, Module | None] = {}
        self._serving: dict[str, bool] = {}
        self._defined: dict[str, list[str]] | None = None
        self._paths: dict[str, list[str]] | None = None

    def module(self, file: str) -> Module | None:
        """The file as it is read; None where it cannot be."""
        if file not in self._modules:
            text = self._texts.get(file)
            self._modules[file] = None if text is None else read(self.language, text, file)
        return self._modules[file]

    @property
    def held(self) -> int:
        """How many files are in memory as they were read."""
        return len(self._modules)

    def forget(self) -> None:
        """Give back the memory of all files that were read."""
        self._modules.clear()

    def text(self, file: str) -> str:
        """What the file holds; nothing where it is none of the project."""
        return self._texts.get(file, "")

    def serves(self, file: str) -> bool:
        """Whether the file, or one of Python's packages it is in, names a framework for the web."""
        if file not in self._serving:
            self._serving[file] = is_web(self._texts.get(file, ""))
        return self._serving[file]

    def split(self, path: str) -> tuple[str, str] | None:
        """A dotted path -> the file it begins with, and the rest of it."""
        parts = path.split(".")
        for end in range(len(parts), 0, -1):
            files = self._by_path.get(".".join(parts[:end]), ())
            if len(files) == 1:
                return files[0], ".".join(parts[end:])
            if files:
                return None
        return None

    def defined_in(self, files: Set[str]) -> frozenset[str]:
        """Names of the functions and classes of these files."""
        return frozenset(name for name, places in self._by_name.items() if not files.isdisjoint(places))

    def classes(self, name: str) -> Sequence[Class]:
        """The classes of that name, wherever they are; none where there are too many."""
        return [one for one in self._definitions(name) if isinstance(one, Class)]

    def functions(self, name: str) -> Sequence[Function]:
        """The functions and methods of that name, wherever they are; none where there are too many."""
        return [one for one in self._definitions(name) if isinstance(one, Function)]

    def _definitions(self, name: str) -> list[Class | Function]:
        files = self._by_name.get(name, ())
        if not files or len(files) > _MANY:
            return []
        found: list[Class | Function] = []
        for file in files:
            module = self.module(file)
            if module is not None:
                found += [one for one in definitions(module.body) if one.name == name]
        return found

    @property
    def _by_name(self) -> dict[str, list[str]]:
        if self._defined is None:
            self._defined = {}
            for file, text in self._texts.items():
                # A constructor has the name of its class: once for each file.
                for name in {one or other for one, other in _DEFINED.findall(text)}:
                    self._defined.setdefault(name, []).append(file)
        return self._defined

    @property
    def _by_path(self) -> dict[str, list[str]]:
        """Dotted path -> files: from the root, and for Python from any folder, as no import names a source folder."""
        if self._paths is None:
            self._paths = {}
            for file in self._texts:
                parts = list(PurePosixPath(file).with_suffix("").parts)
                if parts[-1] in ("__init__", "index"):
                    parts.pop()
                starts = range(min(len(parts), 4)) if self.language == "python" else (0,)
                for start in starts:
                    files = self._paths.setdefault(".".join(parts[start:]), [])
                    if start == 0:
                        files[:] = [file]  # the exact path is what is meant
                    elif file not in files:
                        files.append(file)
        return self._paths


def is_web(text: str) -> bool:
    """Whether it names a framework for the web."""
    return _WEB.search(text) is not None


def definitions(body: Sequence[Stmt]) -> list[Class | Function]:
    """Functions and classes at the top of a file, and in its classes."""
    found: list[Class | Function] = []
    pending = list(body)
    while pending:
        one = pending.pop()
        if isinstance(one, Define):
            found.append(one.what)
            if isinstance(one.what, Class):
                pending += one.what.body
    return found
