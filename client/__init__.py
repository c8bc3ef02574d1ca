"""Address and token in; the HTTP API as typed methods out: `CommandCenter(address, token)`.

    with CommandCenter("http://127.0.0.1:9002", token=os.environ["COMMANDCENTER_TOKEN"]) as center:
        started = center.start_run("security-audit-deploy", {"context": {"repositoryPath": "/srv/shop"}})
        run = center.wait_for_run(started["flowRunId"], until=center.asks_or_ended)
        for approval in center.list_approvals(run_id=run["id"], status="PENDING"):
            center.decide_approval(approval["id"], {"decision": "approve", "digest": approval["digest"]})

It needs httpx and nothing else of the platform. Methods for routes are made from the API's own description.
"""

from client.center import ApiProblem, CommandCenter, NoAnswer

__all__ = ["ApiProblem", "CommandCenter", "NoAnswer"]
