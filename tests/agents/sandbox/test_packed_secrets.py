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

from agents.sandbox.leaks import unpacking
from agents.sandbox.leaks.masking import Masker
from agents.sandbox.leaks.needles import Needles
from agents.sandbox.leaks.unpacking import Budget, TooMuchToCheck

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
            list(unpacking.layers(content, Budget()))
    deep = b"x"
    for _ in range(9):
        deep = gzip.compress(deep)
    with pytest.raises(TooMuchToCheck, match="packed more than"):
        list(unpacking.layers(deep, Budget()))
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(600):
            archive.writestr(str(number), b"")
    with pytest.raises(TooMuchToCheck, match="packed parts"):
        list(unpacking.layers(many.getvalue(), Budget()))
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


def _sparse_tar(size: int) -> bytes:
    """A tar of one member without content, which its header says is `size` long."""
    member = tarfile.TarInfo("inner")
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0" % 0 * 2
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def test_a_sparse_member_of_a_tar_is_read_no_further_than_the_budget_allows() -> None:
    with pytest.raises(TooMuchToCheck, match="more than 64 MB"):
        MASKER.leaked(_sparse_tar(8 << 30))


def test_looking_through_has_a_limit_of_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_MAX_SECONDS", 0.0)
    with pytest.raises(TooMuchToCheck, match="processor time"):
        MASKER.leaked(b"%41 and \\n " * 100_000)


@pytest.mark.parametrize(
    "written", [SECRET, "".join(f"\\u{ord(c):04x}" for c in SECRET)], ids=["plain", "escaped"]
)
@pytest.mark.parametrize("place", [0, (1 << 20) - 20, (1 << 20) + 3, (2 << 20) - 1])
def test_a_secret_is_found_wherever_it_stands_in_much_text(written: str, place: int) -> None:
    text = "x" * place + written + "x" * (1 << 20)
    assert MASKER.leaked(text.encode()) == "TOKEN"


def test_a_secret_is_found_whose_letters_stand_far_apart() -> None:
    assert MASKER.leaked((" " * 100_000).join(SECRET).encode()) == "TOKEN"


def test_texts_are_found_at_each_place_and_at_any_length_from_four_on() -> None:
    for length in range(4, 20):
        text = bytes(range(65, 65 + length))
        needles = Needles([("other", b"something else"), ("this", text)])
        for place in range(9):
            assert needles.found_in(b"." * place + text + b"!") == "this"
            assert needles.found_in(b"." * place + text[:-1] + b"!") is None


def test_a_long_line_of_escapes_that_holds_a_secret_is_blotted_out_as_a_whole() -> None:
    escapes = "\\u0041%41&#65;=41'' + "
    assert MASKER.mask(escapes * 3_000 + SECRET) == "[secret TOKEN]"
    assert MASKER.mask("x" * 200_000 + SECRET) == "x" * 200_000 + "[secret TOKEN]"
    assert MASKER.mask(escapes + SECRET) == escapes + "[secret TOKEN]"
