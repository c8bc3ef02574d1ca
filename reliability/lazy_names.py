"""A package's public names, each imported from its module when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package: `places` says, by module below it, which names come from there.

    Who needs one class of a room does not wait for the libraries that the rest of the room needs. Raises AttributeError
    for other names, as every module does.
    """
    modules = {name: f"{package}.{module}" for module, names in places.items() for name in names.split()}

    def named(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return named
