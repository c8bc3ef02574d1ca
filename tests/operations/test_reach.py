"""Every act in `operations/` is reached by a command, a route and the console, or it is written down here why not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACTS: dict[str, tuple[bool, bool]] = {
    # act: (by the command line, over HTTP)
    "start_run.start_run": (True, True),
    "run_acts.cancel_run": (True, True),
    "run_acts.retry_run": (True, True),
    "run_acts.rerun_run": (True, True),
    "run_acts.replay_run": (True, True),
    "run_detail.run_detail": (True, False),  # HTTP: run_report, which holds it
    "run_report.run_report": (False, True),  # command line: show, by run_detail
    "run_artifacts.artifact_of_run": (True, True),
    "run_logs.follow_log": (True, False),  # HTTP: the log that is kept with the run
    "decide.decide_gate": (True, True),
    "show_approval.show_approval": (False, True),  # command line: approvals --cards, approve
    "deploy.deploy": (True, False),  # HTTP: save_workflow_text
    "deploy.archive_workflow": (True, True),
    "changed_elsewhere.changed_elsewhere": (True, False),  # HTTP: If-Match
    "deploy_review.review": (True, False),  # HTTP: compile_source
    "workflow_text.save_workflow_text": (False, True),  # command line: deploy
    "workflow_text.rename_workflow": (False, True),  # command line: deploy of a file that was renamed
    "workflow_text.save_draft": (False, True),  # command line: an editor
    "workflow_text.discard_draft": (False, True),
    "compile_source.compile_source": (False, True),  # command line: check, plan, graph, proof
    "compile_source.complete_source": (False, True),  # command line: the schema for editors
    "compile_source.offer_references": (False, True),  # command line: an editor
    "compile_source.show_connections": (False, True),
    "compile_source.dry_run_source": (False, True),  # command line: test
    "compile_source.explain_schedule": (False, True),
    "events.explain_event": (True, True),
    "events.try_filter": (False, True),
    "events.replay_dead_letter": (True, True),
    "events.discard_dead_letter": (True, True),
    "register_agent.register_folder": (True, False),  # HTTP: no folder of this machine is named from outside
    "register_agent.register_manifest": (False, True),
    "register_agent.register_files": (False, True),  # command line: register_folder
    "register_agent.review_files": (False, True),
    "show_agent.show_agent": (False, True),  # command line: action_help
    "backfill.backfill": (True, True),
    "backfill.missed_times": (True, True),
    "run_agent.run_agent": (True, False),  # an agent outside of a workflow runs for those who may log in here
    "run_agent.require_by_hand": (True, False),
    "remove_agent.remove_agent": (True, True),
    "agent_cases.run_cases": (True, False),  # as run_agent
    "action_help.action_help": (True, False),
    "counterfactual.replay_events": (True, True),
    "publishers.add_publisher": (True, False),
    "publishers.revoke_publisher": (True, False),
    "run_acts.preview_rerun": (True, True),
    "slack.approval_message": (False, True),
    "slack.decide_by_press": (False, True),
    "people.grant_roles": (True, False),
    "people.take_roles": (True, False),
    "people.grant_token": (True, False),
    "people.map_slack_user": (True, False),
    "people.issue_link": (True, False),
    "people.revoke_token": (True, False),
    "people.identify": (True, True),
    "people.identify_session": (False, True),
    "people.begin_session": (False, True),
    "people.end_session": (False, True),
    "people.choose_project": (False, True),
    "provider_sign_in.link_person": (True, False),
    "provider_sign_in.sign_in_browser": (False, True),
    "provider_sign_in.sign_in_terminal": (False, True),  # command line: login, over HTTP
    "prune.prune": (True, False),
    "rotate_signing_key.add_key": (True, False),  # where the key is
    "rotate_signing_key.use_newest_key": (True, False),
    "rotate_signing_key.retire_old_keys": (True, False),
    "second_person.confirm_change": (True, True),
    "show_stats.show_stats": (True, False),  # HTTP: /metrics, and /statistics of one project
}
CONSOLE: dict[str, str] = {
    # act that is reached over HTTP: what the console asks for, in its source
    "start_run.start_run": "/runs`, { context: parsed }",
    "run_acts.cancel_run": 'type Act = "cancel" | "retry" | "rerun" | "replay"',
    "run_acts.retry_run": 'type Act = "cancel" | "retry" | "rerun" | "replay"',
    "run_acts.rerun_run": 'type Act = "cancel" | "retry" | "rerun" | "replay"',
    "run_acts.replay_run": 'type Act = "cancel" | "retry" | "rerun" | "replay"',
    "run_acts.preview_rerun": "/rerun`, { node }",
    "run_report.run_report": "get<RunDetail>(",
    "run_artifacts.artifact_of_run": "/artifacts/${",
    "decide.decide_gate": "/decision`",
    "show_approval.show_approval": "get<ApprovalDetail>(",
    "deploy.archive_workflow": "/archive`",
    "workflow_text.save_workflow_text": "yaml: text",
    "workflow_text.rename_workflow": 'act: "rename" | "archive"',
    "workflow_text.save_draft": "/draft`",
    "workflow_text.discard_draft": 'request(draftAt, { method: "DELETE"',
    "compile_source.compile_source": 'post<Compiled>("compile"',
    "compile_source.complete_source": '"compile/complete"',
    "compile_source.offer_references": '"compile/offers"',
    "compile_source.show_connections": '"compile/connections"',
    "compile_source.dry_run_source": '"compile/dry-run"',
    "compile_source.explain_schedule": '"compile/schedule"',
    "counterfactual.replay_events": '"compile/past-events"',
    "events.explain_event": "/why`",
    "events.try_filter": '"events/try-filter"',
    "events.replay_dead_letter": 'what: "replay" | "discard"',
    "events.discard_dead_letter": 'what: "replay" | "discard"',
    "register_agent.register_files": '"agents/upload"',
    "register_agent.review_files": '"agents/review"',
    "show_agent.show_agent": "/history`",
    "remove_agent.remove_agent": 'request(`agents/${encodeURIComponent(name)}`, { method: "DELETE" })',
    "backfill.backfill": "/backfill`",
    "backfill.missed_times": "/missed`",
    "second_person.confirm_change": "/confirm`",
    "people.identify": '>("me")',
    "people.begin_session": 'post("session"',
    "people.end_session": 'request("session", { method: "DELETE" })',
    "people.choose_project": 'request("session", { method: "PATCH"',
    "provider_sign_in.sign_in_browser": '"sign-in/oidc"',
}
OTHER_PROGRAMS = {
    "register_agent.register_manifest",  # the console sends the code, and the platform makes the manifest
    "people.identify_session",  # the browser sends its cookie with each request
    "provider_sign_in.sign_in_terminal",
    "slack.approval_message",
    "slack.decide_by_press",
}
"""Over HTTP, and not for a person at the console."""
NO_ACTS = {
    "find_run",
    "edit_inputs",
    "deployment_names",
    "errors",
    "event",
    "form_answers",
    "known_workflows",
    "launcher",
    "project_queues",
    "routing",
    "show_metrics",
    "unreached_nodes",
}
"""Modules whose functions are parts of acts."""
PARTS = {
    "compile_source": {"fix_of"},
    "second_person": {"require_second_person"},
    "people": {"token_digest", "checked_roles", "add_person", "issue_token", "revoke_person"},
    "slack": {"identify_press", "project_of_press", "read_press"},
    "register_agent": {"lowered_actions", "read_folder", "program_in"},
    "agent_cases": {"read_cases", "run_case", "differences"},
    "run_acts": {"nodes_from", "cancel_in_prefect"},
    "deploy_review": {"renamed_files"},
    "run_detail": {"row"},
    "start_run": {"active_plan", "checked_context", "context_misfits", "typed_context", "typed_value"},
    "events": {"context_of", "nearest_miss", "trigger_problems"},
    "workflow_text": {"etag_of", "draft_etag_of"},
    "action_help": {"fields_of"},
    "prefect_page": {"prefect_page"},
}


def functions(path: Path) -> list[str]:
    body = ast.parse(path.read_text()).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [each.name for each in body if isinstance(each, kinds) and not each.name.startswith("_")]


def names_used(folder: str) -> set[tuple[str, str]]:
    """Module of `operations` and name, for each import in the folder."""
    found: set[tuple[str, str]] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("operations."):
                found |= {((node.module or "").removeprefix("operations."), alias.name) for alias in node.names}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                # `from operations import module`
                found.add((node.value.id, node.attr))
    return found


def acts() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "operations").glob("*.py"):
        if path.stem not in NO_ACTS:
            names = set(functions(path)) - PARTS.get(path.stem, set())
            found |= {f"{path.stem}.{name}" for name in names}
    return found


def test_every_act_is_listed() -> None:
    listed = set(ACTS)
    found = acts()
    assert listed - found == set(), "these are gone: take them out of the list"
    assert found - listed == set(), "say by which ways in these are reached"


@pytest.mark.parametrize(("folder", "place"), [("deployments", 0), ("api", 1)])
def test_an_act_is_reached_where_the_list_says_so(folder: str, place: int) -> None:
    used = names_used(folder)
    for act, ways in ACTS.items():
        module, _, name = act.partition(".")
        if ways[place]:
            assert (module, name) in used, f"{folder} does not reach {act}"


def test_the_console_reaches_every_act_that_a_person_may_do_there() -> None:
    over_http = {act for act, (_, http) in ACTS.items() if http}
    assert over_http == set(CONSOLE) | OTHER_PROGRAMS
    files = [each for each in (ROOT / "console" / "src").rglob("*.ts*") if each.name != "schema.ts"]
    source = " ".join(" ".join(each.read_text() for each in files).split())
    assert [act for act, asked in CONSOLE.items() if asked not in source] == []
