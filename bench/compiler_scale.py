"""Compile time and memory over the number of nodes, beside PyYAML's own parse of the same file.

Run: `python bench/compiler_scale.py`. Shapes: a chain, a fan-out from one node, and a dense graph (each node
depends on the ten before it). Medians of CPU seconds; the caches of parsed templates are emptied before each run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from compiler import ActionSpec, AgentSpec, Catalogue, Source, compile
from compiler.expressions.parser import parse
from compiler.expressions.template import read_template

SIZES = (10, 100, 1_000, 10_000)
_ITEM = {"type": "object", "properties": {"file": {"type": "string"}, "line": {"type": "integer"}}}
_INPUT = {
    "type": "object",
    "properties": {
        "items": {"type": "array", "items": _ITEM},
        "note": {"type": "string"},
        "level": {"enum": ["LOW", "HIGH"]},
    },
    "required": ["note", "level"],
    "additionalProperties": False,
}
_OUTPUT = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": _ITEM}, "count": {"type": "integer"}},
    "required": ["items", "count"],
    "additionalProperties": False,
}


def catalogue() -> Catalogue:
    """One agent that reads what it gives."""
    action = ActionSpec(name="work", input_schema=_INPUT, output_schema=_OUTPUT)
    agent = AgentSpec(
        name="worker", type="API", version="1.0.0", risk="AUTO", entry_path="bench", actions={"work": action}
    )
    return Catalogue(agents={"worker": agent})


def workflow(shape: str, size: int) -> str:
    """The YAML of a workflow of that shape."""
    lines = ["name: bench", "trigger: {event: graph.file.updated}", "nodes:"]
    for number in range(size):
        parents = {
            "chain": [number - 1],
            "fan-out": [0] if number else [],
            "dense": list(range(max(0, number - 10), number)),
        }[shape]
        parents = [parent for parent in parents if parent >= 0]
        lines += [f"  - id: n{number}", "    agent: worker", "    action: work", "    inputs:"]
        lines += [f'      note: "step {number} of {{{{ context.filePath }}}}"', "      level: LOW"]
        if parents:
            lines.append(f'      items: "{{{{ nodes.n{parents[-1]}.output.items | default([]) }}}}"')
            condition = f'    when: "{{{{ nodes.n{parents[0]}.output.count | default(0) > 0 }}}}"'
            lines.append(condition if number % 10 == 1 else "    retries: {max: 1}")
            lines.append(f"    dependsOn: [{', '.join(f'n{parent}' for parent in parents)}]")
    return "\n".join(lines) + "\n"


def timed(work: Callable[[], Any], repeats: int) -> float:
    """Median CPU seconds, after one run to warm up."""
    work()
    seconds: list[float] = []
    for _ in range(repeats):
        parse.cache_clear()
        read_template.cache_clear()
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def measure(shape: str, size: int, agents: Catalogue) -> dict[str, Any]:
    """One row."""
    text = workflow(shape, size)
    source = Source(text, "bench.yaml")
    plan = compile(source, agents).plan
    assert plan is not None, compile(source, agents).diagnostics[:3]
    repeats = 5 if size <= 1_000 else 3
    tracemalloc.start()
    compile(source, agents)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "shape": shape,
        "nodes": size,
        "bytes": len(text),
        "compile_s": timed(lambda: compile(source, agents), repeats),
        "digest_s": timed(lambda: plan.digest, repeats),
        "yaml_python_s": timed(lambda: yaml.safe_load(text), repeats),
        "yaml_c_s": timed(lambda: yaml.load(text, yaml.CSafeLoader), repeats),
        "peak_mb": peak / 1e6,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| shape | nodes | file kB | compile s | digest s | PyYAML parse s | PyYAML with libyaml s | peak MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        times = [f"{row[key]:.4f}" for key in ("compile_s", "digest_s", "yaml_python_s", "yaml_c_s")]
        cells = [row["shape"], f"{row['nodes']:,}", f"{row['bytes'] / 1e3:.0f}", *times, f"{row['peak_mb']:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print; `--json FILE` keeps the numbers."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", type=Path)
    options.add_argument("--largest", type=int, default=SIZES[-1])
    chosen = options.parse_args()
    agents = catalogue()
    rows = [
        measure(shape, size, agents)
        for shape in ("chain", "fan-out", "dense")
        for size in SIZES
        if size <= chosen.largest
    ]
    sys.stdout.write(table(rows))
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
