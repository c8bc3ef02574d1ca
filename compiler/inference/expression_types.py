"""Expression + bindings -> the shape of its value, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.expressions.filters import FILTERS
from compiler.expressions.tree import (
    Arithmetic,
    Choice,
    Compare,
    Constant,
    Expression,
    Filtered,
    Index,
    ListOf,
    Logic,
    Negation,
    Not,
    ObjectOf,
    Reference,
)
from compiler.inference.bindings import Bindings, Note
from compiler.inference.narrowing import not_null_if
from compiler.inference.path_types import References
from compiler.inference.shape import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    Lost,
    Shape,
    constant,
    item_kinds,
    list_of,
    merged,
    step,
    union,
)

_NUMBERS = frozenset({"integer", "number"})
_ARGUMENTS = {
    "join": frozenset({"string"}),
    "split": frozenset({"string"}),
    "replace": frozenset({"string"}),
    "pluck": frozenset({"string"}),
    "round": frozenset({"integer"}),
}
"""Filter -> kinds that its arguments may have."""
_FILTER_KINDS = {
    "text": frozenset({"string"}),
    "number": _NUMBERS,
    "list": frozenset({"array"}),
    "object": frozenset({"object"}),
}


@dataclass(frozen=True)
class Inference:
    """Infers the shapes of one template."""

    bindings: Bindings
    note: Note

    def shape(self, expression: Expression) -> Shape:
        """What the expression may give."""
        match expression:
            case Constant():
                return constant(expression.value)
            case Reference():
                return References(self.bindings, self.note).shape(expression)
            case Index():
                return self._index(expression)
            case Negation():
                return self._numeric(expression.operand, "-")
            case Not():
                self.shape(expression.operand)
                return BOOLEAN
            case Logic():
                return self._logic(expression)
            case Arithmetic():
                return self._arithmetic(expression)
            case Compare():
                return self._compare(expression)
            case Choice():
                self.shape(expression.test)
                then = self._where(expression.test, holds=True).shape(expression.then)
                return union((then, self._where(expression.test, holds=False).shape(expression.otherwise)))
            case Filtered():
                return self._filtered(expression)
            case ListOf():
                items = [self.shape(item) for item in expression.items]
                return list_of(union(items)) if items else constant([])
            case ObjectOf():
                return self._object(expression)

    def _where(self, condition: Expression, *, holds: bool) -> Inference:
        """The same, where the condition holds or does not."""
        return replace(self, bindings=self.bindings.given(not_null_if(condition, holds=holds)))

    def _index(self, expression: Index) -> Shape:
        base, key = self.shape(expression.base), self.shape(expression.key)
        self._require(key, frozenset({"string", "integer"}), "a subscript", expression.key)
        self._require(base, frozenset({"array", "object"}), "a subscript", expression.base)
        if not base.known:
            return ANY
        if "integer" in key.kinds and "string" not in key.kinds:
            found = step(base, 0)
            return ANY if isinstance(found, Lost) else found.or_null() if found.known else found
        return ANY

    def _logic(self, expression: Logic) -> Shape:
        left = self.shape(expression.left)
        # The right side is looked at only where the left one has not decided.
        right = self._where(expression.left, holds=expression.operator == "and").shape(expression.right)
        return union((left.without_null() if expression.operator == "or" else left, right))

    def _arithmetic(self, expression: Arithmetic) -> Shape:
        operator = expression.operator
        if operator == "~":
            self.shape(expression.left)
            self.shape(expression.right)
            return TEXT
        left, right = self.shape(expression.left), self.shape(expression.right)
        if operator == "+" and left.kinds <= {"string"} and right.kinds <= {"string"}:
            return TEXT
        wanted = _NUMBERS | {"string"} if operator == "+" else _NUMBERS
        self._require(left, wanted, f"`{operator}`", expression.left)
        self._require(right, wanted, f"`{operator}`", expression.right)
        if operator == "+" and not (left.kinds <= _NUMBERS and right.kinds <= _NUMBERS):
            self._one_kind(expression, left, right)
            return union((NUMBER, TEXT))
        whole = left.kinds <= {"integer"} and right.kinds <= {"integer"} and operator != "/"
        return INTEGER if whole else NUMBER

    def _mixed(self, expression: Arithmetic | Compare, left: Shape, right: Shape) -> None:
        message = f"`{expression.operator}` cannot work on {left.describe()} and {right.describe()}"
        hint = "use `~` to join text" if expression.operator == "+" else "compare values of one kind"
        self.note("CC508", message, hint, _needle(expression.left, expression.right))

    def _numeric(self, operand: Expression, operator: str) -> Shape:
        shape = self.shape(operand)
        self._require(shape, _NUMBERS, f"`{operator}`", operand)
        return INTEGER if shape.kinds <= {"integer"} else NUMBER

    def _require(self, shape: Shape, wanted: frozenset[str], user: str, part: Expression) -> None:
        """The value must be of one of the kinds, and not null."""
        if not shape.known:
            return
        rest = shape.kinds - wanted
        if not shape.kinds & wanted or rest - {"null"}:
            named = " or ".join(
                sorted("text" if kind == "string" else kind for kind in wanted if kind != "integer")
            )
            self.note(
                "CC508", f"{user} needs {named or 'a whole number'}, found {shape.describe()}", "", _needle(part)
            )
        elif rest:
            message = f"{user} needs a value, but {_needle(part)!r} may be null"
            self.note("CC508", message, f"give a fallback: `{_needle(part)} | default(…)`", _needle(part))

    def _compare(self, expression: Compare) -> Shape:
        left, right = self.shape(expression.left), self.shape(expression.right)
        if expression.operator in ("==", "!="):
            self._never_equal(expression, left, right)
        elif expression.operator in ("in", "not in"):
            self._membership(expression, left, right)
        elif left.known and right.known:
            self._ordered(expression, left, right)
        return BOOLEAN

    def _membership(self, expression: Compare, left: Shape, right: Shape) -> None:
        """`in` looks for anything in a list or an object, but only for text in text."""
        user = f"`{expression.operator}`"
        self._require(right, frozenset({"array", "string", "object"}), user, expression.right)
        if right.known and right.kinds <= {"string"}:
            self._require(left, frozenset({"string"}), f"{user} a text", expression.left)
        elif "string" in right.kinds and right.known and left.known and left.kinds - {"string"}:
            self._mixed(expression, left, right)

    def _ordered(self, expression: Compare, left: Shape, right: Shape) -> None:
        comparable = _NUMBERS | {"string"}
        self._require(left, comparable, f"`{expression.operator}`", expression.left)
        self._require(right, comparable, f"`{expression.operator}`", expression.right)
        self._one_kind(expression, left, right)

    def _one_kind(self, expression: Arithmetic | Compare, left: Shape, right: Shape) -> None:
        """Two numbers or two texts, for certain; what is neither was reported by then."""
        comparable = _NUMBERS | {"string"}
        found = (left.kinds | right.kinds) & comparable
        both = left.kinds & comparable and right.kinds & comparable
        if left.known and right.known and both and not found <= _NUMBERS and not found <= {"string"}:
            self._mixed(expression, left, right)

    def _never_equal(self, expression: Compare, left: Shape, right: Shape) -> None:
        ours, theirs = _values(left), _values(right)
        if ours is None or theirs is None or (len(ours) == 1 and len(theirs) == 1):
            disjoint = left.known and right.known and not _widened(left.kinds) & _widened(right.kinds)
            if not disjoint:
                return
            message = f"{left.describe()} is never equal to {right.describe()}"
        elif any(value in theirs for value in ours):
            return
        else:
            choices = ours if len(ours) > len(theirs) else theirs
            message = f"the two are never equal: one is always of {', '.join(map(str, choices))}"
        single = [value for value in (ours or [], theirs or []) if len(value) == 1]
        others = [str(value) for value in (ours or []) + (theirs or []) if [value] not in single]
        hint = did_you_mean(str(single[0][0]), others) if single and others else ""
        self.note("CC902", message, hint, _needle(expression.left, expression.right))

    def _filtered(self, expression: Filtered) -> Shape:
        value = self.shape(expression.value)
        arguments = [self.shape(argument) for argument in expression.arguments]
        entry = FILTERS[expression.name]
        if "any" not in entry.takes:
            wanted = frozenset[str]().union(*(_FILTER_KINDS[kind] for kind in entry.takes))
            self._require(value, wanted, f"the filter `{expression.name}`", expression.value)
        for shape, argument in zip(arguments, expression.arguments, strict=True):
            if expression.name in _ARGUMENTS:
                user = f"the argument of `{expression.name}`"
                self._require(shape, _ARGUMENTS[expression.name], user, argument)
        if expression.name in ("sum", "sort"):
            self._check_items(expression, value)
        if expression.name == "default":
            return union((value.without_null(), arguments[0]))
        if expression.name == "pluck":
            return list_of(self._plucked(expression, value))
        if expression.name == "round":
            return INTEGER if not arguments else NUMBER
        return self._given(entry.gives, value)

    def _check_items(self, expression: Filtered, value: Shape) -> None:
        """`sum` takes numbers; `sort` numbers or texts, not both."""
        item = step(value.without_null(), 0)
        if isinstance(item, Lost) or not item.known:
            return
        # The item at a position may be missing; null itself in the list is what counts here.
        kinds = frozenset[str]().union(*(item_kinds(schema) for schema in value.alternatives))
        numbers, texts = kinds <= _NUMBERS, kinds <= {"string"} and expression.name == "sort"
        if kinds and not numbers and not texts:
            wanted = "numbers" if expression.name == "sum" else "only numbers or only texts"
            message = f"the filter `{expression.name}` needs a list of {wanted}"
            self.note("CC508", message, "take one field first: `| pluck('name')`", _needle(expression.value))

    def _given(self, gives: str, value: Shape) -> Shape:
        if gives == "item":
            found = step(value, 0)
            return ANY if isinstance(found, Lost) or not found.known else found.or_null()
        if gives == "same":
            return value.without_null() if value.known else ANY
        fixed = {
            "text": TEXT,
            "integer": INTEGER,
            "number": NUMBER,
            "boolean": BOOLEAN,
            "list-of-text": list_of(TEXT),
        }
        return fixed.get(gives, ANY)

    def _plucked(self, expression: Filtered, value: Shape) -> Shape:
        name = expression.arguments[0]
        item = step(value, 0)
        if (
            not isinstance(name, Constant)
            or not isinstance(name.value, str)
            or isinstance(item, Lost)
            or not item.known
        ):
            return ANY
        found = step(item.without_null(), name.value)
        if isinstance(found, Lost):
            hint = did_you_mean(name.value, found.known)
            self.note("CC505", f"the items have no field {quoted(name.value)}", hint, name.value)
            return ANY
        return found

    def _object(self, expression: ObjectOf) -> Shape:
        properties: dict[str, Any] = {}
        definitions: dict[str, Any] = {}
        for key, value in expression.entries:
            properties[key], more = merged(self.shape(value))
            for name, schema in more.get("$defs", {}).items():
                if definitions.setdefault(name, schema) != schema:
                    return Shape(({"type": "object"},))
        return object_of(properties, definitions)


def object_of(properties: dict[str, Any], definitions: dict[str, Any]) -> Shape:
    """An object with exactly these fields."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }
    return Shape(({**schema, "$defs": definitions} if definitions else schema,))


def _needle(*parts: Expression) -> str:
    """Text of the first part that stands literally in the template."""
    for part in parts:
        inner = part
        while not isinstance(inner, Reference):
            match inner:
                case Filtered():
                    inner = inner.value
                case Index():
                    inner = inner.base
                case Negation() | Not():
                    inner = inner.operand
                case Arithmetic() | Compare() | Logic():
                    inner = inner.left
                case Choice():
                    inner = inner.then
                case _:
                    break
        if isinstance(inner, Reference):
            return str(inner)
    return ""


def _values(shape: Shape) -> list[Any] | None:
    """All values there can be, where they are listed."""
    found: list[Any] = []
    for schema in shape.alternatives:
        if "const" in schema:
            found.append(schema["const"])
        elif isinstance(schema.get("enum"), list):
            found.extend(schema["enum"])
        elif schema.get("type") == "null":
            found.append(None)
        else:
            return None
    return found


def _widened(kinds: frozenset[str]) -> frozenset[str]:
    return kinds | _NUMBERS if kinds & _NUMBERS else kinds
