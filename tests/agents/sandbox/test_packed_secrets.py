"""Secrets in packed files, in files packed in each other, and in parts; and what is too much to be looked through."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import pytest

from agents.sandbox.leaks.masking import Masker
from agents.sandbox.leaks.unpacking import TooMuchToCheck, layers

SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
MASKER = Masker({"TOKEN": SECRET, "URL": "https://hooks.example/T000/B000/abcdefghijkl"})


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", content)
    return out.getvalue()


def _tar(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("inner")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zip": _zip,
    "tar": _tar,
}


@pytest.mark.parametrize("outer", PACKERS)
@pytest.mark.parametrize("inner", PACKERS)
def test_a_secret_is_found_in_a_file_packed_in_another(outer: str, inner: str) -> None:
    content = PACKERS[outer](PACKERS[inner](b"x" * 1000 + SECRET.encode()))
    assert outer == inner == "tar" or SECRET.encode() not in content
    assert MASKER.leaked(content) == "TOKEN"


def test_what_is_too_much_or_too_deep_to_be_checked_is_refused() -> None:
    bomb = gzip.compress(bytes(80 << 20))
    for content in (bomb, bz2.compress(bytes(80 << 20)), _zip(bomb)):
        with pytest.raises(TooMuchToCheck, match="more than 64 MB"):
            list(layers(content))
    deep = b"x"
    for _ in range(9):
        deep = gzip.compress(deep)
    with pytest.raises(TooMuchToCheck, match="packed more than"):
        list(layers(deep))
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(600):
            archive.writestr(str(number), b"")
    with pytest.raises(TooMuchToCheck, match="packed parts"):
        list(layers(many.getvalue()))
    # Without a secret there is nothing to check.
    assert Masker({}).leaked(bomb) is None


def test_a_secret_in_two_fields_or_cut_off_is_one() -> None:
    half = len(SECRET) // 2
    assert MASKER.leaked_in_parts([SECRET[:11], SECRET[11:]]) == "TOKEN"
    assert MASKER.leaked_in_parts(["a", SECRET[: half + 2], "b"]) == "TOKEN"
    assert MASKER.leaked_in_parts([f"the token is {SECRET[: half + 2]}", "…"]) == "TOKEN"
    assert MASKER.leaked_in_parts([f"{SECRET[-half - 2 :]} was the rest"]) == "TOKEN"
    # What many texts begin with says nothing.
    assert MASKER.leaked_in_parts(["see https://", "https://hooks", "ghp_"]) is None
