"""Tagged PDFs of the typesetter, one after the other -> one tagged PDF with all of their pages.

A long report is laid out in parts, as its memory grows with what one layout holds. What joins PDFs elsewhere leaves
the tags behind, and a report without them cannot be read aloud; so this joins what the typesetter writes, and no
other PDF: a plain table of places, objects numbered from one, every dictionary uncompressed. Anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO

_TABLE = re.compile(rb"xref\n0 (\d+)\n((?:\d{10} \d{5} [nf][ \r][\r\n])+)trailer\n(<<.*>>)\nstartxref", re.DOTALL)
_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*)\nendobj\s*", re.DOTALL)
_STREAM = re.compile(rb">>\s*stream\r?\n")
_TOKEN = re.compile(
    rb"(?P<text>\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f]+>)|(?P<number>\d+) 0 R\b|/StructParents? (?P<key>\d+)", re.DOTALL
)
_CELL = re.compile(rb"\((U\d+x\d+y\d+)\)")
"""A name of a table's cell, which another part may give as well."""


class NotJoinedError(Exception):
    """A part is not as the typesetter writes it."""


@dataclass
class Joined:
    """The document so far."""

    out: BytesIO = field(default_factory=BytesIO)
    places: dict[int, int] = field(default_factory=dict[int, int])
    """Number of an object -> where it begins."""
    size: int = 1
    """The next free number."""
    page_nodes: list[int] = field(default_factory=list[int])
    pages: int = 0
    sections: list[int] = field(default_factory=list[int])
    parents: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Key of a page -> the list of what its tagged pieces belong to."""
    names: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])

    def write(self, number: int, body: bytes) -> None:
        """One object."""
        self.places[number] = self.out.tell()
        self.out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))


@dataclass(frozen=True)
class _Part:
    """One PDF of the typesetter."""

    objects: dict[int, bytes]
    trailer: bytes
    catalogue: int
    page_tree: int
    tag_tree: int
    document: int
    dropped: frozenset[int]
    """What only the whole document has once."""

    @property
    def pages(self) -> int:
        return int(_found(rb"/Count (\d+)", self.objects[self.page_tree])[1])


def joined(parts: Iterable[bytes]) -> tuple[bytes, int]:
    """The whole document and its number of pages. The first part gives title, language and outline.

    Raises NotJoinedError where a part is not as the typesetter writes it.
    """
    made = Joined()
    rest = iter(parts)
    try:
        first = _read(next(rest))
        later = _first(made, first)
        for index, content in enumerate(rest, 2):
            _further(made, _read(content), first, index)
    except (KeyError, ValueError) as exc:
        raise NotJoinedError("a part of the document has another structure") from exc
    for number, body in later(made):
        made.write(number, body)
    table = made.out.tell()
    made.out.write(b"xref\n0 %d\n0000000000 65535 f \n" % made.size)
    for number in range(1, made.size):
        place = made.places.get(number)
        made.out.write(b"0000000000 00000 f \n" if place is None else b"%010d 00000 n \n" % place)
    trailer = re.sub(rb"/Size \d+", b"/Size %d" % made.size, first.trailer, count=1)
    made.out.write(b"trailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (trailer, table))
    return made.out.getvalue(), made.pages


def page_count(content: bytes) -> int:
    """How many pages a PDF of the typesetter has. Raises NotJoinedError."""
    return _read(content).pages


def _first(made: Joined, part: _Part) -> Callable[[Joined], Iterator[tuple[int, bytes]]]:
    """Everything as it stands, but for the roots of both trees, which know the whole only in the end."""
    made.out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    held = {part.page_tree, part.tag_tree, part.document}
    for number, body in part.objects.items():
        if number not in held:
            made.write(number, body)
    made.size = max(part.objects) + 1
    made.pages = part.pages
    made.parents, made.names = _tags(part.objects[part.tag_tree])

    def later(whole: Joined) -> Iterator[tuple[int, bytes]]:
        nodes = b"".join(b" %d 0 R" % node for node in whole.page_nodes)
        tree = re.sub(rb"/Count \d+", b"/Count %d" % whole.pages, part.objects[part.page_tree], count=1)
        yield part.page_tree, re.sub(rb"(/Kids\s*\[[^\]]*)\]", lambda kids: kids[1] + nodes + b"]", tree, count=1)
        sections = b"".join(b" %d 0 R" % section for section in whole.sections)
        document = part.objects[part.document]
        yield (
            part.document,
            re.sub(rb"(/K\s*\[[^\]]*)\]", lambda kids: kids[1] + sections + b"]", document, count=1),
        )
        yield part.tag_tree, _tag_tree(part, whole)

    return later


def _tag_tree(part: _Part, whole: Joined) -> bytes:
    roles = _found(rb"/RoleMap\s*<<.*?>>", part.objects[part.tag_tree])[0]
    keys = b" ".join(b"%d %d 0 R" % one for one in sorted(whole.parents))
    names = b"".join(b"(%s)%d 0 R" % one for one in sorted(whole.names))
    return (
        b"<</Type/StructTreeRoot%s/K[%d 0 R]/ParentTree<</Nums[%s]>>/IDTree<</Names[%s]>>/ParentTreeNextKey %d>>"
        % (
            roles,
            part.document,
            keys,
            names,
            max(key for key, _ in whole.parents) + 1,
        )
    )


def _further(made: Joined, part: _Part, first: _Part, index: int) -> None:
    """A part's objects under new numbers: its pages a branch of the pages, its tags a section of the document."""
    offset = made.size - 1
    next_key = max(key for key, _ in made.parents) + 1
    mark = b"P%d" % index

    def renamed(token: re.Match[bytes]) -> bytes:
        if token["text"] is not None:
            return _CELL.sub(lambda cell: b"(%s%s)" % (mark, cell[1]), token[0])
        if token["key"] is not None:
            return token[0].rpartition(b" ")[0] + b" %d" % (int(token["key"]) + next_key)
        number = int(token["number"])
        return b"%d 0 R" % (first.document if number == part.tag_tree else number + offset)

    for number, body in part.objects.items():
        if number in part.dropped:
            continue
        stream = _STREAM.search(body)
        end = stream.end() if stream else len(body)
        head = _TOKEN.sub(renamed, body[:end])
        if number == part.page_tree:
            head = head.replace(b"/Type/Pages", b"/Type/Pages/Parent %d 0 R" % first.page_tree, 1)
        if number == part.document:
            head = head.replace(b"/S/Document", b"/S/Sect", 1)
        made.write(number + offset, head + body[end:])
    parents, names = _tags(part.objects[part.tag_tree])
    made.parents += [(key + next_key, number + offset) for key, number in parents]
    made.names += [(mark + name, number + offset) for name, number in names]
    made.page_nodes.append(part.page_tree + offset)
    made.sections.append(part.document + offset)
    made.pages += part.pages
    made.size += max(part.objects)


def _tags(tree: bytes) -> tuple[list[tuple[int, int]], list[tuple[bytes, int]]]:
    """What the root of the tags says: pages, and named cells."""
    keys = _found(rb"/ParentTree\s*<<\s*/Nums\s*\[([^\]]*)\]", tree)[1]
    names = re.search(rb"/IDTree\s*<<\s*/Names\s*\[([^\]]*)\]", tree)
    return (
        [(int(key), int(number)) for key, number in re.findall(rb"(\d+) (\d+) 0 R", keys)],
        [
            (name, int(number))
            for name, number in re.findall(rb"\((\w+)\)\s*(\d+) 0 R", names[1] if names else b"")
        ],
    )


def _read(content: bytes) -> _Part:
    at = content.rfind(b"\nxref\n") + 1
    table = _TABLE.match(content, at) if at else None
    if table is None:
        raise NotJoinedError("a part of the document has no plain table of its objects")
    entries = table[2].splitlines()
    places = sorted((int(line[:10]), number) for number, line in enumerate(entries) if b"n" in line)
    ends = [place for place, _ in places[1:]] + [at]
    objects: dict[int, bytes] = {}
    for (place, number), end in zip(places, ends, strict=True):
        found = _OBJECT.fullmatch(content, place, end)
        if found is None or int(found[1]) != number:
            raise NotJoinedError(f"object {number} of a part of the document is not where its table says")
        objects[number] = found[2]
    trailer = table[3]
    catalogue = int(_found(rb"/Root (\d+) 0 R", trailer)[1])
    root = objects[catalogue]
    tag_tree = int(_found(rb"/StructTreeRoot (\d+) 0 R", root)[1])
    alone = [
        int(one[1])
        for one in (
            re.search(rb"/Info (\d+) 0 R", trailer),
            re.search(rb"/Metadata (\d+) 0 R", root),
            re.search(rb"/Outlines (\d+) 0 R", root),
        )
        if one is not None
    ]
    return _Part(
        objects=objects,
        trailer=trailer,
        catalogue=catalogue,
        page_tree=int(_found(rb"/Pages (\d+) 0 R", root)[1]),
        tag_tree=tag_tree,
        document=int(_found(rb"/K\s*\[(\d+) 0 R\]", objects[tag_tree])[1]),
        dropped=frozenset({catalogue, tag_tree, *alone}),
    )


def _found(pattern: bytes, text: bytes) -> re.Match[bytes]:
    match = re.search(pattern, text)
    if match is None:
        raise NotJoinedError("a part of the document has another structure")
    return match
