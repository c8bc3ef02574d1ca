"""What the tests of environments have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from package_server import PackageServer, package_server


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageServer]:
    """An index that this machine's pip is set up with."""
    with package_server() as server:
        for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CERT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        yield server
