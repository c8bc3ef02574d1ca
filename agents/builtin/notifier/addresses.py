"""A mail address as people write it -> name, local part and domain, checked; international ones too."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr

import idna

_MOST = 254
_MOST_LOCAL = 64
_FORBIDDEN = frozenset(' <>,;:"()[]\\')
_DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.I
)
ENCODED = "=?"
"""Begins an encoded word: a receiver would show, and Python write, what is encoded in it, line breaks and all."""


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

    @property
    def mailbox(self) -> str:
        """The same for two ways of writing one mailbox. A server could tell case before the `@`; none does."""
        return self.spec.lower()

    def header(self) -> Address:
        """As a header of the message holds it; the name is encoded there."""
        return Address(display_name=self.name, username=self.local, domain=self.domain)


def parse(text: str) -> MailAddress:
    """`name@domain` or `Name <name@domain>`. Raises ValueError."""
    wrong = ValueError("this is not an e-mail address of the form name@domain or Name <name@domain>")
    if not text.isprintable():
        raise wrong
    if ENCODED in text:
        raise ValueError("an address is written as people read it, without encoded words (`=?…?=`)")
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
    if not _DOMAIN.fullmatch(ascii_domain) or len(local.encode()) > _MOST_LOCAL:
        raise wrong
    if len(local.encode()) + 1 + len(ascii_domain) > _MOST or len(name) > 200:
        raise wrong
    return MailAddress(name=name, local=local, domain=ascii_domain.lower())


def once(addresses: Iterable[MailAddress]) -> tuple[MailAddress, ...]:
    """Each mailbox once, in the order of the first mention."""
    kept: dict[str, MailAddress] = {}
    for one in addresses:
        kept.setdefault(one.mailbox, one)
    return tuple(kept.values())
