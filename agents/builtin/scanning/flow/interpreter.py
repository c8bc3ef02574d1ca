"""Files of one language -> what from outside reaches where it must not, over functions, classes and files.

The code is run on values of which only part is known: constants are computed, branches that cannot be taken are left
out, what lists and maps hold is followed, and functions of the project are run where they are called. Everything is
bounded; what was not followed to the end is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.builtin.scanning.flow import entries
from agents.builtin.scanning.flow.memory import STEPS_PER_FILE, Frame, SpentError
from agents.builtin.scanning.flow.statements import Statements
from agents.builtin.scanning.flow.tree import Class, Define, Function, Module, Stmt
from agents.builtin.scanning.flow.values import Env, Value, last_name


class Interpreter(Statements):
    """Runs the files of one project in one language."""

    def run(self, file: str) -> None:
        """Look at everything in the file: what runs when it is loaded, and each function."""
        module = self._project.module(file)
        if module is None:
            self.spent.add(file)
            return
        self._steps = self._file_steps = 0
        try:
            self._top(module)
            for _ in range(2):
                before = self._fields_tainted()
                self._functions(module.body)
                if self._fields_tainted() == before:
                    break
                self._ran.clear()
        except SpentError:
            self.spent.add(file)
        except RecursionError:
            self.spent.add(file)
        self.work += self._file_steps
        self._last.clear()
        self._parts.clear()
        self._results.clear()
        self._stack.clear()
        self._queue.clear()

    def forget(self) -> None:
        """Give back the memory of all files that were read; what was found stays."""
        self._project.forget()
        for held in (self._tops, self._fields, self._objects, self._results, self._last, self._parts):
            held.clear()
        self._ran.clear()

    def _fields_tainted(self) -> int:
        return sum(value.is_tainted() for fields in self._fields.values() for value in fields.values())

    def _top(self, module: Module) -> Env:
        env = self._tops.get(module.file)
        if env is None:
            env = self._tops[module.file] = Env()
            outer, self._frame = self._frame, Frame(file=module.file, function=None)
            # Functions may call what is defined further down.
            self._define(module.body, env)
            try:
                self._block(module.body, env)
            finally:
                self._frame = outer
        return env

    def _define(self, body: Sequence[Stmt], env: Env) -> None:
        for one in body:
            if isinstance(one, Define):
                env.names.setdefault(one.what.name, self._defined(one.what, env))

    def _functions(self, body: Sequence[Stmt]) -> None:
        for one in body:
            if not isinstance(one, Define):
                continue
            if isinstance(one.what, Class):
                own = sorted(one.what.body, key=lambda each: not _is_constructor(each))
                self._functions(own)
            else:
                self._entry(one.what, None)
        self._drain()

    def _drain(self) -> None:
        while self._queue:
            function, env = self._queue.pop()
            self._entry(function, env)

    def _entry(self, function: Function, env: Env | None) -> None:
        """Run a function as something outside would: with what a framework gives it."""
        if id(function) in self._ran:
            return
        self._ran.add(id(function))
        self._steps = 0
        serves = self._language != "python" or self._project.serves(function.file)
        filled = entries.filled(self._language, function) if serves else frozenset[str]()
        outer = self._frame
        try:
            args = [self._entry_value(one, filled, function) for one in function.params]
            of = None if function.owner is None or function.is_static else self._object(function.owner)
            if function.receiver is not None:
                of = Value(type=last_name(function.receiver.type))
            if of is not None and self._language == "python":
                args = args[1:]
            self._run(function, of, args, (), env, depth=0)
        except SpentError:
            self.spent.add(function.file)
            if self._file_steps > STEPS_PER_FILE:
                raise
        finally:
            self._frame = outer
            self._stack.clear()


def _is_constructor(one: Stmt) -> bool:
    return isinstance(one, Define) and one.what.name in ("__init__", "__construct", "initialize", "constructor")
