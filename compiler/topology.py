"""Nodes and their dependencies -> order, ancestors, cycles.

Theory in three lines: Kahn's algorithm takes nodes without waiting dependencies in the order of the file; what it
cannot take lies on or behind a cycle; ancestor sets are bit sets (Python integers), so a chain of n nodes costs n
integer operations, not n² set elements. Takes plain data, so tests need no workflow.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Topology:
    """The graph of one workflow; nodes are known by their position in the file."""

    order: tuple[int, ...]
    """All nodes that lie on no cycle and behind none, dependencies first; ties in the order of the file."""
    parents: tuple[tuple[int, ...], ...]
    """Position -> positions of its direct dependencies."""
    ancestors: tuple[int, ...]
    """Position -> bit set of all nodes that end before it starts. For nodes in `order` only."""

    def is_upstream(self, node: int, of: int) -> bool:
        """Whether `node` has ended whenever `of` starts."""
        return bool(self.ancestors[of] >> node & 1)


def sort(parents: Sequence[Sequence[int]]) -> Topology:
    """The topology over positions 0 … n-1."""
    count = len(parents)
    children: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for node, above in enumerate(parents):
        waiting[node] = len(above)
        for parent in above:
            children[parent].append(node)
    ready = [node for node in range(count) if not waiting[node]]
    order: list[int] = []
    ancestors = [0] * count
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for parent in parents[node]:
            ancestors[node] |= ancestors[parent] | 1 << parent
        for child in children[node]:
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, child)
    return Topology(tuple(order), tuple(tuple(above) for above in parents), tuple(ancestors))


def cycles(parents: Sequence[Sequence[int]], order: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """One cycle for each knot of nodes: `(a, b, c)` where a waits for b, b for c and c for a."""
    left = set(range(len(parents))) - set(order)
    seen: set[int] = set()
    for start in sorted(left):
        path: list[int] = []
        place: dict[int, int] = {}
        node: int | None = start
        while node is not None and node not in seen:
            seen.add(node)
            place[node] = len(path)
            path.append(node)
            node = next((parent for parent in parents[node] if parent in left), None)
        if node is not None and node in place:
            yield tuple(path[place[node] :])


def positions(ids: Sequence[str]) -> Mapping[str, int]:
    """Id -> position; of equal ids the first counts."""
    found: dict[str, int] = {}
    for position, node_id in enumerate(ids):
        found.setdefault(node_id, position)
    return found
