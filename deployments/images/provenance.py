"""What was built, and of what, in; an attestation (in-toto statement with SLSA provenance) out.

`python -m deployments.images.provenance --source URL --revision COMMIT --material NAME=sha256:… SUBJECT…`, where a
subject is a file, or NAME=sha256:… for what is no file, such as an image. It is not signed: do that where you publish.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BUILD_TYPE = "https://commandcenter.invalid/release-check/v1"
_NAMED = re.compile(r"(?P<name>[^=\s]{1,300})=sha256:(?P<digest>[0-9a-f]{64})")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class NotASubject(ValueError):
    """It is neither a file nor NAME=sha256:DIGEST."""


def statement(
    subjects: Sequence[str], *, source: str, revision: str, materials: Sequence[str], at: datetime
) -> dict[str, Any]:
    """The statement. Raises NotASubject, and ValueError for a revision that is no commit."""
    if not _COMMIT.fullmatch(revision):
        raise ValueError(f"{revision!r} is no commit")
    made_of = [{"uri": f"git+{source}@{revision}", "digest": {"gitCommit": revision}}]
    made_of += [{"uri": each["name"], "digest": each["digest"]} for each in map(_described, materials)]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [_described(each) for each in subjects],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"revision": revision},
                "resolvedDependencies": made_of,
            },
            "runDetails": {
                "builder": {"id": f"{source}/.ci/release-check"},
                "metadata": {"finishedOn": at.isoformat(timespec="seconds").replace("+00:00", "Z")},
            },
        },
    }


def _described(text: str) -> dict[str, Any]:
    matched = _NAMED.fullmatch(text)
    if matched is not None:
        return {"name": matched["name"], "digest": {"sha256": matched["digest"]}}
    file = Path(text)
    if not file.is_file():
        raise NotASubject(f"{text!r} is neither a file nor NAME=sha256:DIGEST")
    with file.open("rb") as stream:
        return {"name": file.name, "digest": {"sha256": hashlib.file_digest(stream, "sha256").hexdigest()}}


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--material", action="append", default=[])
    parser.add_argument("subject", nargs="+")
    options = parser.parse_args(arguments)
    made = statement(
        options.subject,
        source=options.source,
        revision=options.revision,
        materials=options.material,
        at=datetime.now(UTC),
    )
    json.dump(made, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(sys.argv[1:])
