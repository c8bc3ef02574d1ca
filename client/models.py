"""What the API takes and answers, as dictionaries with types.

Made from the API's routes by `python -m api.clients`; a test fails where it is not what they say.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class ActAnswer(TypedDict):
    """What became of an act on a run."""

    id: str
    runId: str | None
    flowRunId: str | None
    message: str
    nodes: list[str]


class ActionAnswer(TypedDict):
    """One thing that an agent can do."""

    name: str
    description: str
    risk: str | None
    effect: str | None
    inputSchema: dict[str, Any]
    outputSchema: dict[str, Any]
    resultSchema: dict[str, Any] | None


class AgentAnswer(TypedDict):
    """The manifest of an agent."""

    name: str
    type: str
    version: str
    risk: str
    description: str
    network: list[str]
    secrets: list[str]
    settings: list[str]
    memoryMb: int
    timeoutSeconds: int
    entryPath: str
    codeDigest: str
    actions: list[ActionAnswer]


class AgentDurations(TypedDict):
    """Durations of one agent."""

    count: int
    failed: int
    p50: int | None
    p95: int | None
    agent: str


class AgentHistoryAnswer(TypedDict):
    """How an agent has run, and who uses it."""

    registeredAt: str
    updatedAt: str
    health: Literal["no runs yet", "well", "fails sometimes", "fails"]
    usedBy: list[str]
    versions: list[VersionUseAnswer]
    recent: list[AgentRunLineAnswer]


class AgentReviewAnswer(TypedDict):
    """What registering code would mean. Nothing was registered."""

    agent: AgentAnswer
    codeDigest: str
    replaces: str | None
    raised: list[str]
    lowered: list[str]
    secondPerson: str | None


class AgentRunAnswer(TypedDict):
    """One attempt of an agent."""

    id: str
    agentName: str
    nodeId: str | None
    item: int | None
    attempt: int
    status: str
    inputs: Any
    output: Any
    error: str | None
    startedAt: str
    finishedAt: str | None
    durationMs: int | None
    artifacts: list[str]
    failureKind: str | None
    exitCode: int | None
    limits: dict[str, str]
    deniedEgress: list[str]
    logTail: str
    memoryKb: int | None
    cpuMs: int | None
    modelUse: dict[str, float]


class AgentRunLineAnswer(TypedDict):
    """One attempt of an agent, without what it was given and gave."""

    id: str
    runId: str | None
    nodeId: str | None
    action: str | None
    version: str | None
    status: str
    failureKind: str | None
    startedAt: str
    durationMs: int | None


class ApprovalAnswer(TypedDict):
    """A gate's question and, once there is one, its answer."""

    id: str
    runId: str
    nodeId: str
    workflowName: str
    status: str
    digest: str
    card: dict[str, Any]
    requestedAt: str
    deadline: str | None
    respondedAt: str | None
    respondedBy: str | None
    verified: bool
    channel: str | None
    notes: str | None
    closedAs: str | None
    cardText: str
    proposal: dict[str, Any] | None


class ApprovalDetail(TypedDict):
    """An approval with what a person decides on."""

    id: str
    runId: str
    nodeId: str
    workflowName: str
    status: str
    digest: str
    card: dict[str, Any]
    requestedAt: str
    deadline: str | None
    respondedAt: str | None
    respondedBy: str | None
    verified: bool
    channel: str | None
    notes: str | None
    closedAs: str | None
    audit: list[AuditAnswer]
    votes: list[str]
    quorum: int
    approvers: list[str]
    allowSelfApproval: bool
    onExpiry: str
    tainted: list[TaintedInputAnswer]
    recommendation: Any
    edits: Any
    editable: dict[str, dict[str, Any]]
    objections: dict[str, str]
    superseded: bool
    earlier: list[ApprovalAnswer]
    successor: ApprovalAnswer | None
    cardText: str
    proposal: dict[str, Any] | None


class ApprovalRule(TypedDict):
    """Who may open a node's gate, and what happens when nobody does."""

    approvers: NotRequired[list[str]]
    quorum: NotRequired[int]
    deadline_seconds: NotRequired[int | None]
    on_expiry: NotRequired[Literal["reject", "escalate", "approve"]]
    allow_self_approval: NotRequired[bool]
    allow_unverified: NotRequired[bool]
    trusted_triggers: NotRequired[list[str]]


class ArtifactAnswer(TypedDict):
    """A file that an agent saved, without its bytes."""

    id: str
    name: str
    mediaType: str
    size: int
    sha256: str
    ref: str
    createdAt: str


class AuditAnswer(TypedDict):
    """One line of the audit."""

    event: str
    by: str | None
    verified: bool
    channel: str | None
    digest: str | None
    notes: str | None
    at: str


class BackfillAnswer(TypedDict):
    """Runs for past times."""

    started: dict[str, str]


class BackfillBody(TypedDict):
    """Past times of a schedule."""

    times: list[str]


class Call(TypedDict):
    """Another workflow that a node runs, in the version that it was checked against."""

    workflow: str
    plan: str


class CalledRun(TypedDict):
    """A run that a node called."""

    node: str | None
    runId: str
    workflowName: str
    status: str


class CancelBody(TypedDict):
    """Why a run is cancelled."""

    reason: NotRequired[str]


class ChangeAnswer(TypedDict):
    """One change in meaning."""

    kind: str
    workflow: str
    subject: str
    message: str
    dangerous: bool


class ChangeRequestAnswer(TypedDict):
    """A change that was asked for and not made yet."""

    id: str
    kind: str
    digest: str
    summary: str
    requestedBy: str
    requestedAt: str
    confirmedBy: str | None
    confirmedAt: str | None


class CompileAnswer(TypedDict):
    """What became of a text. Nothing was saved."""

    diagnostics: list[FixableDiagnostic]
    plan: PlanAnswer | None
    gateProof: list[ProofAnswer]
    changes: list[ChangeAnswer]


class CompletionAnswer(TypedDict):
    """One thing that may stand at the cursor."""

    label: str
    insert: str
    kind: Literal["keyword", "agent", "action", "input", "node", "value", "field", "filter"]
    detail: str


class Concurrency(TypedDict):
    """How many runs of the workflow (or of one key of it) go on at once."""

    limit: int
    key: NotRequired[str | None]
    on_conflict: NotRequired[Literal["queue", "skip", "cancel-older"]]


class ConnectionAnswer(TypedDict):
    """What an edge from one node to another could carry."""

    source: str
    target: str
    takes: dict[str, str]
    why: str
    possible: bool


class CounterfactualAnswer(TypedDict):
    """What a version would have done with recorded events. Nothing was started."""

    workflow: str
    planDigest: str
    since: str
    looked: int
    changed: int
    events: list[ReplayedEventAnswer]


class CoverageAnswer(TypedDict):
    """Which ways through the workflow the cases took."""

    covered: list[str]
    missed: list[str]


class CursorBody(TypedDict):
    """A workflow's YAML and where the cursor stands in it."""

    source: str
    line: int
    column: int


class DayCounts(TypedDict):
    """Numbers of one day (UTC)."""

    day: str
    counts: dict[str, int]
    total: int


class DeadLetterAnswer(TypedDict):
    """An event that started nothing, and why."""

    id: str
    subject: str
    reason: str
    deliveries: int
    createdAt: str
    payload: str
    settledAs: str | None
    settledBy: str | None
    settledAt: str | None


class DecisionAnswer(TypedDict):
    """What became of a decision."""

    approval: ApprovalAnswer
    applied: bool
    votes: list[str]
    quorum: int
    reason: str
    run: str


class DecisionBody(TypedDict):
    """A person's answer."""

    decision: Literal["approve", "reject"]
    notes: NotRequired[str | None]
    digest: str
    edits: NotRequired[dict[str, JsonValue] | None]


class DeviceAnswer(TypedDict):
    """What a terminal shows, and by what it asks."""

    handle: str
    userCode: str
    verificationUri: str
    verificationUriComplete: str | None
    expiresIn: int
    interval: float


class DeviceBody(TypedDict):
    """Which terminal asks."""

    handle: str


class DeviceTokenAnswer(TypedDict):
    """Nothing yet, or a token."""

    status: Literal["pending", "signed-in"]
    interval: float
    token: str | None
    name: str | None
    expiresAt: str | None


class DiagnosticAnswer(TypedDict):
    """One mistake in a workflow."""

    code: str
    severity: str
    message: str
    hint: str
    line: int
    column: int
    endLine: int
    endColumn: int


class DraftAnswer(TypedDict):
    """A text that somebody is writing."""

    name: str
    source: str
    baseETag: str | None
    updatedBy: str
    updatedAt: str


class DraftBody(TypedDict):
    """A text that is being written."""

    source: str
    baseETag: NotRequired[str | None]


class DryCaseAnswer(TypedDict):
    """One case, played."""

    name: str
    passed: bool
    failures: list[str]
    started: bool
    status: str | None
    trigger: str | None
    context: Any
    path: list[str]
    skipped: list[str]
    gates: list[str]
    nodes: list[DryNodeAnswer]
    outputs: Any


class DryNodeAnswer(TypedDict):
    """How a node ended in a dry run."""

    nodeId: str
    status: str
    inputs: Any
    output: Any
    error: str | None
    why: str
    gateAsked: bool


class DryRunAnswer(TypedDict):
    """All cases of one dry run."""

    workflow: str
    passed: bool
    cases: list[DryCaseAnswer]
    coverage: CoverageAnswer


class DryRunBody(TypedDict):
    """A workflow's YAML and what to play."""

    source: str
    context: NotRequired[dict[str, Any] | None]
    trigger: NotRequired[str | None]
    mocks: NotRequired[dict[str, dict[str, Any]]]
    approvals: NotRequired[dict[str, Literal["approve", "reject"]]]
    cases: NotRequired[str | None]


class DurationsAnswer(TypedDict):
    """How long something took, in milliseconds."""

    count: int
    failed: int
    p50: int | None
    p95: int | None


EdgeAnswer = TypedDict(
    "EdgeAnswer",
    {
        "from": "str",
        "to": "str",
        "kind": 'Literal["dependsOn", "onFailure"]',
        "type": "str | None",
        "flows": "list[FlowAnswer]",
    },
)


class EventAnswer(TypedDict):
    """A message that came in."""

    id: str
    subject: str
    receivedAt: str
    outcome: Literal["started", "matched nothing", "later", "dead letter"]
    workflows: list[str]
    looked: int


class EventDetail(TypedDict):
    """An event with its payload."""

    id: str
    subject: str
    receivedAt: str
    outcome: Literal["started", "matched nothing", "later", "dead letter"]
    workflows: list[str]
    looked: int
    payload: Any


class EventTrigger(TypedDict):
    """Starts the workflow for each matching NATS message."""

    kind: NotRequired[Literal["event"]]
    event: str
    filters: NotRequired[dict[str, JsonValue]]
    expression: NotRequired[str | None]


class FieldAnswer(TypedDict):
    """One filter against the event."""

    field: str
    wanted: Any
    present: bool
    found: Any
    accepted: bool


class FilterBody(TypedDict):
    """An event trigger, as in YAML."""

    event: str
    filters: NotRequired[dict[str, Any]]
    expression: NotRequired[str | None]
    limit: NotRequired[int]


class FixAnswer(TypedDict):
    """A replacement of exactly the range of its diagnostic."""

    title: str
    text: str


class FixableDiagnostic(TypedDict):
    """A diagnostic, with a replacement where one is known."""

    code: str
    severity: str
    message: str
    hint: str
    line: int
    column: int
    endLine: int
    endColumn: int
    fix: FixAnswer | None


class FlowAnswer(TypedDict):
    """What flows along an edge into one input."""

    input: str
    reference: str
    type: str


class Foreach(TypedDict):
    """Runs the node once for each item of a list."""

    items: JsonValue
    max_parallel: NotRequired[int]


class GateAnswer(TypedDict):
    """Who may open a gate."""

    policy: str
    approvers: list[str]
    quorum: int
    deadlineSeconds: int | None
    onExpiry: str
    allowSelfApproval: bool
    allowUnverified: bool
    trustedTriggers: list[str]


class GraphNodeAnswer(TypedDict):
    """A node of a plan."""

    id: str
    agent: str
    agentType: str
    agentVersion: str
    action: str
    description: str
    dependsOn: list[str]
    when: str | bool | None
    foreach: Any
    risk: str
    effect: str | None
    gate: GateAnswer | None
    inputs: dict[str, Any]
    inputSchema: dict[str, Any]
    outputSchema: dict[str, Any]
    secrets: list[str]
    network: list[str]
    onFailure: str
    handlerOnly: bool
    timeoutSeconds: int
    memoryMb: int
    retries: int
    tainted: list[TaintedAnswer]


class HealthAnswer(TypedDict):
    """Whether the API and what it rests on work."""

    status: Literal["ok", "unavailable"]
    database: str


JsonValue = Any


class LogLineAnswer(TypedDict):
    """One line that an agent wrote."""

    id: int
    at: str
    nodeId: str
    item: int | None
    attempt: int
    level: str
    message: str


class LogPage(TypedDict):
    """Lines in the order in which they were kept."""

    lines: list[LogLineAnswer]
    next: str
    ended: bool


class ManualTrigger(TypedDict):
    """Starts the workflow when a person or a program asks for it, with values of declared types."""

    kind: NotRequired[Literal["manual"]]
    context: NotRequired[dict[str, JsonValue] | None]


class MeAnswer(TypedDict):
    """Who is signed in."""

    name: str
    projectId: int
    role: Literal["viewer", "author", "operator", "approver", "admin"]
    roles: list[Literal["viewer", "author", "operator", "approver", "admin"]]
    may: list[str]
    projects: list[ProjectRoles]


class MissedTimeAnswer(TypedDict):
    """A time of a schedule that no run began for."""

    at: str
    cron: str


class NodeAnswer(TypedDict):
    """How a node of a run, or one item of it, ended."""

    nodeId: str
    item: int | None
    status: str
    output: Any
    reason: str | None
    attempt: int


class NodeBody(TypedDict):
    """A workflow's YAML and one of its nodes."""

    source: str
    node: str


class OfferAnswer(TypedDict):
    """One path that templates of a node may read."""

    reference: str
    type: str
    node: str | None
    refused: dict[str, str]
    refusedWithin: dict[str, str]


class OutcomeAnswer(TypedDict):
    """What a version did, or would do, with one event."""

    started: bool
    status: str | None
    nodes: list[str]
    gates: list[str]


class PastEventsBody(TypedDict):
    """A workflow's YAML and how far to look back."""

    source: str
    days: NotRequired[int]
    limit: NotRequired[int]


class Plan(TypedDict):
    """A checked workflow."""

    format: NotRequired[Literal[1]]
    name: str
    description: NotRequired[str]
    project_id: int
    status: NotRequired[Literal["ACTIVE", "DRAFT", "ARCHIVED"]]
    triggers: NotRequired[list[EventTrigger | ScheduleTrigger | ManualTrigger]]
    trigger_source: NotRequired[JsonValue]
    context_schema: NotRequired[dict[str, JsonValue] | None]
    trusted_triggers: NotRequired[list[str]]
    concurrency: NotRequired[Concurrency | None]
    nodes: list[PlanNode]
    outputs: NotRequired[dict[str, JsonValue]]
    output_schema: NotRequired[dict[str, JsonValue] | None]


class PlanAnswer(TypedDict):
    """A checked workflow as a graph."""

    name: str
    digest: str
    description: str
    status: str
    trigger: Any
    concurrency: Any
    outputs: dict[str, Any]
    nodes: list[GraphNodeAnswer]
    edges: list[EdgeAnswer]
    order: list[str]


class PlanNode(TypedDict):
    """One node of the workflow, with all that its execution depends on."""

    id: str
    agent: str
    agent_type: Literal["LLM", "RULE", "API", "SCRIPT"]
    agent_version: str
    agent_digest: NotRequired[str]
    entry_path: str
    action: str
    description: NotRequired[str]
    effect: NotRequired[
        Literal["publish-branch", "open-pull-request", "send-mail", "send-chat", "call-webhook", "write-artifact"]
        | None
    ]
    risk: Literal["AUTO", "APPROVAL_REQUIRED"]
    inputs: dict[str, JsonValue]
    input_schema: dict[str, JsonValue]
    output_schema: dict[str, JsonValue]
    result_schema: NotRequired[dict[str, JsonValue] | None]
    depends_on: NotRequired[list[str]]
    gate: NotRequired[ApprovalRule | None]
    when: NotRequired[str | bool | None]
    foreach: NotRequired[Foreach | None]
    retries: NotRequired[Retries]
    timeout_seconds: NotRequired[int]
    memory_mb: NotRequired[int]
    network: NotRequired[list[str]]
    secrets: NotRequired[list[str]]
    required_secrets: NotRequired[list[str]]
    settings: NotRequired[list[str]]
    on_failure: NotRequired[str]
    handler_only: NotRequired[bool]
    calls: NotRequired[Call | None]


class Problem(TypedDict):
    """Why a request was not served (RFC 9457, `application/problem+json`). Some have members of their own."""

    type: str
    title: str
    status: int
    detail: str


class ProjectBody(TypedDict):
    """Another project to look at."""

    projectId: int


class ProjectRoles(TypedDict):
    """One project that is open to the person."""

    projectId: int
    role: Literal["viewer", "author", "operator", "approver", "admin"]
    roles: list[Literal["viewer", "author", "operator", "approver", "admin"]]


class ProofAnswer(TypedDict):
    """Whether every path to a risky action passes its gate."""

    node: str
    action: str
    holds: bool
    paths: int
    trusted: list[str]


class ProviderAnswer(TypedDict):
    """The provider as a page shows it."""

    label: str
    device: bool


class RegisterFilesBody(TypedDict):
    """An agent's folder, as it was reviewed."""

    files: dict[str, str]
    codeDigest: str


class RenameBody(TypedDict):
    """Another name."""

    name: str


class ReplayBody(TypedDict):
    """What the new run is given."""

    context: NotRequired[dict[str, Any] | None]


class ReplayedAnswer(TypedDict):
    """What a dead letter started."""

    started: dict[str, str]


class ReplayedEventAnswer(TypedDict):
    """One recorded event, then and now."""

    eventId: str
    subject: str
    receivedAt: str
    runId: str | None
    then: OutcomeAnswer
    now: OutcomeAnswer
    assumed: list[str]
    differences: list[str]


class RerunBody(TypedDict):
    """From where a run goes again."""

    node: str


class RerunPreviewAnswer(TypedDict):
    """What running again from a node would do."""

    nodes: list[str]
    unfinished: list[str]
    kept: list[str]
    gates: list[str]
    effects: list[str]


class Retries(TypedDict):
    """How often a node that failed for a passing reason is tried again."""

    max: NotRequired[int]
    backoff_seconds: NotRequired[float]
    jitter: NotRequired[float]


class ReviewAnswer(TypedDict):
    """What deploying a text would change."""

    diagnostics: list[FixableDiagnostic]
    changes: list[ChangeAnswer]
    agreementNeeded: bool
    waitingRuns: list[str]
    planDigest: str | None


class RootCauseAnswer(TypedDict):
    """The failure that no other failure explains."""

    nodeId: str
    message: str
    kind: str | None
    attempt: int | None
    logTail: str


class RunAnswer(TypedDict):
    """A run of a workflow."""

    id: str
    workflowName: str
    status: str
    message: str
    trigger: str
    triggeredBy: str | None
    startedAt: str
    finishedAt: str | None
    flowRunId: str | None
    planDigest: str | None


class RunDetailResponse(TypedDict):
    """A run with all that happened in it."""

    id: str
    workflowName: str
    status: str
    message: str
    trigger: str
    triggeredBy: str | None
    startedAt: str
    finishedAt: str | None
    flowRunId: str | None
    planDigest: str | None
    rootCause: RootCauseAnswer | None
    outputs: dict[str, Any] | None
    executedBy: dict[str, str]
    context: dict[str, Any]
    reopened: int
    graph: PlanAnswer | None
    states: dict[str, str]
    nodes: list[NodeAnswer]
    agentRuns: list[AgentRunAnswer]
    approvals: list[ApprovalAnswer]
    timeline: list[TimelineAnswer]
    artifacts: list[ArtifactAnswer]
    audit: list[AuditAnswer]
    parentRunId: str | None
    parentNode: str | None
    called: list[CalledRun]
    prefectUrl: str | None


class SavedAnswer(TypedDict):
    """A workflow that compiled and was saved."""

    id: str
    name: str
    planDigest: str
    deployed: bool
    warnings: list[DiagnosticAnswer]


class ScheduleAnswer(TypedDict):
    """A schedule, explained."""

    words: str
    next: list[str]
    timezone: str


class ScheduleBody(TypedDict):
    """A schedule."""

    cron: str
    timezone: NotRequired[str]


class ScheduleTrigger(TypedDict):
    """Starts the workflow at times given by cron."""

    kind: NotRequired[Literal["schedule"]]
    cron: str
    timezone: NotRequired[str]
    missed: NotRequired[Literal["skip", "once", "all"]]


class SessionBody(TypedDict):
    """What a browser signs in with."""

    token: str
    projectId: NotRequired[int | None]


class SlackAnswer(TypedDict):
    """What the person is told; nobody else sees it."""

    responseType: str
    replaceOriginal: bool
    text: str


class SourceBody(TypedDict):
    """A workflow's YAML."""

    source: str


class StartBody(TypedDict):
    """What a new run is given."""

    context: NotRequired[dict[str, Any]]


class StartedAnswer(TypedDict):
    """A run that was asked for."""

    flowRunId: str
    workflow: str
    planDigest: str


class StatisticsAnswer(TypedDict):
    """Figures since a moment."""

    since: str
    days: int
    runs: list[DayCounts]
    agents: list[AgentDurations]
    approvals: DurationsAnswer
    pendingApprovals: int
    events: list[DayCounts]


class TaintedAnswer(TypedDict):
    """An input that text from outside may reach."""

    input: str
    source: str


class TaintedInputAnswer(TypedDict):
    """An input that text from outside may reach."""

    input: str
    source: str


class TimelineAnswer(TypedDict):
    """A stretch of time of a run."""

    kind: Literal["run", "queue", "approval", "attempt"]
    nodeId: str | None
    item: int | None
    attempt: int | None
    startedAt: str
    finishedAt: str | None
    status: str


class TriedAnswer(TypedDict):
    """A filter against recorded events."""

    tried: int
    matched: int
    events: list[TriedEvent]
    problems: list[str]


class TriedEvent(TypedDict):
    """One recorded event against the trigger."""

    id: str
    subject: str
    receivedAt: str
    match: TriggerAnswer


class TriggerAnswer(TypedDict):
    """One trigger against the event."""

    event: str
    subjectMatches: bool
    fields: list[FieldAnswer]
    expression: str | None
    expressionHolds: bool | None
    expressionError: str | None
    matched: bool


class UploadBody(TypedDict):
    """An agent's folder."""

    files: dict[str, str]


class VersionAnswer(TypedDict):
    """A version of a workflow, without its text."""

    number: int
    planDigest: str
    savedBy: str | None
    savedAt: str
    hasSource: bool


class VersionDetail(TypedDict):
    """A version with its text."""

    number: int
    planDigest: str
    savedBy: str | None
    savedAt: str
    hasSource: bool
    source: str | None


class VersionUseAnswer(TypedDict):
    """One version of an agent, as far as it has run."""

    version: str | None
    runs: int
    failed: int
    firstAt: str
    lastAt: str


class WaysAnswer(TypedDict):
    """How one can sign in, besides by a token."""

    provider: ProviderAnswer | None


class WhyAnswer(TypedDict):
    """Why an event started what it did."""

    id: str
    subject: str
    receivedAt: str
    outcome: Literal["started", "matched nothing", "later", "dead letter"]
    workflows: list[str]
    looked: int
    payload: Any
    fault: str | None
    matches: list[WorkflowMatchAnswer]


class WorkflowAnswer(TypedDict):
    """A deployed workflow."""

    id: str
    name: str
    description: str
    status: str
    trigger: Any
    planDigest: str | None
    createdAt: str
    updatedAt: str


class WorkflowMatchAnswer(TypedDict):
    """One workflow that was, or was not, looked at."""

    workflow: str
    planDigest: str | None
    status: str
    matched: bool
    reason: str
    triggers: list[TriggerAnswer]
    flowRunId: str | None
    runId: str | None
    error: str | None


class WorkflowSourceDetail(TypedDict):
    """A deployed workflow with its plan, its graph and its text."""

    id: str
    name: str
    description: str
    status: str
    trigger: Any
    planDigest: str | None
    createdAt: str
    updatedAt: str
    plan: Plan | None
    source: str | None
    version: int | None
    graph: PlanAnswer | None
