"""What every effect is made of: the request that an approval binds, and what carries it out."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from agents.registration.network import resolve

Request = dict[str, Any]
"""Exactly what will be done, as JSON. A person sees all of it before it is approved."""


class EffectError(Exception):
    """The effect was not carried out, or what was proposed cannot be; the message says why and how to fix it."""


class TransientEffectError(EffectError):
    """The effect was not carried out for a reason that is expected to pass: it may be tried again."""


@dataclass(frozen=True, kw_only=True)
class ReturnedProposal:
    """What an agent returned, and what it was given."""

    inputs: Mapping[str, JsonValue]
    bindings: Mapping[str, str]
    """Input field -> the commit it was pinned to."""
    repository: str | None
    """The repository among the inputs, a folder of this machine."""
    result: Mapping[str, Any]
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    roots: Sequence[Path] = ()
    """Folders that repositories may lie in."""
    hosts: Sequence[str] = ()
    """`host:port` that the effect may reach."""


@dataclass(frozen=True, kw_only=True)
class EffectContext:
    """What an effect is carried out with. Nothing of it was in the jail but the key."""

    key: str
    """The same for every attempt at the same approved effect: it is done once per key."""
    run_id: str
    node_id: str
    repository_roots: Sequence[Path]
    settings: Mapping[str, str]
    """Those that the approval is bound to."""
    secrets: Mapping[str, str] = field(repr=False)
    """Those that the effect names, by name."""
    hosts: Sequence[str]
    """`host:port` that the node may reach."""
    artifact: Callable[[str], Awaitable[bytes]]
    """The bytes of an artifact of the same project."""
    save: Callable[[str, bytes, str], Awaitable[str]]
    """Save a file with the run: name, bytes, media type -> its reference."""
    log: logging.Logger | logging.LoggerAdapter[Any]


@dataclass(frozen=True, kw_only=True)
class EffectSpec:
    """One effect."""

    name: str
    propose: Callable[[ReturnedProposal], Request | None]
    """The request in an agent's result; None where there is nothing to do. Raises EffectError."""
    perform: Callable[[Request, EffectContext], Awaitable[dict[str, Any]]]
    """Carry it out; gives the fields it adds to the agent's output. Raises EffectError."""
    nothing: Callable[[ReturnedProposal], dict[str, Any]]
    """Those fields where there is nothing to do."""
    consumed: frozenset[str]
    """Fields of the agent's result that are part of the request, and not of the output."""
    named: Callable[[Request], str] | None = None
    """The name of the effect that the request really stands for; None: this one."""
    base: Callable[[Request], tuple[str, str] | None] = lambda request: None
    """Repository and commit that the request is made for; None where it depends on no repository."""
    doubt: Callable[[Request], str] = lambda request: ""
    """What would keep it from being carried out as things are, for who decides; empty: nothing that is known."""
    editable: Mapping[str, str] = field(default_factory=dict[str, str])
    """Inputs that who approves may change without the agent being asked again -> their field of the request."""
    check: Callable[[Request], None] = lambda request: None
    """Whether an edited request can be carried out. Raises EffectError."""
    secrets: tuple[str, ...] = ()
    """Names of the agent's or node's secrets that are for the effect: they never reach the jail."""
    own_secrets: tuple[str, ...] = ()
    """Names of the operator's secrets that belong to the effect itself, whatever agent proposes it."""
    own_network: tuple[str, ...] = ()
    """Hosts that belong to the effect itself: `{SETTING}` for the one in that setting."""
    settings: frozenset[str] = frozenset()
    """Names of the settings that it is carried out with, and no others: who approves it sees their values."""

    def hosts(self, network: Sequence[str], settings: Mapping[str, str]) -> tuple[str, ...]:
        """`host:port` of all that it may reach. Raises ValueError for what is no host."""
        return resolve((*network, *self.own_network), settings)
