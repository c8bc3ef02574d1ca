"""Risk and gates: what needs an approval, and who is trusted to go without."""

from __future__ import annotations

import re

from compiler.catalogue import RiskLevel
from compiler.checks.reporter import Reporter, node_path
from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.inference.bindings import ResolvedNode, ResolvedWorkflow
from compiler.language.spec import WorkflowSpec
from compiler.plan import ApprovalRule
from compiler.trigger_types.registry import MANUAL, trigger_name

_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?:([1-9][0-9]{0,4})")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


def trigger_names(spec: WorkflowSpec) -> list[str]:
    """The workflow's triggers as the policy names them."""
    return list(dict.fromkeys(trigger_name(trigger) for trigger in spec.trigger))


def risk_of(step: ResolvedNode) -> RiskLevel:
    """The highest of agent, action, and what the node adds to the agent's network and secrets."""
    if step.agent is None or step.action is None:
        return "AUTO"
    grades = {step.agent.risk, step.action.risk or step.agent.risk}
    if _added(step.spec.network, step.agent.network) or _added(step.spec.secrets, step.agent.secrets):
        return "APPROVAL_REQUIRED"
    return "APPROVAL_REQUIRED" if "APPROVAL_REQUIRED" in grades else "AUTO"


def _added(given: list[str] | None, asked: tuple[str, ...]) -> list[str]:
    return [name for name in given or [] if name not in asked]


def gate_of(workflow: ResolvedWorkflow, step: ResolvedNode) -> ApprovalRule | None:
    """The node's gate: asked for, or needed and not trusted away."""
    asked = step.spec.approval_required
    risky = risk_of(step) == "APPROVAL_REQUIRED"
    if asked is not True and not risky:
        return None
    policy = workflow.spec.approval_policy
    trusted = tuple(sorted(policy.trusted_triggers)) if policy and asked is False else ()
    rule = step.spec.approval
    if rule is None:
        return ApprovalRule(trusted_triggers=trusted)
    return ApprovalRule(
        approvers=tuple(sorted(rule.approvers)),
        quorum=rule.quorum,
        deadline_seconds=rule.deadline,
        on_expiry=rule.on_expiry,
        allow_self_approval=rule.allow_self_approval,
        allow_unverified=rule.allow_unverified,
        trusted_triggers=trusted,
    )


def check_risk(workflow: ResolvedWorkflow, reporter: Reporter) -> None:
    """CC801, CC802, CC804, CC805, CC806, CC807, CC903 and CC906."""
    _check_policy(workflow, reporter)
    for step in workflow.steps:
        _check_reach(step, reporter)
        _check_gate(workflow, step, reporter)


def _check_policy(workflow: ResolvedWorkflow, reporter: Reporter) -> None:
    policy = workflow.spec.approval_policy
    if policy is None:
        return
    known = {*trigger_names(workflow.spec), MANUAL.word}
    for index, name in enumerate(policy.trusted_triggers):
        if name not in known:
            message = f"the policy trusts {quoted(name)}, which is no trigger of this workflow"
            reporter.at(("approvalPolicy", "trustedTriggers", index), "CC807", message, did_you_mean(name, known))
    for index, name in enumerate(policy.approve_on_expiry):
        if name not in workflow.by_id:
            message = f"the policy names {quoted(name)}, which is no node of this workflow"
            hint = did_you_mean(name, workflow.by_id)
            reporter.at(("approvalPolicy", "approveOnExpiry", index), "CC807", message, hint)


def _check_reach(step: ResolvedNode, reporter: Reporter) -> None:
    for index, host in enumerate(step.spec.network or []):
        match = _HOST.fullmatch(host)
        path = node_path(step.position, "network", index)
        if match is None or int(match[1]) > 65535 or ".." in host:
            reporter.at(
                path, "CC805", f"{quoted(host)} is not a host and port", "write for example hooks.slack.com:443"
            )
        elif step.agent is not None and host not in step.agent.network:
            _more_reach(step, "network", index, host, reporter)
    for index, name in enumerate(step.spec.secrets or []):
        if not _SECRET.fullmatch(name):
            message = f"{quoted(name)} is not the name of a secret"
            hint = "give the name only, never the value: for example SLACK_TOKEN"
            reporter.at(node_path(step.position, "secrets", index), "CC806", message, hint)
        elif step.agent is not None and name not in step.agent.secrets:
            _more_reach(step, "secrets", index, name, reporter)


def _more_reach(step: ResolvedNode, key: str, index: int, name: str, reporter: Reporter) -> None:
    what = "host" if key == "network" else "secret"
    message = f"the agent {step.spec.agent!r} does not ask for the {what} {name!r}; the node now needs an approval"
    assert step.agent is not None
    asked = step.agent.network if key == "network" else step.agent.secrets
    hint = did_you_mean(name, asked) or "remove it if the agent can do without"
    reporter.at(node_path(step.position, key, index), "CC906", message, hint)


def _check_gate(workflow: ResolvedWorkflow, step: ResolvedNode, reporter: Reporter) -> None:
    node = step.spec
    risky = risk_of(step) == "APPROVAL_REQUIRED"
    policy = workflow.spec.approval_policy
    if risky and node.approval_required is False:
        trusted = set(policy.trusted_triggers) if policy else set[str]()
        names = trigger_names(workflow.spec) or [MANUAL.word]
        untrusted = [name for name in names if name not in trusted]
        if untrusted:
            message = (
                f"{node.agent}.{node.action} needs an approval, and `approvalRequired: false` takes it away"
                f" for runs started by {', '.join(map(repr, untrusted))}"
            )
            hint = "remove `approvalRequired: false`, or name the trigger under `approvalPolicy.trustedTriggers`"
            reporter.at(node_path(step.position, "approvalRequired"), "CC801", message, hint)
    if node.approval is not None:
        _check_rule(workflow, step, risky, reporter)


def _check_rule(workflow: ResolvedWorkflow, step: ResolvedNode, risky: bool, reporter: Reporter) -> None:
    rule, policy = step.spec.approval, workflow.spec.approval_policy
    assert rule is not None
    if not risky and step.spec.approval_required is not True and step.action is not None:
        message = f"`approval` has no effect: {step.spec.id!r} has no gate"
        reporter.at_key(node_path(step.position, "approval"), "CC903", message, "add `approvalRequired: true`")
    if rule.approvers and rule.quorum > len(rule.approvers):
        message = f"the quorum of {rule.quorum} cannot be reached with {len(rule.approvers)} approver(s)"
        reporter.at(
            node_path(step.position, "approval", "quorum"), "CC804", message, "name more approvers or lower it"
        )
    if rule.on_expiry == "approve" and (policy is None or step.spec.id not in policy.approve_on_expiry):
        hint = f"use `reject`, or add {step.spec.id!r} to `approvalPolicy.approveOnExpiry`"
        reporter.at(
            node_path(step.position, "approval", "onExpiry"),
            "CC802",
            "an expired deadline would approve by itself",
            hint,
        )
    if rule.on_expiry != "reject" and rule.deadline is None:
        message = "`onExpiry` has no effect without a `deadline`"
        reporter.at_key(node_path(step.position, "approval", "onExpiry"), "CC903", message, "add `deadline: 48h`")
