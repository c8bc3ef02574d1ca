"""A secret -> the ways it may be written down: texts to look for, and one pattern for escapes mixed at will."""

from __future__ import annotations

import base64
import codecs
import re

_MIN_PART = 8
"""A piece of an encoded secret shorter than this is too likely to be something else."""
_WRAP = rb"(?:[\s\x00]|\\+[nrt])*"
"""What wraps a long encoding over lines, as it is or escaped once more."""
_NAMED = {
    0x08: rb"b", 0x09: rb"t", 0x0A: rb"n", 0x0C: rb"f", 0x0D: rb"r", 0x0B: rb"v", 0x07: rb"a",
}  # fmt: skip
_ENTITIES = {0x26: rb"amp", 0x3C: rb"lt", 0x3E: rb"gt", 0x22: rb"quot", 0x27: rb"apos"}


def texts(secret: str) -> tuple[bytes, ...]:
    """Encodings that shift with their position, so that no pattern byte by byte finds them; longest first."""
    raw = secret.encode()
    found: set[bytes] = set()
    for form in {raw, raw + b"\n", secret.encode("utf-16-le"), secret.encode("utf-16-be")}:
        singles = _base64(form)
        found |= singles
        if form == raw:
            found |= {deeper for single in singles for deeper in _base64(single)}
        found |= _base32(form)
    found |= {base64.b85encode(raw), base64.a85encode(raw), raw[::-1], codecs.encode(secret, "rot13").encode()}
    found |= {base64.b64encode(raw)[::-1].lstrip(b"="), _bits(raw)}
    found.discard(raw)
    return tuple(sorted((text for text in found if len(text) >= _MIN_PART), key=lambda text: (-len(text), text)))


def pattern(secret: str) -> bytes:
    """Finds the secret as it is and with any of its characters escaped, and in UTF-16, hex, octal and decimal."""
    raw = secret.encode()
    plain = b"".join(_character(byte) for byte in raw)
    hexadecimal = rb"(?:0x|\\x|[\s:,;-])*".join(b"%02x" % byte for byte in raw)
    decimal = rb"[,;\s]+".join(b"0*%d" % byte for byte in raw)
    wide = b"".join(_code_unit(unit) for unit in _utf16_units(secret))
    ends = rb"(?<![0-9])%s(?![0-9])" % decimal
    return rb"%s|(?i:%s|%s)|%s" % (plain, hexadecimal, wide, ends)


def wrapped(text: bytes) -> bytes:
    """A pattern for an encoding that may be folded over lines."""
    return _WRAP.join(re.escape(text[i : i + 1]) for i in range(len(text)))


def _character(byte: int) -> bytes:
    """One byte, in any of the escapes of URLs, JSON, Python, C, HTML, mail and shells, also escaped repeatedly."""
    ways = [
        rb"[\\^]*" + re.escape(bytes([byte])),
        rb"(?i:%%(?:25)*%02x|\\+x%02x|\\+u00%02x|\\+u\{0*%x\}|&\#x0*%x;|=%02x)" % ((byte,) * 6),
        rb"&\#0*%d;" % byte,
        rb"\\+0*%03o" % byte,
    ]
    if byte in _NAMED:
        ways.append(rb"\\+" + _NAMED[byte])
    if byte == 0x20:
        ways.append(rb"\+")
    if byte == 0x27:
        # How shells write a quote within quotes.
        ways += [rb"'\\+''", rb"""'"'"'"""]
    if byte in _ENTITIES:
        ways.append(rb"&%s;" % _ENTITIES[byte])
    return rb"(?:" + b"|".join(ways) + rb")\x00?"


def _code_unit(unit: int) -> bytes:
    return rb"(?:\\+u%04x|%%u%04x)" % (unit, unit) if unit > 0x7F else rb"(?:%s)" % _character(unit)


def _utf16_units(text: str) -> list[int]:
    wide = text.encode("utf-16-be")
    return [int.from_bytes(wide[i : i + 2], "big") for i in range(0, len(wide), 2)]


def _base64(raw: bytes) -> set[bytes]:
    found: set[bytes] = set()
    for offset, skip in ((0, 0), (1, 2), (2, 3)):
        text = base64.b64encode(bytes(offset) + raw)[skip : (offset + len(raw)) * 8 // 6]
        found |= {text, text.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def _base32(raw: bytes) -> set[bytes]:
    found: set[bytes] = set()
    for offset in range(5):
        skip = -(-offset * 8 // 5)
        text = base64.b32encode(bytes(offset) + raw)[skip : (offset + len(raw)) * 8 // 5]
        found |= {text, text.lower()}
    return found


def _bits(raw: bytes) -> bytes:
    return b"".join(b"%s" % format(byte, "08b").encode() for byte in raw)
