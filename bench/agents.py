"""A labelled folder -> recall and precision of the scanner by kind of weakness, beside other tools; seconds and memory.

    python bench/agents.py FOLDER                 # labels in the files: a comment `finds: CWE-89` or `finds: py/eval`
    python bench/agents.py FOLDER --csv FILE      # labels in a table: file, kind, real (true/false), CWE
    python bench/agents.py FOLDER --fixes         # the patcher, with the folder's own tests before and after
    python bench/agents.py --size 5000            # made files instead, in the default jail: seconds and peak memory

With a table each row is one question: does the tool report this CWE anywhere in this file? So public benchmarks of
scanners are made. With comments a finding counts where its line has one. Beside it, where they are installed: bandit,
ruff's S rules, semgrep or opengrep with a rule folder that is given with --semgrep-rules, and eslint-plugin-security of
a folder with `node_modules` that is given with --eslint (`npm install eslint eslint-plugin-security`).
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import importlib
import json
import logging
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
if __name__ == "agents":
    # Another script of this folder, or a test, asked for the platform's package: this file stood before it on the path.
    del sys.modules["agents"]
    importlib.import_module("agents")

from agents.builtin.scanning.scan import scan
from agents.builtin.scanning.source_files import source_names, text_names
from agents.effects.verification import with_verification
from agents.environments.environment import environment_of_project
from agents.environments.requirements import EnvironmentRefused
from agents.registration.builtin_agents import builtin_catalogue
from agents.sandbox.choice import open_sandbox
from agents.sandbox.port import AgentRequest, AgentResult, Limits, Mount

VERIFIER = "agents.builtin.verification"
_LABEL = re.compile(r"finds:\s*(CWE-\d+|[a-z]+/[\w-]+)")
_LONGEST = 7200.0
_RUFF = {
    **dict.fromkeys(("102", "307"), "95"),
    **dict.fromkeys(("105", "106", "107"), "798"),
    **dict.fromkeys(("301", "302", "506"), "502"),
    **dict.fromkeys(("303", "324"), "328"),
    **dict.fromkeys(("304", "305"), "327"),
    **dict.fromkeys(("308", "701", "702", "704"), "79"),
    **dict.fromkeys(("323", "501", "507"), "295"),
    **dict.fromkeys(("313", "314", "315", "316", "317", "318", "319", "320"), "611"),
    **dict.fromkeys(("602", "604", "605", "606", "607", "603", "609"), "78"),
    **{"103": "732", "104": "668", "108": "377", "113": "400", "201": "489", "306": "377", "310": "918"},
    **{
        "311": "330",
        "312": "319",
        "321": "319",
        "508": "319",
        "509": "319",
        "505": "326",
        "608": "89",
        "202": "22",
    },
}
"""ruff's S rules, which say no CWE -> the CWE of what each looks for."""
_ESLINT = {
    "detect-eval-with-expression": "95",
    "detect-child-process": "78",
    "detect-non-literal-fs-filename": "22",
    "detect-non-literal-regexp": "1333",
    "detect-unsafe-regex": "1333",
    "detect-object-injection": "1321",
    "detect-pseudoRandomBytes": "330",
    "detect-possible-timing-attacks": "208",
    "detect-non-literal-require": "470",
    "detect-disable-mustache-escape": "79",
    "detect-no-csrf-before-method-override": "352",
}
_NUMBER = re.compile(r"\d+")
_RELATED = {
    "328": {"327", "916", "328"},
    "327": {"327", "326", "328"},
    "330": {"330", "338"},
    "94": {"94", "95"},
    "95": {"94", "95"},
}
"""CWE of a label -> those that say the same thing."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One finding of any tool."""

    file: str
    line: int
    cwe: str
    rule: str = ""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One question, and its right answer."""

    file: str
    kind: str
    real: bool
    line: int | None = None


def ours(folder: Path) -> list[Found]:
    """The scanner of this platform."""
    # Without a limit of time: on a busy machine the same findings, later.
    done = scan(folder, names_in(folder), logging.getLogger("bench"), seconds=_LONGEST)
    if not done.complete:
        print(
            f"NOT COMPLETE: {len(done.not_scanned):,} file(s) not scanned to the end, as {done.not_scanned[0].reason}"
        )
    return [
        Found(file=one.file, line=one.line, cwe=_number(one.cwe), rule=one.rule) for one in done.vulnerabilities
    ]


def bandit(folder: Path) -> list[Found]:
    """bandit, with all its tests."""
    answer = json.loads(_run("bandit", "-q", "-r", "-f", "json", str(folder)) or '{"results": []}')
    return [
        Found(
            file=_within(folder, one["filename"]), line=one["line_number"], cwe=str(one["issue_cwe"].get("id", ""))
        )
        for one in answer["results"]
    ]


def ruff(folder: Path) -> list[Found]:
    """ruff's rules of security; those without a CWE here answer no question of a table."""
    command = (
        "ruff",
        "check",
        "--isolated",
        "--no-cache",
        "--select",
        "S",
        "--output-format",
        "json",
        "--exit-zero",
    )
    return [
        Found(
            file=_within(folder, one["filename"]),
            line=one["location"]["row"],
            cwe=_RUFF.get((one["code"] or "").removeprefix("S"), ""),
        )
        for one in json.loads(_run(*command, str(folder)) or "[]")
        if (one["code"] or "").startswith("S")
    ]


def eslint(folder: Path, place: Path) -> list[Found]:
    """eslint with all rules of eslint-plugin-security, as `place` has both in its `node_modules`."""
    plugin = next((place / "node_modules" / "eslint-plugin-security").resolve().glob("index.js"))
    rules = {f"security/{rule}": "warn" for rule in _ESLINT}
    with tempfile.TemporaryDirectory() as made:
        config = Path(made, "eslint.config.mjs")
        config.write_text(
            f"import security from {json.dumps(plugin.as_uri())};\n"
            'export default [{files: ["**/*.{js,jsx,mjs,cjs}"], plugins: {security}, '
            f"languageOptions: {{parserOptions: {{ecmaFeatures: {{jsx: true}}}}}}, rules: {json.dumps(rules)}}}];\n"
        )
        program = (place / "node_modules" / ".bin" / "eslint").resolve()
        done = subprocess.run(
            [program, "--no-config-lookup", "-c", config, "-f", "json", "--no-inline-config", "."],
            capture_output=True,
            text=True,
            timeout=3600,
            check=False,
            cwd=folder,
        )
    return [
        Found(
            file=_within(folder, each["filePath"]),
            line=one["line"],
            cwe=_ESLINT.get(str(one["ruleId"]).removeprefix("security/"), ""),
        )
        for each in json.loads(done.stdout or "[]")
        for one in each["messages"]
        if str(one["ruleId"]).startswith("security/")
    ]


def semgrep(folder: Path, rules: str, program: str = "semgrep") -> list[Found]:
    """semgrep's own command line, or opengrep's, with rules of others."""
    answer = json.loads(
        _run(program, "scan", "--metrics=off", "--json", "--quiet", "--config", rules, str(folder)) or "{}"
    )
    found: list[Found] = []
    for one in answer.get("results", ()):
        cwes = one["extra"].get("metadata", {}).get("cwe", [])
        for cwe in [cwes] if isinstance(cwes, str) else cwes:
            found.append(Found(file=_within(folder, one["path"]), line=one["start"]["line"], cwe=_number(cwe)))
    return found


def _within(folder: Path, path: str) -> str:
    return Path(path).resolve().relative_to(folder.resolve()).as_posix()


def _run(*command: str) -> str:
    # Tools end with a status when they find something; no output at all is what counts as a failure.
    return subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False).stdout


def _works(program: str) -> bool:
    # The engine's package puts a command here that lacks its Python parts.
    if shutil.which(program) is None:
        return False
    return subprocess.run([program, "--version"], capture_output=True, timeout=600, check=False).returncode == 0


def _number(text: str | None) -> str:
    found = _NUMBER.search(text or "")
    return str(int(found[0])) if found else ""


def names_in(folder: Path) -> list[str]:
    """All files that the scanner reads in a workflow: source, and other texts."""
    return [*source_names(folder), *text_names(folder)]


def in_files(folder: Path) -> list[Label]:
    """Labels that stand in comments."""
    labels: list[Label] = []
    for name in names_in(folder):
        for number, line in enumerate((folder / name).read_text("utf-8", "replace").split("\n"), 1):
            labels += [Label(file=name, kind=kind, real=True, line=number) for kind in _LABEL.findall(line)]
    return labels


def in_table(folder: Path, table: Path) -> list[Label]:
    """Labels of a table with the columns file (or test name), kind or category, real, and cwe where there is one."""
    names = {Path(name).stem: name for name in source_names(folder)}
    labels: list[Label] = []
    with table.open(newline="") as opened:
        for row in csv.reader(opened):
            if len(row) < 3 or row[0].startswith("#") or row[2].strip().lower() not in ("true", "false"):
                continue
            name = names.get(Path(row[0].strip()).stem)
            cwe = _number(row[3] if len(row) > 3 else row[1])
            if name is not None:
                labels.append(Label(file=name, kind=cwe, real=row[2].strip().lower() == "true"))
    return labels


def score(labels: Iterable[Label], found: Iterable[Found], *, by_line: bool) -> dict[str, tuple[int, int, int]]:
    """Kind -> true positives, false positives, false negatives."""
    found = list(found)
    table: dict[str, list[int]] = {}
    answered: set[tuple[str, int]] = set()
    for label in labels:
        counts = table.setdefault(label.kind, [0, 0, 0])
        hit = any(one.file == label.file and _answers(one, label) for one in found)
        answered |= {(one.file, one.line) for one in found if one.file == label.file and _answers(one, label)}
        if label.real:
            counts[0 if hit else 2] += 1
        elif hit:
            counts[1] += 1
    if by_line:
        table["(unlabelled lines)"] = [0, len({(one.file, one.line) for one in found} - answered), 0]
    return {kind: (counts[0], counts[1], counts[2]) for kind, counts in sorted(table.items())}


def _answers(one: Found, label: Label) -> bool:
    if label.line is not None:
        # Other tools have other names; on a labelled line, any finding of theirs counts as the right one.
        return one.line == label.line and (not one.rule or label.kind in (one.rule, f"CWE-{one.cwe}"))
    return one.cwe in _RELATED.get(label.kind, {label.kind})


def show(tool: str, table: dict[str, tuple[int, int, int]]) -> None:
    """One line for each kind, and one for all."""
    right, false, missed = (sum(column) for column in zip(*table.values(), strict=True))
    for kind, counts in [*table.items(), ("all", (right, false, missed))]:
        recall = counts[0] / (counts[0] + counts[2]) if counts[0] + counts[2] else float("nan")
        precision = counts[0] / (counts[0] + counts[1]) if counts[0] + counts[1] else float("nan")
        print(f"{tool:10} {kind:28} recall {recall:6.1%}  precision {precision:6.1%}  {counts}")


def make_files(folder: Path, count: int) -> None:
    """So many small files of five languages, each with a weakness."""
    texts = {
        "py": "from flask import request\ndef f{n}():\n    x = request.args['a']\n    return eval(x)\n",
        "js": "app.get('/{n}', (req, res) => {{ const x = req.query.a; res.redirect(x); }});\n",
        "go": 'package a\nfunc F{n}(w W, r *R) {{\n\tx := r.FormValue("a")\n\thttp.Redirect(w, r, x, 302)\n}}\n',
        "java": 'class A{n} {{ void f(HttpServletRequest r, S s) {{ s.sendRedirect(r.getParameter("a")); }} }}\n',
        "rb": "def f{n}\n  x = params[:a]\n  system(x)\nend\n",
    }
    for number in range(count):
        ending = list(texts)[number % len(texts)]
        place = folder / f"part{number // 200}"
        place.mkdir(exist_ok=True)
        (place / f"file{number}.{ending}").write_text(texts[ending].format(n=number))


async def needed(folder: Path, store: Path) -> Path | None:
    """The packages that a project's tests need; None, with the reason on the screen, where there are none to be had."""
    sandbox, started = open_sandbox("bubblewrap"), time.monotonic()
    try:
        made = await environment_of_project(folder, store=store, sandbox=sandbox)
    except EnvironmentRefused as exc:
        print(f"no environment for the tests: {exc}")
        return None
    finally:
        await sandbox.close()
    lacking = f", without {', '.join(made.lacking)}" if made.lacking else ""
    print(f"environment for the tests: {time.monotonic() - started:.0f} s{lacking}")
    return made.path


async def jailed(
    agent: str, action: str, inputs: Mapping[str, Any], folder: Path, packages: Path | None = None
) -> AgentResult:
    """One action of an agent on a folder, in the jail with the limits that it has in a workflow."""
    spec = builtin_catalogue().agents.get(agent)
    schema, limits = {"type": "object"}, Limits()
    if spec is not None:
        chosen = spec.actions[action]
        schema = chosen.result_schema or chosen.output_schema
        limits = Limits(memory_mb=spec.memory_mb, timeout_seconds=spec.timeout_seconds)
    sandbox = open_sandbox("bubblewrap")
    try:
        request = AgentRequest(
            run_id="bench",
            node_id=action,
            entry_path=agent if spec is None else spec.entry_path,
            action=action,
            inputs={
                "repositoryPath": "/work/repositoryPath",
                **({} if packages is None else {"environmentPath": "/work/packages"}),
                **inputs,
            },
            result_schema=schema,
            idempotency_key="bench",
            propose=agent == "patcher",
            limits=limits,
            mounts=(
                Mount(name="repositoryPath", source=folder),
                *(() if packages is None else (Mount(name="packages", source=packages),)),
            ),
        )
        return await sandbox.run(request, on_log=lambda line: None)
    finally:
        await sandbox.close()


def measured(folder: Path) -> None:
    """Seconds and peak memory of one scan in the jail."""
    result = asyncio.run(jailed("security-scanner", "scanRepository", {"scanType": "FULL"}, folder))
    if not result.ok:
        sys.exit(f"the scan failed: {result.failure}")
    said = f"{result.output['summary']['total']:,} findings, {len(result.output['notScanned']):,} not scanned"
    print(
        f"{result.output['filesScanned']:,} files scanned, {said}: {result.duration_ms / 1000:.0f} s "
        f"({(result.cpu_ms or 0) / 1000:.0f} s of CPU), largest process {(result.memory_kb or 0) / 1024:.0f} MB"
    )


def repaired(folder: Path) -> None:
    """What the patcher fixes of what is found, and what the project's tests say of it."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "repository"
        shutil.copytree(folder, copy, symlinks=True)
        scanned = asyncio.run(jailed("security-scanner", "scanRepository", {"scanType": "FULL"}, copy))
        if not scanned.ok:
            sys.exit(f"the scan failed: {scanned.failure}")
        found = scanned.output["vulnerabilities"]
        inputs = {"vulnerabilities": found, "targetBranch": "bench-fixes"}
        fixed = asyncio.run(jailed("patcher", "generateFixPR", inputs, copy))
        if not fixed.ok:
            sys.exit(f"the patcher failed: {fixed.failure}")
        verification: dict[str, Any] = {"verified": "none", "reason": "there is no patch"}
        if fixed.output["patch"]:
            asked = {"patch": fixed.output["patch"], "limitSeconds": 600}
            packages = asyncio.run(needed(copy, Path(place) / "environments"))
            started = time.monotonic()
            verified = asyncio.run(jailed(VERIFIER, "verify", asked, copy, packages))
            print(f"verification: {time.monotonic() - started:.0f} s")
            verification = verified.output if verified.ok else {"reason": str(verified.failure)}
    places = Counter(one["place"] for one in found)
    print(f"{len(found)} findings ({', '.join(f'{count} {name}' for name, count in places.items())})")
    for one in found:
        if one["place"] == "production":
            print(f"  {one['severity']:8} {one['rule']:32} {one['file']}:{one['line']}")
    output = fixed.output
    said = f"{len(output['fixed'])} fixed, {len(output['unfixed'])} left"
    print(f"{said}; {verification.get('verified')}: {verification.get('reason')}")
    print(
        f"fixed after verification: {len(with_verification(output, verification)['fixed']) if output['patch'] else 0}"
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--fixes", action="store_true")
    parser.add_argument("--semgrep-rules", default="")
    parser.add_argument("--eslint", type=Path)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    if asked.size:
        with tempfile.TemporaryDirectory() as place:
            make_files(Path(place), asked.size)
            measured(Path(place))
        return
    if asked.folder is None:
        parser.error("give a labelled folder, or --size")
    if asked.fixes:
        repaired(asked.folder)
        return
    labels = in_table(asked.folder, asked.csv) if asked.csv else in_files(asked.folder)
    if not labels:
        sys.exit("no labels found")
    tools: dict[str, Callable[[], list[Found]]] = {"ours": lambda: ours(asked.folder)}
    if _works("bandit"):
        tools["bandit"] = lambda: bandit(asked.folder)
    if _works("ruff"):
        tools["ruff"] = lambda: ruff(asked.folder)
    program = next(filter(_works, ("opengrep", "semgrep")), None)
    if asked.semgrep_rules and program is not None:
        tools[program] = lambda: semgrep(asked.folder, asked.semgrep_rules, program)
    if asked.eslint is not None:
        tools["eslint"] = lambda: eslint(asked.folder, asked.eslint)
    for name, tool in tools.items():
        started = time.monotonic()
        found = tool()
        show(name, score(labels, found, by_line=asked.csv is None))
        print(f"{name:10} {time.monotonic() - started:.1f} s\n", flush=True)


if __name__ == "__main__":
    main()
