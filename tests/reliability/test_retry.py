"""How long a call that fails for a while is made again."""

import pytest

from reliability import retry


async def test_a_run_waits_where_somebody_who_waits_for_an_answer_has_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "WAIT_SECONDS", 0.0)
    calls = 0

    async def away_twice() -> str:
        nonlocal calls
        calls += 1
        if calls % 3:
            raise ConnectionError("away")
        return "there"

    async def ask() -> str:
        return await retry.retry_transient(
            away_twice, is_transient=lambda error: isinstance(error, ConnectionError)
        )

    with pytest.raises(ConnectionError):
        await ask()
    calls = 0
    with retry.as_a_run():
        assert await ask() == "there"
    calls = 0
    with pytest.raises(ConnectionError):
        await ask()
