"""A secret -> the texts to look for: itself and every encoding of it that is one fixed text.

Escapes, which may be mixed at will, are not here: they are undone in the text that is searched (see `views.py`).
"""

from __future__ import annotations

import base64
import codecs

MIN_ENCODED = 8
"""An encoding shorter than this is too likely to be something else."""


def texts(secret: str) -> tuple[bytes, ...]:
    """Longest first. The secret itself counts at any length."""
    raw = secret.encode()
    forms = {raw, raw[::-1], codecs.encode(secret, "rot13").encode()}
    forms |= {secret.encode("utf-16-le"), secret.encode("utf-16-be")}
    found = {text for form in forms for text in (form, *_base64(form), *_base32(form))}
    found |= {twice for once in _base64(raw) for twice in _base64(once)}
    found |= {once[::-1] for once in _base64(raw)}
    found |= {
        base64.b85encode(raw),
        base64.a85encode(raw),
        b"".join(b"%s" % format(b, "08b").encode() for b in raw),
    }
    found |= {separator.join(b"%d" % byte for byte in raw) for separator in (b",", b", ", b" ")}
    kept = {text for text in found if len(text) >= MIN_ENCODED} | {raw}
    return tuple(sorted(kept, key=lambda text: (-len(text), text)))


def hexadecimal(secret: str) -> tuple[bytes, ...]:
    """In lower case and without separators: for the view of a text that is so, too."""
    wide = (secret.encode("utf-16-le"), secret.encode("utf-16-be"))
    forms = (secret.encode(), secret.encode()[::-1], *wide, *_base64(secret.encode()))
    return tuple(form.hex().encode() for form in forms if len(form) * 2 >= MIN_ENCODED)


def _base64(raw: bytes) -> set[bytes]:
    """The part that is the same at each of the three offsets, independent of the text around it."""
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
