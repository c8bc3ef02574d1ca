"""Twenty common mistakes, made in our language and in those of peers: who finds them before anything runs?

Run: `python bench/compiler_peers.py --bin FOLDER …`, with folders that hold `actionlint`, `asl-validator`, `cwltool`
and `yamllint`; what is not found is left out. Each peer gets a right workflow of its own language first, which must
pass, and then the same with one mistake. A mistake counts as caught when the peer says anything at all about it.
"n/a": the language has no such thing. Prints the table of `docs/reports/compiler-peers.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler import Catalogue, compile, load

ROOT = Path(__file__).parents[1]
OURS = ROOT / "tests" / "compiler" / "mistakes"
MISTAKES = (
    "a misspelt key",
    "a key given twice",
    "an unknown agent (action, task type, tool)",
    "an unknown action of a known agent",
    "a missing input",
    "a misspelt input",
    "a literal of the wrong type",
    "a step id given twice",
    "a dependency on a step that is not there",
    "a cycle",
    "a reference to a step that is not there",
    "a reference to a step that may not have ended",
    "a reference to an output that the step does not give",
    "an output of the wrong type for the input it feeds",
    "a value that may be missing where one is needed",
    "an expression that cannot be parsed",
    "a misspelt field of the event",
    "a schedule that is no cron expression",
    "outsiders' text in a place that interprets it",
    "a risky step whose approval was taken away",
)
Edit = tuple[str, str]
"""Text to replace, and its replacement."""

ACTIONS = """on:
  push: {branches: [main]}
  schedule:
    - cron: "0 9 * * 1"
permissions: {}
jobs:
  scan:
    runs-on: ubuntu-latest
    outputs:
      total: ${{ steps.count.outputs.total }}
    steps:
      - uses: actions/cache@v4
        with: {path: a, key: b}
      - id: count
        run: echo "total=3" >> "$GITHUB_OUTPUT"
        timeout-minutes: 5
  other:
    runs-on: ubuntu-latest
    steps:
      - run: echo other
  report:
    needs: [scan]
    runs-on: ubuntu-latest
    environment: production
    steps:
      - run: echo "${{ needs.scan.outputs.total }} ${{ github.sha }}"
"""
ACTIONS_EDITS: Mapping[int, Edit | None] = {
    1: ("needs: [scan]", "need: [scan]"),
    2: ("    needs: [scan]\n", "    needs: [scan]\n    needs: [other]\n"),
    3: ("actions/cache@v4", "actions/cachee@v4"),
    4: None,
    5: ("{path: a, key: b}", "{path: a}"),
    6: ("{path: a, key: b}", "{path: a, key: b, restorekeys: c}"),
    7: ("timeout-minutes: 5", "timeout-minutes: soon"),
    8: ("- id: count\n", "- id: count\n        run: echo\n      - id: count\n"),
    9: ("needs: [scan]", "needs: [scan, scann]"),
    10: ("  scan:\n    runs-on", "  scan:\n    needs: [report]\n    runs-on"),
    11: ("needs.scan.outputs", "needs.scann.outputs"),
    12: ("needs.scan.outputs.total", "needs.other.outputs.total"),
    13: ("needs.scan.outputs.total", "needs.scan.outputs.totl"),
    14: ("timeout-minutes: 5", "timeout-minutes: ${{ github.event }}"),
    15: ("needs: [scan]\n", "needs: [scan]\n    if: always()\n"),
    16: ("github.sha }}", "github.sha >> }}"),
    17: ("github.sha", "github.event.head_comit.id"),
    18: ("0 9 * * 1", "0 25 * * 1"),
    19: ("github.sha", "github.event.head_commit.message"),
    20: ("    environment: production\n", ""),
}

STATES = json.dumps(
    {
        "StartAt": "Scan",
        "States": {
            "Scan": {
                "Type": "Task",
                "Resource": "arn:aws:lambda:us-east-1:123456789012:function:scan",
                "TimeoutSeconds": 60,
                "ResultPath": "$.scan",
                "Next": "Report",
            },
            "Report": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {
                    "FunctionName": "report",
                    "Payload": {"total.$": "$.scan.total", "id.$": "$$.Execution.Id"},
                },
                "End": True,
            },
        },
    },
    indent=1,
)
STATES_EDITS: Mapping[int, Edit | None] = {
    1: ('"TimeoutSeconds"', '"TimeoutSecond"'),
    2: ('"Next": "Report"', '"Next": "Report",\n "Next": "Report"'),
    3: ('"Type": "Task"', '"Type": "Tusk"'),
    4: ("lambda:invoke", "lambda:invok"),
    5: ('   "Resource": "arn:aws:lambda:us-east-1:123456789012:function:scan",\n', ""),
    6: ('"FunctionName"', '"FunctionNam"'),
    7: ('"TimeoutSeconds": 60', '"TimeoutSeconds": "soon"'),
    8: ('"Report": {', '"Scan": {"Type": "Pass", "End": true},\n"Report": {'),
    9: ('"Next": "Report"', '"Next": "Reprt"'),
    10: None,
    11: ("$.scan.total", "$.scann.total"),
    12: None,
    13: ("$.scan.total", "$.scan.totl"),
    14: ('"report"', '{"a": 1}'),
    15: None,
    16: ("$.scan.total", "$.scan[?("),
    17: ("$$.Execution.Id", "$$.Execution.Idd"),
    18: None,
    19: None,
    20: None,
}

CWL = """cwlVersion: v1.2
class: Workflow
inputs:
  folder: string
  note: string
outputs:
  text: {type: File, outputSource: report/text}
steps:
  scan:
    run:
      class: CommandLineTool
      baseCommand: [echo]
      inputs: {folder: {type: string, inputBinding: {}}}
      outputs: {found: {type: File, outputBinding: {glob: "*"}}, spare: {type: "File?", outputBinding: {glob: x}}}
    in: {folder: folder}
    out: [found, spare]
  report:
    run:
      class: CommandLineTool
      requirements: {InlineJavascriptRequirement: {}}
      baseCommand: [cat]
      arguments: ["$(inputs.level + 1)"]
      inputs:
        found: {type: File, inputBinding: {}}
        level: int
      outputs: {text: stdout}
    in:
      found: scan/found
      level: {default: 3}
    out: [text]
"""
CWL_EDITS: Mapping[int, Edit | None] = {
    1: ("baseCommand: [cat]", "baseComand: [cat]"),
    2: ("    in: {folder: folder}\n", "    in: {folder: folder}\n    in: {folder: note}\n"),
    3: ("class: CommandLineTool\n      base", "class: ComandLineTool\n      base"),
    4: None,
    5: ("in: {folder: folder}", "in: {}"),
    6: ("in: {folder: folder}", "in: {folder: folder, foldr: folder}"),
    7: ("default: 3", "default: three"),
    8: ("  report:\n    run", "  scan:\n    run"),
    9: ("outputSource: report/text", "outputSource: reprt/text"),
    10: ("in: {folder: folder}", "in: {folder: report/text}"),
    11: ("found: scan/found", "found: scann/found"),
    12: None,
    13: ("found: scan/found", "found: scan/fond"),
    14: ("found: scan/found", "found: note"),
    15: ("found: scan/found", "found: scan/spare"),
    16: ("$(inputs.level + 1)", "$(inputs.level +)"),
    17: ("in: {folder: folder}", "in: {folder: foldr}"),
    18: None,
    19: (
        'baseCommand: [cat]\n      arguments: ["$(inputs.level + 1)"]',
        "baseCommand: [sh, -c, $(inputs.found.basename)]",
    ),
    20: None,
}


@dataclass(frozen=True)
class Peer:
    """One linter: how it is called, and its workflow with the twenty mistakes."""

    name: str
    language: str
    command: Callable[[Path], list[str]]
    file: str
    right: str
    edits: Mapping[int, Edit | None]


PEERS = (
    Peer(
        "actionlint",
        "GitHub Actions",
        lambda file: ["actionlint", "-shellcheck=", str(file)],
        "w.yaml",
        ACTIONS,
        ACTIONS_EDITS,
    ),
    Peer(
        "cwltool --validate",
        "Common Workflow Language",
        lambda file: ["cwltool", "--validate", str(file)],
        "w.cwl",
        CWL,
        CWL_EDITS,
    ),
    Peer(
        "asl-validator",
        "Amazon States Language",
        lambda file: ["asl-validator", "--json-path", str(file)],
        "w.json",
        STATES,
        STATES_EDITS,
    ),
)


def complaints(command: Sequence[str], path: str) -> str:
    """What the linter says; empty where it is content."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if "INFO" not in line and "✓" not in line]
    relevant = [line for line in said if done.returncode or "warning" in line.lower()]
    return "\n".join(relevant) or ("it fails" if done.returncode else "")


def judge(peer: Peer, path: str) -> list[str]:
    """`yes`, `no` or `n/a` for each mistake."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / peer.file
        file.write_text(peer.right)
        found = complaints(peer.command(file), path)
        assert not found, f"{peer.name} does not take its right workflow: {found}"
        return [_answer(peer, number, file, path) for number in range(1, len(MISTAKES) + 1)]


def _answer(peer: Peer, number: int, file: Path, path: str) -> str:
    edit = peer.edits[number]
    if edit is None:
        return "n/a"
    assert edit[0] in peer.right, (peer.name, number)
    file.write_text(peer.right.replace(edit[0], edit[1], 1))
    return "yes" if complaints(peer.command(file), path) else "no"


def our_files() -> list[Path]:
    """The twenty files, in order."""
    return sorted(OURS.glob("*.yaml"))


def judge_ours(agents: Catalogue) -> list[str]:
    """`yes` and the codes, for each of our files."""
    answers: list[str] = []
    for file in our_files():
        found = {each.code for each in compile(load(file), agents).diagnostics}
        answers.append(f"yes ({', '.join(sorted(found))})" if found else "no")
    return answers


def judge_yamllint(path: str) -> list[str]:
    """What YAML's own linter finds in our files; rules that the mission's right files break are off."""
    rules = "{extends: default, rules: {line-length: disable, document-start: disable, comments: disable}}"
    found = [complaints(["yamllint", "-s", "-d", rules, str(file)], path) for file in our_files()]
    return ["yes" if each else "no" for each in found]


def page(columns: Mapping[str, Sequence[str]]) -> str:
    """The table as Markdown, with sums."""
    lines = [
        "| mistake | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for index, mistake in enumerate(MISTAKES):
        file = our_files()[index]
        link = f"[{mistake}](../../{file.relative_to(ROOT)})"
        lines.append(f"| {index + 1}. {link} | " + " | ".join(column[index] for column in columns.values()) + " |")
    sums = [f"**{sum(each.startswith('yes') for each in column)} of 20**" for column in columns.values()]
    lines.append("| **caught** | " + " | ".join(sums) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Judge all that is here, and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bin", action="append", default=[], help="A folder with linters; may be repeated.")
    path = os.pathsep.join([*options.parse_args().bin, os.environ["PATH"]])
    from agents.registration.builtin_agents import builtin_catalogue

    columns: dict[str, Sequence[str]] = {"commandcenter check": judge_ours(builtin_catalogue())}
    for peer in PEERS:
        if shutil.which(peer.command(Path())[0], path=path):
            columns[f"{peer.name} ({peer.language})"] = judge(peer, path)
    if shutil.which("yamllint", path=path):
        columns["yamllint (our files)"] = judge_yamllint(path)
    sys.stdout.write(page(columns))


if __name__ == "__main__":
    main()
