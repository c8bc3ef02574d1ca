"""After the demo: who has decided in the console can follow the run there, until a person ends it."""

from __future__ import annotations

import asyncio
import os
from io import StringIO

import pytest

from deployments.demo.demo import until_enter

pytestmark = pytest.mark.unit


async def test_at_a_terminal_it_goes_on_until_enter_is_pressed() -> None:
    keyboard, screen = os.openpty()
    with os.fdopen(screen) as terminal, os.fdopen(keyboard, "wb", buffering=0) as person:
        stays = asyncio.create_task(until_enter(terminal))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not stays.done()
        person.write(b"\n")
        await asyncio.wait_for(stays, 10)


async def test_without_a_terminal_it_ends_at_once() -> None:
    await asyncio.wait_for(until_enter(StringIO()), 10)
