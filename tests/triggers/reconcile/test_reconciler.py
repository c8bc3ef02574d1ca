import asyncio
import logging

from triggers.reconcile.reconciler import Hook, Reconciler


async def test_each_hook_is_called_again_and_again_at_its_own_pace(background, eventually):
    calls = []

    async def quick():
        calls.append("quick")

    async def slow():
        calls.append("slow")

    background(Reconciler([Hook(name="q", run=quick, every_seconds=0.01), Hook(name="s", run=slow)]).run())
    await eventually(lambda: calls.count("quick") >= 3)
    assert calls.count("slow") == 1


async def test_a_hook_that_fails_or_hangs_stops_no_other_and_is_called_again(background, eventually, caplog):
    calls = []

    async def failing():
        calls.append("failing")
        raise ValueError("broken")

    async def hanging():
        await asyncio.Event().wait()

    async def sound():
        calls.append("sound")

    hooks = [Hook(name=each.__name__, run=each, every_seconds=0.01) for each in (failing, hanging, sound)]
    with caplog.at_level(logging.WARNING):
        background(Reconciler(hooks).run())
        await eventually(lambda: calls.count("failing") >= 3 and calls.count("sound") >= 3)
    assert "Reconciling failing failed (1 in a row)" in caplog.text
