"""Path of an expression + bindings -> the shape of what stands at its end, and what is wrong with the path."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.expressions.tree import Reference
from compiler.inference.bindings import RUN_FIELDS, STATUS, Bindings, Note
from compiler.inference.shape import ANY, TEXT, Lost, Shape, descend


@dataclass(frozen=True)
class References:
    """Resolves the paths of one template."""

    bindings: Bindings
    note: Note

    def shape(self, reference: Reference) -> Shape:
        """What stands at the end of the path."""
        if reference.root == "context":
            return self._type_at(self.bindings.workflow.context, reference, 0, "CC506", "the context")
        if reference.root == "run":
            return self._run(reference)
        if reference.root == "item":
            return self._item(reference)
        return self._node(reference)

    def _type_at(self, shape: Shape, reference: Reference, start: int, code: str, owner: str) -> Shape:
        steps, at = reference.steps, start
        for end in range(start, len(steps) + 1):
            known = self.bindings.not_null and self.bindings.has_value(reference.root, steps[:end])
            if not known and end < len(steps):
                continue
            found = descend(shape, steps[at:end])
            if isinstance(found, Lost):
                self._lost(found, reference, at + found.at, (code, owner))
                return ANY
            shape, at = found.without_null() if known and found.nullable else found, end
        return shape

    def _lost(self, lost: Lost, reference: Reference, index: int, blame: tuple[str, str]) -> None:
        code, owner = blame
        path = str(Reference(reference.root, reference.steps[:index]))
        key = reference.steps[index]
        if lost.known:
            place = f" at {path!r}" if index > 2 or (index and owner != "the context") else ""
            message = f"{owner} has no field {quoted(key)}{place}"
            self.note(code, message, did_you_mean(str(key), lost.known), str(reference))
        else:
            self.note(code, f"{path!r} is {lost.found} and has no field {quoted(key)}", "", str(reference))

    def _run(self, reference: Reference) -> Shape:
        field = reference.steps[0] if reference.steps else ""
        if field not in RUN_FIELDS or len(reference.steps) != 1:
            hint = did_you_mean(str(field), RUN_FIELDS)
            self.note("CC502", f"{str(reference)!r} does not exist: `run` has no such field", hint, str(reference))
            return ANY
        return RUN_FIELDS[str(field)]

    def _item(self, reference: Reference) -> Shape:
        if self.bindings.item is None:
            hint = "add `foreach` to the node, or refer to the list itself"
            self.note("CC507", "`item` is known only in a node with `foreach`", hint, "item")
            return ANY
        return self._type_at(self.bindings.item, reference, 0, "CC505", "the item")

    def _node(self, reference: Reference) -> Shape:
        workflow = self.bindings.workflow
        if not reference.steps or not isinstance(reference.steps[0], str):
            self.note("CC502", "`nodes` needs the id of a node", "write `nodes.<id>.output`", "nodes")
            return ANY
        name = reference.steps[0]
        position = workflow.by_id.get(name)
        if position is None:
            self.note(
                "CC503", f"there is no node {quoted(name)}", did_you_mean(name, workflow.by_id), str(reference)
            )
            return ANY
        if not self.bindings.may_read(position):
            self._not_upstream(name, position, reference)
            return ANY
        part = reference.steps[1] if len(reference.steps) > 1 else ""
        if part == "output":
            workflow.used.add(position)
            return self._output(position, reference)
        if part in ("status", "error") and len(reference.steps) == 2:
            certain = self.bindings.failed_for_certain(position)
            return STATUS if part == "status" else TEXT if certain else TEXT.or_null()
        hint = did_you_mean(str(part), ("output", "status", "error"))
        if workflow.steps[position].action and part in _fields(workflow.output(position)):
            hint = f"did you mean `nodes.{name}.output.{part}`?"
        self.note(
            "CC502",
            f"{str(reference)!r} does not exist: a node has output, status and error",
            hint,
            str(reference),
        )
        return ANY

    def _output(self, position: int, reference: Reference) -> Shape:
        workflow = self.bindings.workflow
        shape = workflow.output(position)
        if self.bindings.failed_into(position) and shape.known:
            shape = shape.or_null()
        spec = workflow.steps[position].spec
        return self._type_at(shape, reference, 2, "CC505", f"the output of {spec.agent}.{spec.action}")

    def _not_upstream(self, name: str, position: int, reference: Reference) -> None:
        at = self.bindings.at
        if at is None:
            message = (
                f"a template at this place cannot read the node {name!r}: it is resolved before any node runs"
            )
            self.note("CC504", message, "use `context`", str(reference))
            return
        here = self.bindings.workflow.steps[at].spec.id
        if position == at:
            self.note(
                "CC504", f"the node {name!r} cannot read its own output", "refer to another node", str(reference)
            )
        elif self.bindings.workflow.topology.is_upstream(at, of=position):
            message = f"the node {name!r} runs after {here!r}, which cannot read its output"
            self.note("CC504", message, "reverse the dependency, or refer to another node", str(reference))
        else:
            message = f"the node {name!r} is not upstream of {here!r}, so it may not have ended"
            self.note("CC504", message, f"add {name!r} to `dependsOn` of {here!r}", str(reference))


def _fields(shape: Shape) -> set[str]:
    return {name for schema in shape.alternatives for name in schema.get("properties", {})}
