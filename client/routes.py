"""One method for each route of the API.

Made from the API's routes by `python -m api.clients`; a test fails where it is not what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol
from urllib.parse import quote

from client import models


class Sends(Protocol):
    """What carries requests."""

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        text: str | None = None,
        binary: bool = False,
    ) -> Any:
        """The answer's JSON; its bytes where `binary`. Raises for a problem."""
        ...


class Routes:
    """The API, route by route. Raises `client.ApiProblem` for what is refused."""

    def __init__(self, sends: Sends) -> None:
        self._sends = sends

    def list_agents(self) -> list[models.AgentAnswer]:
        """List the agents.

        The manifests of all registered agents.
        """
        return self._sends.send("GET", "/agents")

    def register_agent(self, body: dict[str, Any]) -> models.AgentAnswer:
        """Register an agent.

        Records the manifest and a copy of the agent's code, or replaces the one of that name.

        Names in camelCase, as the API answers them, or as in a manifest's file. A program, whose folder holds an
        `agent.yaml`, needs its `entryPath` only: that file is its manifest.
        Effects and hosts make an action risky whatever the manifest says, and what was risky stays so: see the 409.
        """
        return self._sends.send("POST", "/agents", json=body)

    def show_agent(self, name: str) -> models.AgentAnswer:
        """Show an agent.

        The manifest of one agent.
        """
        return self._sends.send("GET", f"/agents/{quote(str(name), safe='')}")

    def remove(self, name: str) -> None:
        """Remove an agent.

        Archives the agent, so that no workflow may name it. Its runs stay; registering it again brings it back.
        """
        self._sends.send("DELETE", f"/agents/{quote(str(name), safe='')}")

    def show_agent_history(self, name: str) -> models.AgentHistoryAnswer:
        """Tell how an agent has run.

        Its health, its versions as they ran, its newest runs, and the workflows that use it.
        """
        return self._sends.send("GET", f"/agents/{quote(str(name), safe='')}/history")

    def review_agent(self, body: models.UploadBody) -> models.AgentReviewAnswer:
        """Review an agent before it is registered.

        Its code is asked for its manifest in the jail. What it may do, and whose risk that raises; nothing is kept.
        """
        return self._sends.send("POST", "/agents/review", json=body)

    def register_agent_files(self, body: models.RegisterFilesBody) -> models.AgentAnswer:
        """Register an agent's folder.

        Keeps a copy of the code and its manifest. The code must be the one that was reviewed.
        """
        return self._sends.send("POST", "/agents/upload", json=body)

    def compile_workflow(self, body: models.SourceBody) -> models.CompileAnswer:
        """Compile a workflow.

        All diagnostics, and the plan with its graph where there is no error. Nothing is saved.
        """
        return self._sends.send("POST", "/compile", json=body)

    def complete_workflow(self, body: models.CursorBody) -> list[models.CompletionAnswer]:
        """Complete at the cursor.

        Keywords, agents, actions, inputs, nodes, and paths in templates by their inferred types.
        """
        return self._sends.send("POST", "/compile/complete", json=body)

    def offer_references(self, body: models.NodeBody) -> list[models.OfferAnswer]:
        """Tell what the inputs of a node may take.

        Paths that its templates may read, with types: of the context, and of the nodes that it runs after.
        """
        return self._sends.send("POST", "/compile/offers", json=body)

    def show_connections(self, body: models.NodeBody) -> list[models.ConnectionAnswer]:
        """Tell what edges of a node could carry.

        For each other node, the edges to it and from it: what of the one output fits which input, or why none.
        """
        return self._sends.send("POST", "/compile/connections", json=body)

    def dry_run_workflow(self, body: models.DryRunBody) -> models.DryRunAnswer:
        """Play a workflow.

        Runs the plan with mocks for agents and decisions given beforehand: no agent is started.
        """
        return self._sends.send("POST", "/compile/dry-run", json=body)

    def replay_events(self, body: models.PastEventsBody) -> models.CounterfactualAnswer:
        """Play a workflow with recorded events.

        What this version would have done with them, beside what was done: runs, gates, differences. Starts nothing.
        """
        return self._sends.send("POST", "/compile/past-events", json=body)

    def show_schedule(self, body: models.ScheduleBody) -> models.ScheduleAnswer:
        """Explain a schedule.

        In words, and when it fires next.
        """
        return self._sends.send("POST", "/compile/schedule", json=body)

    def list_workflows(self) -> list[models.WorkflowAnswer]:
        """List the workflows.

        All workflows, by name.
        """
        return self._sends.send("GET", "/workflows")

    def show_workflow(self, name: str) -> models.WorkflowSourceDetail:
        """Show a workflow.

        One workflow with its text, plan and graph. The header `ETag` is what `If-Match` of the next save takes.
        """
        return self._sends.send("GET", f"/workflows/{quote(str(name), safe='')}")

    def save_workflow(
        self,
        name: str,
        body: str,
        *,
        remove_gates: bool | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> models.SavedAnswer:
        """Save a workflow.

        Compiles the YAML. Mistakes are answered with 422 and all diagnostics; otherwise new runs take it.
        """
        return self._sends.send(
            "PUT",
            f"/workflows/{quote(str(name), safe='')}",
            query={"removeGates": remove_gates},
            headers={"if-match": if_match, "if-none-match": if_none_match},
            text=body,
        )

    def list_versions(self, name: str) -> list[models.VersionAnswer]:
        """List the versions of a workflow.

        The newest first.
        """
        return self._sends.send("GET", f"/workflows/{quote(str(name), safe='')}/versions")

    def show_version(self, name: str, number: int) -> models.VersionDetail:
        """Show a version of a workflow.

        With its text as it was saved.
        """
        return self._sends.send(
            "GET", f"/workflows/{quote(str(name), safe='')}/versions/{quote(str(number), safe='')}"
        )

    def review_workflow(self, name: str, body: models.SourceBody) -> models.ReviewAnswer:
        """Review a text before it is saved.

        What saving it would change in meaning, and whether a person must agree. Nothing is saved.
        """
        return self._sends.send("POST", f"/workflows/{quote(str(name), safe='')}/review", json=body)

    def rename_workflow(self, name: str, body: models.RenameBody) -> models.SavedAnswer:
        """Rename a workflow.

        Its text is saved under the new name and the old workflow is archived; runs that wait go on.
        """
        return self._sends.send("POST", f"/workflows/{quote(str(name), safe='')}/rename", json=body)

    def archive_workflow(self, name: str) -> None:
        """Archive a workflow.

        It starts no more runs; runs that wait can still go on.
        """
        self._sends.send("POST", f"/workflows/{quote(str(name), safe='')}/archive")

    def start_run(
        self,
        name: str,
        body: models.StartBody,
        *,
        idempotency_key: str | None = None,
        traceparent: str | None = None,
    ) -> models.StartedAnswer:
        """Start a run.

        Starts the workflow's deployment; the caller counts as who triggered it and cannot approve it.
        """
        return self._sends.send(
            "POST",
            f"/workflows/{quote(str(name), safe='')}/runs",
            headers={"idempotency-key": idempotency_key, "traceparent": traceparent},
            json=body,
        )

    def list_missed_times(
        self, name: str, *, since: str | None = None, until: str | None = None
    ) -> list[models.MissedTimeAnswer]:
        """List the times that no run began for.

        By the schedules of the workflow as it is now, oldest first.
        """
        return self._sends.send(
            "GET", f"/workflows/{quote(str(name), safe='')}/missed", query={"since": since, "until": until}
        )

    def backfill_workflow(self, name: str, body: models.BackfillBody) -> models.BackfillAnswer:
        """Start runs for past times.

        One run for each time, which it sees as `context.scheduledAt`; asked again, it starts nothing twice.
        """
        return self._sends.send("POST", f"/workflows/{quote(str(name), safe='')}/backfill", json=body)

    def list_drafts(self) -> list[models.DraftAnswer]:
        """List the drafts.

        All drafts, by name, also of workflows that have never been saved.
        """
        return self._sends.send("GET", "/drafts")

    def show_draft(self, name: str) -> models.DraftAnswer:
        """Show a draft.

        The text that somebody is writing under that name. The header `ETag` is what `If-Match` of the next one takes.
        """
        return self._sends.send("GET", f"/workflows/{quote(str(name), safe='')}/draft")

    def put_draft(self, name: str, body: models.DraftBody, *, if_match: str | None = None) -> None:
        """Keep a draft.

        Keeps a text that need not compile. Whoever saves the workflow forgets the own draft of it.
        """
        self._sends.send(
            "PUT", f"/workflows/{quote(str(name), safe='')}/draft", headers={"if-match": if_match}, json=body
        )

    def remove_draft(self, name: str, *, if_match: str | None = None) -> None:
        """Forget a draft.

        The saved workflow stays as it is.
        """
        self._sends.send("DELETE", f"/workflows/{quote(str(name), safe='')}/draft", headers={"if-match": if_match})

    def list_runs(
        self,
        *,
        status: Literal["PENDING", "RUNNING", "SUCCESS", "FAILED", "WAITING_APPROVAL"] | None = None,
        workflow: str | None = None,
        trigger: str | None = None,
        since: str | None = None,
        until: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> list[models.RunAnswer]:
        """List the runs.

        The newest first. Where there are more, the header `X-Next-Cursor` holds the `cursor` of the next page.
        """
        return self._sends.send(
            "GET",
            "/runs",
            query={
                "status": status,
                "workflow": workflow,
                "trigger": trigger,
                "since": since,
                "until": until,
                "cursor": cursor,
                "limit": limit,
            },
        )

    def show_run(self, run_id: str) -> models.RunDetailResponse:
        """Show a run.

        One run with its graph, the states of all nodes, attempts, approvals, timeline and, first, why it failed.
        """
        return self._sends.send("GET", f"/runs/{quote(str(run_id), safe='')}")

    def read_log(
        self,
        run_id: str,
        *,
        node: str | None = None,
        attempt: int | None = None,
        search: str | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> models.LogPage:
        """Read the log of a run.

        What its agents wrote, in the order in which it was kept. Ask again with `next` to follow it.
        """
        return self._sends.send(
            "GET",
            f"/runs/{quote(str(run_id), safe='')}/logs",
            query={"node": node, "attempt": attempt, "search": search, "after": after, "limit": limit},
        )

    def preview_rerun(self, run_id: str, *, node: str | None = None) -> models.RerunPreviewAnswer:
        """Tell what running again would do.

        Which nodes run again from that one, which outputs are kept, which gates and effects are among them.
        """
        return self._sends.send("GET", f"/runs/{quote(str(run_id), safe='')}/rerun", query={"node": node})

    def rerun_run(self, run_id: str, body: models.RerunBody) -> models.ActAnswer:
        """Run again from a node.

        Runs the node and all behind it again, in the same run; the outputs of others are kept.

        A gate is asked again where what was approved was done, or something else would run.
        """
        return self._sends.send("POST", f"/runs/{quote(str(run_id), safe='')}/rerun", json=body)

    def cancel_run(self, run_id: str, body: models.CancelBody) -> models.ActAnswer:
        """Cancel a run.

        Agents at work are stopped, open questions are withdrawn. In the audit, with who did it.
        """
        return self._sends.send("POST", f"/runs/{quote(str(run_id), safe='')}/cancel", json=body)

    def retry_run(self, run_id: str) -> models.ActAnswer:
        """Retry a run.

        Runs the failed nodes again, in the same run.
        """
        return self._sends.send("POST", f"/runs/{quote(str(run_id), safe='')}/retry")

    def replay_run(self, run_id: str, body: models.ReplayBody) -> models.ActAnswer:
        """Replay a run.

        Starts the workflow as it is now, with the run's context or another one. It is a new run.
        """
        return self._sends.send("POST", f"/runs/{quote(str(run_id), safe='')}/replay", json=body)

    def list_artifacts(self, run_id: str) -> list[models.ArtifactAnswer]:
        """List the artifacts of a run.

        Oldest first.
        """
        return self._sends.send("GET", f"/runs/{quote(str(run_id), safe='')}/artifacts")

    def download_artifact(self, run_id: str, artifact: str) -> bytes:
        """Download an artifact.

        By id, or by name where only one artifact of the run has it.
        """
        return self._sends.send(
            "GET", f"/runs/{quote(str(run_id), safe='')}/artifacts/{quote(str(artifact), safe='')}", binary=True
        )

    def list_approvals(
        self,
        *,
        status: Literal["PENDING", "APPROVED", "REJECTED"] | None = None,
        run_id: str | None = None,
        workflow: str | None = None,
        limit: int | None = None,
        order: Literal["oldest", "newest"] | None = None,
    ) -> list[models.ApprovalAnswer]:
        """List the approvals.

        Questions that stand, by the time they were asked.
        """
        return self._sends.send(
            "GET",
            "/approvals",
            query={"status": status, "runId": run_id, "workflow": workflow, "limit": limit, "order": order},
        )

    def show_approval(self, approval_id: str) -> models.ApprovalDetail:
        """Show an approval.

        The card with votes, what comes from outside, and its audit. That you looked at it is recorded.
        """
        return self._sends.send("GET", f"/approvals/{quote(str(approval_id), safe='')}")

    def show_slack_message(self, approval_id: str) -> dict[str, Any]:
        """Show an approval as a message of Slack.

        `text` and `blocks` for `chat.postMessage`: the card, a link, and buttons that decide as whoever presses them.
        """
        return self._sends.send("GET", f"/approvals/{quote(str(approval_id), safe='')}/slack-message")

    def decide_approval(self, approval_id: str, body: models.DecisionBody) -> models.DecisionAnswer:
        """Decide an approval.

        Approves or rejects, and wakes the run. 409: it is decided already, or something else would run now.
        """
        return self._sends.send("POST", f"/approvals/{quote(str(approval_id), safe='')}/decision", json=body)

    def list_events(
        self,
        *,
        subject: str | None = None,
        outcome: Literal["started", "matched nothing", "later", "dead letter"] | None = None,
        workflow: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> list[models.EventAnswer]:
        """List what came in.

        The newest first, also those that started nothing. The header `X-Next-Cursor` leads to the next page.
        """
        return self._sends.send(
            "GET",
            "/events",
            query={"subject": subject, "outcome": outcome, "workflow": workflow, "cursor": cursor, "limit": limit},
        )

    def try_filter(self, body: models.FilterBody) -> models.TriedAnswer:
        """Try a filter on recorded events.

        Which of the newest events the trigger would take, field by field. Nothing is started.
        """
        return self._sends.send("POST", "/events/try-filter", json=body)

    def show_event(self, event_id: str) -> models.EventDetail:
        """Show an event.

        With its payload.
        """
        return self._sends.send("GET", f"/events/{quote(str(event_id), safe='')}")

    def explain_event(self, event_id: str) -> models.WhyAnswer:
        """Tell why an event started what it did.

        Each workflow that was looked at: matched or why not, field by field, by the plan it had then.
        """
        return self._sends.send("GET", f"/events/{quote(str(event_id), safe='')}/why")

    def list_dead_letters(
        self, *, settled: bool | None = None, limit: int | None = None
    ) -> list[models.DeadLetterAnswer]:
        """List the events that were given up.

        The newest first, each with the reason. One without a readable project belongs to nobody here.
        """
        return self._sends.send("GET", "/dead-letters", query={"settled": settled, "limit": limit})

    def replay_dead_letter(self, letter_id: str) -> models.ReplayedAnswer:
        """Send a dead letter in again.

        Starts what the message would start now; done twice, it starts nothing twice.
        """
        return self._sends.send("POST", f"/dead-letters/{quote(str(letter_id), safe='')}/replay")

    def discard_dead_letter(self, letter_id: str) -> None:
        """Discard a dead letter.

        Nothing is done about it; it stays on record with who decided that.
        """
        self._sends.send("POST", f"/dead-letters/{quote(str(letter_id), safe='')}/discard")

    def show_statistics(self, *, days: int | None = None) -> models.StatisticsAnswer:
        """Show figures.

        Runs by status and day, durations of agents, response times of approvals, events.
        """
        return self._sends.send("GET", "/statistics", query={"days": days})

    def sign_in(self, body: models.SessionBody) -> models.MeAnswer:
        """Sign a browser in.

        Gives the browser a cookie that no script can read, for 12 hours. A sign-in link works once.
        """
        return self._sends.send("POST", "/session", json=body)

    def sign_out(self) -> None:
        """Sign a browser out.

        Ends the session, wherever its cookie was copied to. Without one nothing happens.
        """
        self._sends.send("DELETE", "/session")

    def change_project(self, body: models.ProjectBody) -> models.MeAnswer:
        """Look at another project.

        For a browser's session; with a token, send the header `X-Project` instead.
        """
        return self._sends.send("PATCH", "/session", json=body)

    def show_me(self) -> models.MeAnswer:
        """Show who is signed in.

        Name, project and roles, and the other projects that are open.
        """
        return self._sends.send("GET", "/me")

    def show_ways(self) -> models.WaysAnswer:
        """Show how one can sign in.

        For the page that signs people in: nobody has to be signed in for it.
        """
        return self._sends.send("GET", "/sign-in")

    def begin(self, *, to: str | None = None) -> None:
        """Go to the provider.

        Sends the browser to the provider, with a cookie by which only this browser can come back.
        """
        self._sends.send("GET", "/sign-in/oidc", query={"to": to})

    def come_back(self, *, state: str | None = None, code: str | None = None, iss: str | None = None) -> None:
        """Come back from the provider.

        Signs the browser in where everything is in order; else the console says that it was not.

        The answers go to a page: a person looks at them, and no detail is told to whoever tries.
        """
        self._sends.send("GET", "/sign-in/oidc/callback", query={"state": state, "code": code, "iss": iss})

    def begin_device(self) -> models.DeviceAnswer:
        """Begin the sign-in of a terminal.

        Gives a code that a person enters at the provider, in any browser. Nothing of it is secret but the handle.
        """
        return self._sends.send("POST", "/sign-in/device")

    def ask_device(self, body: models.DeviceBody) -> models.DeviceTokenAnswer:
        """Ask whether the terminal is signed in.

        Gives a token once the person has entered the code; it lasts as long as a browser's session.
        """
        return self._sends.send("POST", "/sign-in/device/token", json=body)

    def list_changes(self) -> list[models.ChangeRequestAnswer]:
        """List the changes that wait for a second person.

        Oldest first. There are some in production mode only.
        """
        return self._sends.send("GET", "/changes")

    def confirm_change(self, change_id: str) -> models.ChangeRequestAnswer:
        """Confirm a change as the second person.

        Whoever asked for it cannot confirm it. One of the two carries it out then.
        """
        return self._sends.send("POST", f"/changes/{quote(str(change_id), safe='')}/confirm")

    def show_health(self) -> models.HealthAnswer:
        """Tell whether it works.

        200 when the API and its database answer, else 503.
        """
        return self._sends.send("GET", "/health")

    def show_metrics(self, *, accept: str | None = None) -> None:
        """Show metrics to Prometheus.

        The page in Prometheus' text format, or OpenMetrics where `Accept` asks for it.

        404 unless COMMANDCENTER_METRICS_TOKEN_FILE names a token.
        """
        self._sends.send("GET", "/metrics", headers={"accept": accept})

    def take_slack_action(
        self, body: str, *, x_slack_request_timestamp: str | None = None, x_slack_signature: str | None = None
    ) -> models.SlackAnswer:
        """Take a press of a button in Slack.

        Decides for what the message showed. 200 also where it does not count: the person is told why.
        """
        return self._sends.send(
            "POST",
            "/slack/actions",
            headers={
                "x-slack-request-timestamp": x_slack_request_timestamp,
                "x-slack-signature": x_slack_signature,
            },
            text=body,
        )
