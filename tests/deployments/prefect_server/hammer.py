"""A client process that creates flow runs and moves them on, many at a time; prints the answers by status code."""

import asyncio
import collections
import json
import sys

import httpx


async def main(url: str, count: int) -> None:
    answers = collections.Counter()
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        flow_id = (await client.post("/flows/", json={"name": "hammer"})).json()["id"]
        free = asyncio.Semaphore(16)

        async def one():
            async with free:
                run = await client.post("/flow_runs/", json={"flow_id": flow_id, "state": {"type": "SCHEDULED"}})
                answers[run.status_code] += 1
                moved = await client.post(
                    f"/flow_runs/{run.json().get('id')}/set_state", json={"state": {"type": "PENDING"}}
                )
                answers[moved.status_code] += 1

        await asyncio.gather(*(one() for _ in range(count)))
    print(json.dumps(answers))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
