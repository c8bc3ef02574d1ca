"""The pinned packages + known vulnerabilities -> those that concern them, one a line.

    python -m deployments.audit [--data FOLDER] [--api URL] [--required]

`constraints.txt`, `engines.txt` and the console's lock file are looked up as the security-scanner looks up those of a
repository: in a folder with OSV's data (an unpacked export), else at OSV's API. Exit status 1 where something is known;
0 where nothing is, and where there is nothing to compare with, which is said (2 with `--required`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agents.builtin.dependencies.advisory import one_of_each
from agents.builtin.dependencies.dependency import Dependency
from agents.builtin.dependencies.lock_files import read_lock_file
from agents.builtin.dependencies.sources import API, AdvisoryFolder, AdvisorySource, NoAdvisories, OsvApi

_ROOT = Path(__file__).parents[1]
PINNED = ("constraints.txt", "engines.txt", "console/package-lock.json")


def pinned(root: Path = _ROOT) -> dict[str, tuple[Dependency, ...]]:
    """File -> what it pins. Raises ValueError for a line whose version is not said."""
    found: dict[str, tuple[Dependency, ...]] = {}
    for name in PINNED:
        file = root / name
        # `constraints.txt` and `engines.txt` are written as a file of requirements is.
        kind = "requirements.txt" if file.suffix == ".txt" else file.name
        read = read_lock_file(kind, file.read_text("utf-8"))
        if read.unknown:
            raise ValueError(f"{name}: {read.unknown[0]}")
        found[name] = read.dependencies
    return found


def audit(source: AdvisorySource, root: Path = _ROOT) -> list[str]:
    """A line for each vulnerability of each pinned package. Raises NoAdvisories."""
    lines: list[str] = []
    for name, dependencies in pinned(root).items():
        known = source.find(list(dependencies))
        for each in dependencies:
            for advisory in one_of_each(known[each]):
                fixed = advisory.fixed_in(each)
                cure = f"fixed in {fixed}" if fixed else "no version is known to be without it"
                what = f"{name}:{each.line}: {each.name} {each.version}: {advisory.shown} {advisory.severity}"
                lines.append(f"{what}: {advisory.summary} ({cure})")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status."""
    options = argparse.ArgumentParser(
        prog="python -m deployments.audit", description=(__doc__ or "").split("\n")[0]
    )
    options.add_argument("--data", type=Path, help="folder with OSV's JSON")
    options.add_argument("--api", default=API, help="address of OSV's API, or one like it")
    options.add_argument("--required", action="store_true", help="fail where there is nothing to compare with")
    chosen = options.parse_args(arguments)
    count = sum(len(each) for each in pinned().values())
    try:
        source = OsvApi(chosen.api) if chosen.data is None else AdvisoryFolder(chosen.data)
        lines = audit(source)
    except (NoAdvisories, OSError) as exc:
        why = f"{chosen.api} does not answer" if chosen.data is None else str(exc)
        sys.stderr.write(
            f"audit: not done, {count} pinned packages were compared with nothing: {why}; "
            "give a folder with OSV's data: make audit ARGS='--data FOLDER'\n"
        )
        return 2 if chosen.required else 0
    sys.stdout.writelines(f"{line}\n" for line in lines)
    broken = source.broken if isinstance(source, AdvisoryFolder) else []
    unread = f"; {len(broken)} files could not be read, the first is {broken[0]}" if broken else ""
    sys.stderr.write(
        f"audit: {count} pinned packages, {source.name}: {len(lines)} known vulnerabilities{unread}\n"
    )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
