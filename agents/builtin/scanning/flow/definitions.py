"""A name, a member or a dotted path in; what stands for it in the project, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from agents.builtin.scanning.flow.memory import IMPLICIT, SELF
from agents.builtin.scanning.flow.sinks import SinkChecks
from agents.builtin.scanning.flow.tree import Attr, Class, Define, Do, Name, Put
from agents.builtin.scanning.flow.values import Env, Key, Value, joined, last_name


class Definitions(SinkChecks):
    """Finds what a name stands for."""

    def _object(self, cls: Class) -> Value:
        """One object that stands for all of the class."""
        if id(cls) not in self._objects:
            self._objects[id(cls)] = Value(pairs=self._fields_of(cls), cls=cls, type=cls.name)
        return self._objects[id(cls)]

    def _fields_of(self, cls: Class) -> dict[Key, Value]:
        return cast("dict[Key, Value]", self._fields.setdefault(id(cls), {}))

    def _name(self, expr: Name, env: Env) -> Value:
        value = env.get(expr.name)
        if value is not None:
            return value
        if self._language in IMPLICIT:
            of = env.get(SELF[self._language])
            if of is not None and of.cls is not None:
                found = self._attribute(of, expr.name)
                if found is not None:
                    return found
        return self._elsewhere(expr.name)

    def _elsewhere(self, name: str) -> Value:
        """What a name stands for that is not defined in this file."""
        if self._language in ("python", "javascript"):
            return Value()
        if name[:1].isupper() or self._language in ("go", "php", "ruby"):
            classes = self._project.classes(name)
            if len(classes) == 1 or (classes and len({one.file for one in classes}) == 1):
                return self._class_value(classes[-1])
            if not classes:
                functions = [one for one in self._project.functions(name) if one.owner is None]
                if len(functions) == 1:
                    return Value(function=functions[0], path=name)
        return Value(path=name if name[:1].isupper() else "")

    def _class_value(self, cls: Class) -> Value:
        module = self._project.module(cls.file)
        env = None if module is None else self._top(module)
        if env is not None and id(cls) not in self._fields:
            self._defined(cls, env)
        return Value(cls=cls, is_class=True, env=env, path=cls.name)

    def _attr(self, expr: Attr, env: Env) -> Value:
        of = self._eval(expr.of, env)
        return self._member(of, expr.name)

    def _member(self, of: Value, name: str) -> Value:
        found = self._attribute(of, name)
        if found is not None:
            if of.taints and not found.function:
                return joined(found, Value(taints=of.taints))
            return found
        if name in ("length", "Length", "Count"):
            if of.items is not None:
                return Value(const=len(of.items))
            if isinstance(of.const, str):
                return Value(const=len(of.const))
        if of.path and not of.taints:
            path = f"{of.path}.{name}"
            return self._resolved(path) or Value(path=path)
        taints = of.taints if of.cls is not None or self._is_record(of) else of.all_taints()
        if self._catalogue.wholes:
            taints = {key: one for key, one in taints.items() if one.source not in self._catalogue.wholes}
        kind = self._field_type(of.type, name) if self._language == "go" else ""
        return Value(taints=dict(taints), type=kind, path=f"{of.path}.{name}" if of.path else "")

    def _is_record(self, of: Value) -> bool:
        """Whether other fields say nothing of one: an object of JavaScript of which all that was set is known."""
        return self._language == "javascript" and bool(of.pairs)

    def _field_type(self, kind: str, name: str) -> str:
        """What a struct of Go says of its field."""
        found = self._project.classes(kind) if kind else ()
        fields = [one.expr for one in found[0].body if isinstance(one, Do)] if len(found) == 1 else []
        for one in fields:
            if isinstance(one, Put) and isinstance(one.target, Name) and one.target.name == name:
                return last_name(one.type)
        return ""

    def _attribute(self, of: Value, name: str) -> Value | None:
        """A field or method; None where nothing is known of it."""
        if of.pairs is not None and name in of.pairs:
            return of.pairs[name]
        seen = 0
        cls = of.cls
        while cls is not None and seen < 4:
            fields = self._fields.get(id(cls), {})
            if name in fields:
                return fields[name]
            if name in cls.methods:
                return Value(function=cls.methods[name], of=of, env=self._around(cls))
            inner = [one.what for one in cls.body if isinstance(one, Define) and isinstance(one.what, Class)]
            for one in inner:
                if one.name == name:
                    return self._class_value(one)
            cls, seen = self._base(cls), seen + 1
        return None

    def _around(self, cls: Class) -> Env | None:
        module = self._project.module(cls.file)
        return None if module is None else self._top(module)

    def _base(self, cls: Class) -> Class | None:
        for base in cls.bases:
            env = self._around(cls)
            name = base.rsplit(".", 1)[-1]
            value = None if env is None else env.get(name)
            if value is not None and value.path and value.cls is None:
                value = self._resolved(value.path)
            if value is not None and value.cls is not None and value.cls is not cls:
                return value.cls
            found = [one for one in self._project.classes(name) if one is not cls]
            if len(found) == 1:
                return found[0]
        return None

    def _resolved(self, path: str) -> Value | None:
        """What a dotted path stands for within the project."""
        if self._language == "java":
            parts = path.split(".")
            if len(parts) > 1 and parts[-1][:1].isupper():
                classes = self._project.classes(parts[-1])
                return self._class_value(classes[0]) if len(classes) == 1 else None
            return self._static(parts)
        if self._language == "php" and (found := self._static(path.split("."))) is not None:
            return found
        place = self._project.split(path)
        if place is None or place[0] == self._frame.file:
            return None
        module = self._project.module(place[0])
        if module is None:
            return None
        env = self._top(module)
        if not place[1]:
            return self._exported(env, path)
        value: Value | None = None
        for number, name in enumerate(place[1].split(".")):
            if number:
                value = None if value is None else self._attribute(value, name)
            else:
                exported = env.names.get("module.exports") or env.names.get("exports")
                value = env.names.get(name)
                if value is None and exported is not None and exported.pairs is not None:
                    value = exported.pairs.get(name)
            if (
                value is not None
                and value.path
                and value.function is None
                and value.cls is None
                and value.path != path
            ):
                value = self._resolved(value.path) or value
            if value is None:
                return None
        return value

    def _static(self, parts: Sequence[str]) -> Value | None:
        """`Class.method` of the project, by the class's name alone."""
        classes = self._project.classes(parts[-2]) if len(parts) > 1 and parts[-2][:1].isupper() else ()
        return self._attribute(self._class_value(classes[0]), parts[-1]) if len(classes) == 1 else None

    def _exported(self, env: Env, path: str) -> Value | None:
        """A whole module as a value."""
        if self._language != "javascript":
            return None
        found = env.names.get("module.exports")
        if found is None:
            held = env.names.get("exports")
            if held is None or held.pairs is None or set(held.pairs) != {"default"}:
                return None
            default = held.pairs["default"]
            pairs: dict[Key, Value] = {**(default.pairs or {}), "default": default}
            return replace(default, pairs=pairs)
        return found
