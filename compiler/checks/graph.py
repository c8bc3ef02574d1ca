"""Dependencies and failure handlers -> the workflow's topology."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.checks.reporter import Reporter, node_path
from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.inference.bindings import handler_of
from compiler.language.spec import WorkflowSpec
from compiler.topology import Topology, cycles, positions, sort


def check_graph(spec: WorkflowSpec, reporter: Reporter) -> tuple[Topology, frozenset[int]]:
    """The order of the nodes, and those whose place in it is not certain; CC402, CC403 and CC404 on the way."""
    loose: set[int] = set()
    by_id = positions([node.id for node in spec.nodes])
    parents: list[list[int]] = []
    for position, node in enumerate(spec.nodes):
        above: list[int] = []
        for index, name in enumerate(node.depends_on):
            if name in by_id:
                above.append(by_id[name])
            else:
                loose.add(position)
                message = f"{node.id!r} depends on {quoted(name)}, which is no node of this workflow"
                path = node_path(position, "dependsOn", index)
                reporter.at(path, "CC402", message, did_you_mean(name, by_id.keys() - {node.id}))
        parents.append(above)
    _add_handlers(spec, by_id, parents, reporter)
    topology = sort(parents)
    for cycle in cycles(parents, topology.order):
        _report_cycle(spec, cycle, reporter)
    return topology, frozenset(loose | (set(range(len(parents))) - set(topology.order)))


def _add_handlers(
    spec: WorkflowSpec, known: Mapping[str, int], parents: list[list[int]], reporter: Reporter
) -> None:
    """A failure handler starts after the node whose failure it handles: one more edge each."""
    for position, node in enumerate(spec.nodes):
        name = handler_of(node)
        if name is None:
            continue
        path = node_path(position, "onFailure")
        if name not in known:
            hint = did_you_mean(name, {*known, "fail", "continue"} - {node.id})
            reporter.at(
                path, "CC404", f"`onFailure` names {quoted(name)}, which is no node of this workflow", hint
            )
        elif name == node.id:
            reporter.at(path, "CC404", f"{node.id!r} cannot handle its own failure", "name another node")
        elif position not in parents[known[name]]:
            parents[known[name]].append(position)


def _report_cycle(spec: WorkflowSpec, cycle: tuple[int, ...], reporter: Reporter) -> None:
    first = spec.nodes[cycle[0]]
    names = [spec.nodes[position].id for position in cycle]
    shown = names if len(names) <= 12 else [*names[:6], "…", *names[-5:]]
    path = " → ".join([*shown, names[0]])
    waited_for = names[1 % len(names)]
    if waited_for in first.depends_on:
        place = node_path(cycle[0], "dependsOn", first.depends_on.index(waited_for))
    else:
        place = node_path(cycle[0], "id")
    if len(names) == 1:
        hint = "a node cannot wait for its own end: remove it here, or name the node that comes before it"
        reporter.at(place, "CC403", f"{first.id!r} depends on itself", hint)
        return
    reporter.at(place, "CC403", f"{first.id!r} waits for itself: {path}", "remove one of these dependencies")
