"""A mail address as people write it -> name, local part and domain, checked; international ones too."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr

import idna

_MOST = 254
_FORBIDDEN = frozenset(' <>,;:"()[]\\')


@dataclass(frozen=True, kw_only=True)
class MailAddress:
    """One address."""

    name: str
    """As shown; may be empty."""
    local: str
    domain: str
    """In its ASCII form: every mail server understands it."""

    @property
    def spec(self) -> str:
        """`local@domain`, as the server is told it."""
        return f"{self.local}@{self.domain}"

    @property
    def needs_utf8(self) -> bool:
        """Whether the server must know SMTPUTF8: the part before the `@` has no ASCII form."""
        return not self.local.isascii()

    def header(self) -> Address:
        """As a header of the message holds it; the name is encoded there."""
        return Address(display_name=self.name, username=self.local, domain=self.domain)


def parse(text: str) -> MailAddress:
    """`name@domain` or `Name <name@domain>`. Raises ValueError."""
    wrong = ValueError("this is not an e-mail address of the form name@domain or Name <name@domain>")
    if not text.isprintable():
        raise wrong
    name, spec = "", text
    if text.endswith(">"):
        name, spec = parseaddr(text)
        if not name or text.count("<") != 1:
            raise wrong
    local, at, domain = unicodedata.normalize("NFC", spec).rpartition("@")
    plain = (local + domain).isprintable() and not set(local + domain) & _FORBIDDEN and "@" not in local
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if not (plain and at and local and domain) or local.startswith("-") or dots:
        raise wrong
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as exc:
        raise wrong from exc
    if len(local.encode()) + 1 + len(ascii_domain) > _MOST or len(name) > 200:
        raise wrong
    return MailAddress(name=name, local=local, domain=ascii_domain.lower())


def once(addresses: Iterable[MailAddress]) -> tuple[MailAddress, ...]:
    """Each mailbox once, in the order of the first mention. Only the domain is the same in either case."""
    kept: dict[str, MailAddress] = {}
    for one in addresses:
        kept.setdefault(one.spec, one)
    return tuple(kept.values())
