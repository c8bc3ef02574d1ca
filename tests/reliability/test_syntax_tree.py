"""Syntax trees made in many threads, while garbage is collected all the time."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import reliability
from reliability.syntax_tree import syntax_tree

SOURCES = [file.read_bytes() for file in sorted(Path(reliability.__file__).parent.glob("*.py"))[:12]]


@pytest.fixture
def collecting() -> Iterator[None]:
    def said(phase: str, info: dict[str, int]) -> None:
        sum(range(50))  # Python code, at which another thread may go on

    kept, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(said)
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*kept)
    gc.callbacks.remove(said)


def test_many_threads_make_trees_at_once(collecting: None) -> None:
    # With `ast.parse` itself, some of these end with a SystemError.
    with ThreadPoolExecutor(8) as threads:
        trees = list(threads.map(syntax_tree, SOURCES * 8))
    assert all(isinstance(each, ast.Module) and each.body for each in trees)
