"""Where advisories come from: a folder with OSV's JSON, or OSV's API -> those for given packages."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import quote, urlsplit

from agents.builtin.dependencies.advisory import Advisory, package_name, read_advisory
from agents.builtin.dependencies.dependency import Dependency
from agents.builtin.scanning.source_files import shown_name

API = "https://api.osv.dev"
"""The public one; the setting `OSV_API_URL` names another. A workflow lets the scanner reach it by the node's
`network: [api.osv.dev:443]`."""
_BATCH = 500
_PAGES = 20
_SECONDS = 30
_MAX_ANSWER = 50_000_000
_MAX_FILE = 5_000_000


class NoAdvisories(Exception):
    """The advisories cannot be had; the message says why and what to do."""


class AdvisorySource(Protocol):
    """Tells what is known of packages."""

    name: str

    def find(self, dependencies: Sequence[Dependency]) -> dict[Dependency, list[Advisory]]:
        """The advisories that concern each of the packages. Raises NoAdvisories."""
        ...


class AdvisoryFolder:
    """`*.json` below a folder, one entry or a list of entries in each: an unpacked export of OSV."""

    def __init__(self, folder: Path) -> None:
        self._by_package: dict[tuple[str, str], list[Advisory]] = {}
        self.broken: list[str] = []
        """Files that could not be read."""
        count = 0
        for file in sorted(folder.rglob("*.json")):
            for advisory in self._entries(file, folder):
                count += 1
                self._add(advisory)
        if not count:
            raise NoAdvisories("the folder of advisories holds no entry in OSV's form (*.json)")
        self.name = f"a folder with {count:,} advisories"

    def find(self, dependencies: Sequence[Dependency]) -> dict[Dependency, list[Advisory]]:
        """Compared here, by the rules of each ecosystem."""
        found: dict[Dependency, list[Advisory]] = {}
        for each in dependencies:
            known = self._by_package.get((each.ecosystem, package_name(each.ecosystem, each.name)), [])
            found[each] = [advisory for advisory in known if advisory.concerns(each)]
        return found

    def _entries(self, file: Path, folder: Path) -> Iterable[Advisory]:
        try:
            if file.is_symlink() or file.stat().st_size > _MAX_FILE:
                raise ValueError("a link, or too large")
            content: object = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            self.broken.append(shown_name(file.relative_to(folder).as_posix()))
            return
        entries = cast("list[Any]", content) if isinstance(content, list) else [content]
        for entry in entries:
            advisory = read_advisory(entry)
            if advisory is not None:
                yield advisory

    def _add(self, advisory: Advisory) -> None:
        packages = {
            (str(package.get("ecosystem", "")).partition(":")[0], str(package.get("name", "")))
            for each in advisory.affected
            for package in [cast("dict[str, Any]", each.get("package") or {})]
        }
        for ecosystem, name in packages:
            self._by_package.setdefault((ecosystem, package_name(ecosystem, name)), []).append(advisory)


class OsvApi:
    """OSV's API, or one like it, which compares versions itself."""

    def __init__(self, url: str = "") -> None:
        self._url = (url or API).rstrip("/")
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise NoAdvisories("the setting OSV_API_URL is not an http or https address")
        self.name = urlsplit(self._url).netloc
        self._known: dict[str, Advisory | None] = {}

    def find(self, dependencies: Sequence[Dependency]) -> dict[Dependency, list[Advisory]]:
        """Asked in batches; each entry is fetched once."""
        found: dict[Dependency, list[Advisory]] = {each: [] for each in dependencies}
        for start in range(0, len(dependencies), _BATCH):
            batch = list(dependencies[start : start + _BATCH])
            for dependency, names in zip(batch, self._query(batch), strict=True):
                advisories = [self._entry(name) for name in names]
                found[dependency] = [each for each in advisories if each is not None]
        return found

    def _query(self, batch: list[Dependency]) -> list[list[str]]:
        names: list[list[str]] = [[] for _ in batch]
        pending: list[tuple[int, str]] = [(number, "") for number in range(len(batch))]
        for _ in range(_PAGES):
            if not pending:
                break
            queries = [_query_of(batch[number], token) for number, token in pending]
            answer = self._ask("/v1/querybatch", {"queries": queries})
            results = answer.get("results")
            if not isinstance(results, list) or len(cast("list[Any]", results)) != len(pending):
                raise NoAdvisories(f"{self.name} answered in a form that is not OSV's")
            following: list[tuple[int, str]] = []
            for (number, _), result in zip(pending, cast("list[Any]", results), strict=True):
                fields = cast("dict[str, Any]", result) if isinstance(result, dict) else {}
                known: list[dict[str, Any]] = fields.get("vulns") or []
                for each in known:
                    names[number].append(str(each["id"]))
                if fields.get("next_page_token"):
                    following.append((number, str(fields["next_page_token"])))
            pending = following
        return names

    def _entry(self, name: str) -> Advisory | None:
        if name not in self._known:
            self._known[name] = read_advisory(self._ask(f"/v1/vulns/{quote(name, safe='')}", None))
        return self._known[name]

    def _ask(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(self._url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                found: object = json.loads(answer.read(_MAX_ANSWER))
        except urllib.error.HTTPError as exc:
            if exc.code == 403:
                raise NoAdvisories(_how_to_reach(self.name)) from exc
            raise NoAdvisories(f"{self.name} answered {exc.code}") from exc
        except (OSError, ValueError) as exc:
            refused = "403" in str(exc)
            raise NoAdvisories(_how_to_reach(self.name) if refused else f"{self.name} did not answer") from exc
        if not isinstance(found, dict):
            raise NoAdvisories(f"{self.name} answered in a form that is not OSV's")
        return cast("dict[str, Any]", found)


def source_of(folder: str | None, url: str) -> AdvisorySource:
    """The folder where one is given, else the API where there is a network at all. Raises NoAdvisories."""
    if folder:
        return AdvisoryFolder(Path(folder))
    if not os.environ.get("HTTPS_PROXY"):
        raise NoAdvisories(_how_to_reach(urlsplit(url or API).netloc))
    return OsvApi(url)


def _how_to_reach(host: str) -> str:
    return (
        "there are no advisories to compare it with: give the node "
        f"`network: [{host if ':' in host else host + ':443'}]`, or a folder with OSV's data as `advisoriesPath`"
    )


def _query_of(dependency: Dependency, token: str) -> dict[str, Any]:
    package = {"name": dependency.name, "ecosystem": dependency.ecosystem}
    return {"package": package, "version": dependency.version, **({"page_token": token} if token else {})}
