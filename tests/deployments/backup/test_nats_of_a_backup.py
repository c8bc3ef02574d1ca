"""The connection to NATS of a backup: what holds for the parts holds for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.backup.places import Places, open_nats
from deployments.stack.state_folder import StateFolder
from reliability.plaintext import PlaintextRefused


async def test_no_password_goes_to_another_host_in_plain_text(tmp_path: Path) -> None:
    places = Places(
        state=StateFolder(tmp_path),
        records_url="sqlite://",
        prefect_url=None,
        nats_url="nats://platform:secret-word@192.0.2.1:4222",
        signing_key=tmp_path / "signing.key",
    )
    with pytest.raises(PlaintextRefused, match=r"NATS at '192\.0\.2\.1' would be spoken to in plain text") as told:
        async with open_nats(places):
            pass
    assert "secret-word" not in str(told.value)
