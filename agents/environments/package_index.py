"""How this machine's pip is set up -> the package index, and the hosts that a build of an environment may reach.

The environment's variables go over the files, as for pip itself. Nothing is known here of any index: without a setting
it is the one that pip was made with.
"""

from __future__ import annotations

import configparser
import importlib
import importlib.util
import ipaddress
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agents.environments.requirements import EnvironmentRefused, EnvironmentUnavailable

HOSTS_VARIABLE = "COMMANDCENTER_PACKAGE_HOSTS"
"""Further `host:port` of the index, separated by commas: where it keeps its files on another host."""
SHIPPED = Path(sys.prefix, "share", "commandcenter")
"""Where the platform's image keeps a wheel of pip."""
_DEBIAN = Path("/usr/share/python-wheels")
"""Where Debian keeps what `ensurepip` installs."""
_SECTIONS = ("global", "install")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class PackageIndex:
    """Where packages come from."""

    url: str
    """Empty: the one that pip was made with."""
    further: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    """Folders of this machine that hold wheels."""
    links: tuple[str, ...] = ()
    """Pages that link to wheels."""
    certificates: Path | None = None
    trusted_hosts: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    """`host:port` of all of them."""


def machine_index(environment: Mapping[str, str] = os.environ) -> PackageIndex:
    """The index of this machine's pip. Raises EnvironmentRefused and EnvironmentUnavailable; may look up names."""
    found = _settings(environment)
    url = "" if found.get("no-index", "") in ("1", "true", "yes", "on") else found.get("index-url", "")
    further = tuple(found.get("extra-index-url", "").split())
    links = found.get("find-links", "").split()
    folders = tuple(Path(link.removeprefix("file://")) for link in links if not link.startswith("http"))
    pages = tuple(link for link in links if link.startswith("http"))
    hosts: dict[str, None] = {}
    if not url:
        hosts.update(dict.fromkeys(_own_hosts()))
    for address in (*((url,) if url else ()), *further, *pages):
        hosts.update(dict.fromkeys(_hosts(address)))
    named = [each.strip() for each in environment.get(HOSTS_VARIABLE, "").split(",") if each.strip()]
    hosts.update(dict.fromkeys(named))
    certificates = found.get("cert")
    return PackageIndex(
        url=url,
        further=further,
        folders=tuple(folder for folder in folders if folder.is_dir()),
        links=pages,
        certificates=Path(certificates) if certificates and Path(certificates).is_file() else None,
        trusted_hosts=tuple(found.get("trusted-host", "").split()),
        hosts=tuple(hosts),
    )


def pip_path() -> str | None:
    """Where pip is imported from: empty, where the interpreter has it; a wheel of this machine; None: nowhere.

    The platform's image keeps a wheel as a file: nothing in it can call pip but a build of an environment.
    """
    if importlib.util.find_spec("pip") is not None:
        return ""
    places = [SHIPPED]
    bundled = importlib.util.find_spec("ensurepip")
    if bundled is not None and bundled.origin is not None:
        places += [Path(bundled.origin).parent / "_bundled", _DEBIAN]
    wheels = [wheel for place in places for wheel in sorted(place.glob("pip-*.whl"))[-1:]]
    return str(wheels[0]) if wheels else None


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError) as exc:
            raise EnvironmentRefused(
                f"pip's settings in {str(file)!r} cannot be read: {type(exc).__name__}"
            ) from exc
        for section in _SECTIONS:
            if parser.has_section(section):
                found.update({name.replace("_", "-"): value.strip() for name, value in parser.items(section)})
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value.strip()
    return found


def _files(environment: Mapping[str, str]) -> list[Path]:
    """Least important first, as pip reads them."""
    home = Path(environment.get("HOME") or Path.home())
    own = environment.get("XDG_CONFIG_HOME") or str(home / ".config")
    shared = (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    files = [*(Path(folder, "pip", "pip.conf") for folder in shared if folder), Path("/etc/pip.conf")]
    named = environment.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    files += [home / ".pip" / "pip.conf", Path(own, "pip", "pip.conf"), Path(sys.prefix, "pip.conf")]
    return [file for file in [*files, *([Path(named)] if named else [])] if file.is_file()]


def _own_hosts() -> tuple[str, ...]:
    """Those of the index that pip was made with, asked of pip."""
    place = pip_path()
    if place is None:
        raise _no_pip()
    added = [place] if place else []
    sys.path[:0] = added
    try:
        index = importlib.import_module("pip._internal.models.index").PyPI
    except (ImportError, AttributeError) as exc:
        raise EnvironmentRefused(
            f"pip does not say which package index it uses: set PIP_INDEX_URL ({exc})"
        ) from exc
    finally:
        del sys.path[: len(added)]
    return (*_hosts(str(index.simple_url)), f"{index.file_storage_domain}:443")


def _no_pip() -> EnvironmentRefused:
    return EnvironmentRefused(
        "this Python has neither pip nor ensurepip, which make an agent's environment: install pip beside the platform"
    )


def _hosts(address: str) -> list[str]:
    """Host and port of an address; with a private host, what it stands for: the proxy lets nothing private through
    that is not named."""
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        port, parts = 0, urlsplit("")
    if not parts.hostname or not port:
        raise EnvironmentRefused("pip's index is not at an http or https address: see `pip config list`")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    entries = [f"{host}:{port}"]
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise EnvironmentUnavailable(
            f"the package index {host}:{port} is not to be found ({exc.strerror})"
        ) from exc
    for *_, where in found:
        plain = ipaddress.ip_address(str(where[0]).partition("%")[0])
        if not plain.is_global:
            entries.append(f"[{plain}]:{port}" if plain.version == 6 else f"{plain}:{port}")
    return list(dict.fromkeys(entries))
