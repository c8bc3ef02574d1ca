"""Framed questions on stdin -> framed answers on stdout, one after the other: a process that may be killed at any time.

Started by `reliability.apart`, which describes the frames. It knows no setting and no credential: its environment is
empty. Processor time ends it at the moment that its question allows, also in the middle of a call that no thread can
be stopped in; more memory than its limit is refused to it.
"""

from __future__ import annotations

import importlib
import math
import os
import pickle
import resource
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

LENGTH_BYTES = 8
_MOST_WORDS = 500


def main(memory_bytes: int) -> None:
    """Answer until the pipe ends."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What is printed must not be taken for an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    most = _within(memory_bytes, resource.getrlimit(resource.RLIMIT_AS)[1])
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    while (frame := _frame(questions)) is not None:
        answer = _answered(frame)
        answers.write(len(answer).to_bytes(LENGTH_BYTES) + answer)
        answers.flush()


def _frame(questions: BinaryIO) -> bytes | None:
    head = questions.read(LENGTH_BYTES)
    return questions.read(int.from_bytes(head)) if len(head) == LENGTH_BYTES else None


def _answered(frame: bytes) -> bytes:
    try:
        module, name, arguments, seconds = pickle.loads(frame)
        # Imports do not count: only the first question has them.
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        if arguments is None:
            return pickle.dumps(("answer", None))
        _allow(seconds)
        return pickle.dumps(("answer", function(*arguments)))
    except MemoryError:
        return pickle.dumps(("memory", ""))
    except RecursionError:
        return pickle.dumps(("depth", ""))
    except Exception as exc:
        return pickle.dumps(("error", f"{type(exc).__name__}: {exc}"[:_MOST_WORDS]))


def _allow(seconds: float) -> None:
    """Have the kernel end this process once it has computed that much longer."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = _within(math.ceil(used.ru_utime + used.ru_stime + seconds), hard)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def _within(wanted: int, hard: int) -> int:
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


if __name__ == "__main__":
    main(int(sys.argv[1]))
