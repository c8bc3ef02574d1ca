"""`python bench/command_cost.py`: CPU seconds of a command from its start to its end; writes docs/reports/commands.md.

`--beside FOLDER` is another checkout (`git worktree add FOLDER COMMIT`): each command runs in both in turn, and the
ratio is taken pair by pair, so that a busy machine costs precision and not truth. Commands that talk to a platform are
run without one: what is measured is their start. Both checkouts use the libraries of this environment.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
REPORT = HERE / "docs" / "reports" / "commands.md"
COMMANDS = (("--help",), ("env",), ("check", "workflows"), ("runs",), ("plan",), ("approvals",))
_SCRIPT = "from deployments.cli.main import main; main()"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, help="a checkout of another commit")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    other: Path | None = options.beside
    for checkout in (HERE, *([other] if other else [])):
        _compile_byte_code(checkout)
    lines: list[str] = []
    for command in COMMANDS:
        pairs = [
            (cpu_seconds(other, command) if other else None, cpu_seconds(HERE, command))
            for _ in range(options.runs)
        ]
        now = statistics.median(after for _, after in pairs)
        before = [each for each, _ in pairs if each is not None]
        ratio = [after / each for each, after in pairs if each]
        shown = (
            [f"{statistics.median(before):.2f}", f"{now:.2f}", f"{statistics.median(ratio):.2f}"]
            if before
            else ["", f"{now:.2f}", ""]
        )
        lines.append(f"| `commandcenter {' '.join(command)}` | {' | '.join(shown)} |")
        print(lines[-1], flush=True)
    if other:
        REPORT.write_text(
            page(lines, runs=options.runs, before=_commit(other), load=os.getloadavg()[0]), encoding="utf-8"
        )


def cpu_seconds(checkout: Path, command: tuple[str, ...]) -> float:
    """Of one process and what it starts, user and system, as the kernel counts it."""
    env = {**os.environ, "PYTHONPATH": str(checkout)}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        env["COMMANDCENTER_STATE"] = folder
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-c", _SCRIPT, *command], cwd=checkout, env=env, capture_output=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def page(lines: list[str], *, runs: int, before: str, load: float) -> str:
    """The report."""
    text = f"""# What a command costs to start

Made by `python bench/command_cost.py --beside FOLDER`: CPU seconds of the process, from its start to its end, with no
platform running; medians of {runs}. Before is commit `{before}`; both checkouts ran in turn, and the ratio is the
median of the ratios pair by pair. {os.cpu_count()} cores, load average {load:.0f} at the end: compare within the table.

| command | before | now | ratio |
|---|---:|---:|---:|
@@
Typer and Rich take half of `--help`; the compiler and the manifests of the built-in agents are most of `check`, and
SQLAlchemy of what reads the records. Which modules a command may import is held by
`tests/deployments/cli/test_imports.py`.
"""
    return text.replace("@@\n", "\n".join(lines) + "\n\n")


def _commit(checkout: Path) -> str:
    asked = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def _compile_byte_code(checkout: Path) -> None:
    """So that neither side pays for it."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    rooms = [each.name for each in checkout.iterdir() if (each / "__init__.py").exists()]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *rooms], cwd=checkout, env=env, check=False)


if __name__ == "__main__":
    sys.exit(main())
