"""Secrets come as files; a file that cannot be used is named, its contents never."""

from __future__ import annotations

from pathlib import Path

import pytest

from reliability.known_settings import unknown_settings
from reliability.secret_files import MAX_BYTES, OF_PREFECT, SecretFileError, names, read_secret_files


@pytest.mark.parametrize(
    "name",
    ["DATABASE_URL", "COMMANDCENTER_DATABASE_URL", "NATS_URL", "COMMANDCENTER_PREFECT_DATABASE_URL", *OF_PREFECT],
)
def test_a_secret_is_read_from_the_file_that_is_named_and_the_file_is_forgotten(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("postgresql://who:pass word@host/db\n")
    environment = {f"{name}_FILE": str(file), "OTHER": "1"}
    assert read_secret_files(environment) == {name}
    assert environment == {name: "postgresql://who:pass word@host/db", "OTHER": "1"}
    assert read_secret_files(environment) == frozenset()


def test_settings_that_are_no_secrets_and_files_that_are_settings_are_left_alone() -> None:
    environment = {"COMMANDCENTER_SIGNING_KEY_FILE": "/key", "COMMANDCENTER_POOL_FILE": "/pool"}
    assert read_secret_files(dict(environment)) == frozenset()
    assert "COMMANDCENTER_POOL" not in names()
    assert len(unknown_settings(environment)) == 1
    assert not unknown_settings({"COMMANDCENTER_DATABASE_URL_FILE": "/url"})


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "must hold"), (b" \n", "must hold"), (b"a\0b", "must hold"), (b"\xff\xfe", "UTF-8")],
)
def test_a_file_that_holds_no_secret_is_refused(content: bytes, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(SecretFileError, match=complaint) as caught:
        read_secret_files({"NATS_URL_FILE": str(file)})
    assert str(file) in str(caught.value)
    assert "NATS_URL_FILE" in str(caught.value)


def test_a_file_that_is_missing_or_too_large_or_one_of_two_is_refused_and_nothing_is_set(tmp_path: Path) -> None:
    good, large = tmp_path / "good", tmp_path / "large"
    good.write_text("sqlite:///x")
    large.write_text("s" * (MAX_BYTES + 1))
    for wrong in (str(tmp_path / "missing"), str(large), str(tmp_path)):
        environment = {"DATABASE_URL_FILE": str(good), "NATS_URL_FILE": wrong}
        with pytest.raises(SecretFileError) as caught:
            read_secret_files(environment)
        assert "sssss" not in str(caught.value)
        assert "DATABASE_URL" not in environment
    with pytest.raises(SecretFileError, match="both set"):
        read_secret_files({"DATABASE_URL_FILE": str(good), "DATABASE_URL": "sqlite:///y"})
