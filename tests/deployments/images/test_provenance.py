"""The attestation of a release: what was built, of which commit and which base."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.images.provenance import NotASubject, statement

COMMIT, IMAGE = "c" * 40, "a" * 64
AT = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)


def test_it_names_each_subject_and_material_by_its_digest(tmp_path: Path) -> None:
    wheel = tmp_path / "commandcenter.whl"
    wheel.write_bytes(b"wheel")
    command = [sys.executable, "-m", "deployments.images.provenance", "--source", "https://example.org/repository"]
    command += ["--revision", COMMIT, "--material", f"debian:bookworm-slim=sha256:{'b' * 64}", str(wheel)]
    done = subprocess.run(
        [*command, f"commandcenter:0.1=sha256:{IMAGE}"], capture_output=True, text=True, timeout=60, check=True
    )
    made = json.loads(done.stdout)
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["subject"] == [
        {"name": "commandcenter.whl", "digest": {"sha256": hashlib.sha256(b"wheel").hexdigest()}},
        {"name": "commandcenter:0.1", "digest": {"sha256": IMAGE}},
    ]
    source, base = made["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert source == {"uri": f"git+https://example.org/repository@{COMMIT}", "digest": {"gitCommit": COMMIT}}
    assert base == {"uri": "debian:bookworm-slim", "digest": {"sha256": "b" * 64}}


def test_what_is_no_file_and_no_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotASubject, match="neither a file nor NAME=sha256:DIGEST"):
        statement([str(tmp_path / "none")], source="x", revision=COMMIT, materials=[], at=AT)
    with pytest.raises(ValueError, match="'unknown' is no commit"):
        statement([f"x=sha256:{IMAGE}"], source="x", revision="unknown", materials=[], at=AT)
    made = statement([f"x=sha256:{IMAGE}"], source="x", revision=COMMIT, materials=[], at=AT)
    assert made["predicate"]["runDetails"]["metadata"] == {"finishedOn": "2026-11-28T01:02:03Z"}
