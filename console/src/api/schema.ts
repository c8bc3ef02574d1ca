// Made from the API's routes by `python -m api.clients`; a test fails where it is not what they say.

/** What became of an act on a run. */
export interface ActAnswer {
  id: string;
  runId: string | null;
  flowRunId: string | null;
  message: string;
  nodes: Array<string>;
}

/** One thing that an agent can do. */
export interface ActionAnswer {
  name: string;
  description: string;
  risk: string | null;
  effect: string | null;
  inputSchema: Record<string, unknown>;
  outputSchema: Record<string, unknown>;
  resultSchema: Record<string, unknown> | null;
}

/** The manifest of an agent. */
export interface AgentAnswer {
  name: string;
  type: string;
  version: string;
  risk: string;
  description: string;
  network: Array<string>;
  secrets: Array<string>;
  settings: Array<string>;
  memoryMb: number;
  timeoutSeconds: number;
  entryPath: string;
  codeDigest: string;
  actions: Array<ActionAnswer>;
}

/** Durations of one agent. */
export interface AgentDurations {
  count: number;
  failed: number;
  p50: number | null;
  p95: number | null;
  agent: string;
}

/** How an agent has run, and who uses it. */
export interface AgentHistoryAnswer {
  registeredAt: string;
  updatedAt: string;
  health: "no runs yet" | "well" | "fails sometimes" | "fails";
  usedBy: Array<string>;
  versions: Array<VersionUseAnswer>;
  recent: Array<AgentRunLineAnswer>;
}

/** What registering code would mean. Nothing was registered. */
export interface AgentReviewAnswer {
  agent: AgentAnswer;
  codeDigest: string;
  replaces: string | null;
  raised: Array<string>;
  lowered: Array<string>;
  secondPerson: string | null;
}

/** One attempt of an agent. */
export interface AgentRunAnswer {
  id: string;
  agentName: string;
  nodeId: string | null;
  item: number | null;
  attempt: number;
  status: string;
  inputs: unknown;
  output: unknown;
  error: string | null;
  startedAt: string;
  finishedAt: string | null;
  durationMs: number | null;
  artifacts: Array<string>;
  failureKind: string | null;
  exitCode: number | null;
  limits: Record<string, string>;
  deniedEgress: Array<string>;
  logTail: string;
  memoryKb: number | null;
  cpuMs: number | null;
  modelUse: Record<string, number>;
}

/** One attempt of an agent, without what it was given and gave. */
export interface AgentRunLineAnswer {
  id: string;
  runId: string | null;
  nodeId: string | null;
  action: string | null;
  version: string | null;
  status: string;
  failureKind: string | null;
  startedAt: string;
  durationMs: number | null;
}

/** A gate's question and, once there is one, its answer. */
export interface ApprovalAnswer {
  id: string;
  runId: string;
  nodeId: string;
  workflowName: string;
  status: string;
  digest: string;
  card: Record<string, unknown>;
  requestedAt: string;
  deadline: string | null;
  respondedAt: string | null;
  respondedBy: string | null;
  verified: boolean;
  channel: string | null;
  notes: string | null;
  closedAs: string | null;
  cardText: string;
  proposal: Record<string, unknown> | null;
}

/** An approval with what a person decides on. */
export interface ApprovalDetail {
  id: string;
  runId: string;
  nodeId: string;
  workflowName: string;
  status: string;
  digest: string;
  card: Record<string, unknown>;
  requestedAt: string;
  deadline: string | null;
  respondedAt: string | null;
  respondedBy: string | null;
  verified: boolean;
  channel: string | null;
  notes: string | null;
  closedAs: string | null;
  audit: Array<AuditAnswer>;
  votes: Array<string>;
  quorum: number;
  approvers: Array<string>;
  allowSelfApproval: boolean;
  onExpiry: string;
  tainted: Array<TaintedInputAnswer>;
  recommendation: unknown;
  edits: unknown;
  editable: Record<string, Record<string, unknown>>;
  objections: Record<string, string>;
  superseded: boolean;
  earlier: Array<ApprovalAnswer>;
  successor: ApprovalAnswer | null;
  cardText: string;
  proposal: Record<string, unknown> | null;
}

/** Who may open a node's gate, and what happens when nobody does. */
export interface ApprovalRule {
  approvers?: Array<string>;
  quorum?: number;
  deadline_seconds?: number | null;
  on_expiry?: "reject" | "escalate" | "approve";
  allow_self_approval?: boolean;
  allow_unverified?: boolean;
  trusted_triggers?: Array<string>;
}

/** A file that an agent saved, without its bytes. */
export interface ArtifactAnswer {
  id: string;
  name: string;
  mediaType: string;
  size: number;
  sha256: string;
  ref: string;
  createdAt: string;
}

/** One line of the audit. */
export interface AuditAnswer {
  event: string;
  by: string | null;
  verified: boolean;
  channel: string | null;
  digest: string | null;
  notes: string | null;
  at: string;
}

/** Runs for past times. */
export interface BackfillAnswer {
  started: Record<string, string>;
}

/** Past times of a schedule. */
export interface BackfillBody {
  times: Array<string>;
}

/** Another workflow that a node runs, in the version that it was checked against. */
export interface Call {
  workflow: string;
  plan: string;
}

/** A run that a node called. */
export interface CalledRun {
  node: string | null;
  runId: string;
  workflowName: string;
  status: string;
}

/** Why a run is cancelled. */
export interface CancelBody {
  reason?: string;
}

/** One change in meaning. */
export interface ChangeAnswer {
  kind: string;
  workflow: string;
  subject: string;
  message: string;
  dangerous: boolean;
}

/** A change that was asked for and not made yet. */
export interface ChangeRequestAnswer {
  id: string;
  kind: string;
  digest: string;
  summary: string;
  requestedBy: string;
  requestedAt: string;
  confirmedBy: string | null;
  confirmedAt: string | null;
}

/** What became of a text. Nothing was saved. */
export interface CompileAnswer {
  diagnostics: Array<FixableDiagnostic>;
  plan: PlanAnswer | null;
  gateProof: Array<ProofAnswer>;
  changes: Array<ChangeAnswer>;
}

/** One thing that may stand at the cursor. */
export interface CompletionAnswer {
  label: string;
  insert: string;
  kind: "keyword" | "agent" | "action" | "input" | "node" | "value" | "field" | "filter";
  detail: string;
}

/** How many runs of the workflow (or of one key of it) go on at once. */
export interface Concurrency {
  limit: number;
  key?: string | null;
  on_conflict?: "queue" | "skip" | "cancel-older";
}

/** What an edge from one node to another could carry. */
export interface ConnectionAnswer {
  source: string;
  target: string;
  takes: Record<string, string>;
  why: string;
  possible: boolean;
}

/** What a version would have done with recorded events. Nothing was started. */
export interface CounterfactualAnswer {
  workflow: string;
  planDigest: string;
  since: string;
  looked: number;
  changed: number;
  events: Array<ReplayedEventAnswer>;
}

/** Which ways through the workflow the cases took. */
export interface CoverageAnswer {
  covered: Array<string>;
  missed: Array<string>;
}

/** A workflow's YAML and where the cursor stands in it. */
export interface CursorBody {
  source: string;
  line: number;
  column: number;
}

/** Numbers of one day (UTC). */
export interface DayCounts {
  day: string;
  counts: Record<string, number>;
  total: number;
}

/** An event that started nothing, and why. */
export interface DeadLetterAnswer {
  id: string;
  subject: string;
  reason: string;
  deliveries: number;
  createdAt: string;
  payload: string;
  settledAs: string | null;
  settledBy: string | null;
  settledAt: string | null;
}

/** What became of a decision. */
export interface DecisionAnswer {
  approval: ApprovalAnswer;
  applied: boolean;
  votes: Array<string>;
  quorum: number;
  reason: string;
  run: string;
}

/** A person's answer. */
export interface DecisionBody {
  decision: "approve" | "reject";
  notes?: string | null;
  digest: string;
  edits?: Record<string, JsonValue> | null;
}

/** What a terminal shows, and by what it asks. */
export interface DeviceAnswer {
  handle: string;
  userCode: string;
  verificationUri: string;
  verificationUriComplete: string | null;
  expiresIn: number;
  interval: number;
}

/** Which terminal asks. */
export interface DeviceBody {
  handle: string;
}

/** Nothing yet, or a token. */
export interface DeviceTokenAnswer {
  status: "pending" | "signed-in";
  interval: number;
  token: string | null;
  name: string | null;
  expiresAt: string | null;
}

/** One mistake in a workflow. */
export interface DiagnosticAnswer {
  code: string;
  severity: string;
  message: string;
  hint: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

/** A text that somebody is writing. */
export interface DraftAnswer {
  name: string;
  source: string;
  baseETag: string | null;
  updatedBy: string;
  updatedAt: string;
}

/** A text that is being written. */
export interface DraftBody {
  source: string;
  baseETag?: string | null;
}

/** One case, played. */
export interface DryCaseAnswer {
  name: string;
  passed: boolean;
  failures: Array<string>;
  started: boolean;
  status: string | null;
  trigger: string | null;
  context: unknown;
  path: Array<string>;
  skipped: Array<string>;
  gates: Array<string>;
  nodes: Array<DryNodeAnswer>;
  outputs: unknown;
}

/** How a node ended in a dry run. */
export interface DryNodeAnswer {
  nodeId: string;
  status: string;
  inputs: unknown;
  output: unknown;
  error: string | null;
  why: string;
  gateAsked: boolean;
}

/** All cases of one dry run. */
export interface DryRunAnswer {
  workflow: string;
  passed: boolean;
  cases: Array<DryCaseAnswer>;
  coverage: CoverageAnswer;
}

/** A workflow's YAML and what to play. */
export interface DryRunBody {
  source: string;
  context?: Record<string, unknown> | null;
  trigger?: string | null;
  mocks?: Record<string, Record<string, unknown>>;
  approvals?: Record<string, "approve" | "reject">;
  cases?: string | null;
}

/** How long something took, in milliseconds. */
export interface DurationsAnswer {
  count: number;
  failed: number;
  p50: number | null;
  p95: number | null;
}

/** One node runs after another. */
export interface EdgeAnswer {
  from: string;
  to: string;
  kind: "dependsOn" | "onFailure";
  type: string | null;
  flows: Array<FlowAnswer>;
}

/** A message that came in. */
export interface EventAnswer {
  id: string;
  subject: string;
  receivedAt: string;
  outcome: "started" | "matched nothing" | "later" | "dead letter";
  workflows: Array<string>;
  looked: number;
}

/** An event with its payload. */
export interface EventDetail {
  id: string;
  subject: string;
  receivedAt: string;
  outcome: "started" | "matched nothing" | "later" | "dead letter";
  workflows: Array<string>;
  looked: number;
  payload: unknown;
}

/** Starts the workflow for each matching NATS message. */
export interface EventTrigger {
  kind?: "event";
  event: string;
  filters?: Record<string, JsonValue>;
  expression?: string | null;
}

/** One filter against the event. */
export interface FieldAnswer {
  field: string;
  wanted: unknown;
  present: boolean;
  found: unknown;
  accepted: boolean;
}

/** An event trigger, as in YAML. */
export interface FilterBody {
  event: string;
  filters?: Record<string, unknown>;
  expression?: string | null;
  limit?: number;
}

/** A replacement of exactly the range of its diagnostic. */
export interface FixAnswer {
  title: string;
  text: string;
}

/** A diagnostic, with a replacement where one is known. */
export interface FixableDiagnostic {
  code: string;
  severity: string;
  message: string;
  hint: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  fix: FixAnswer | null;
}

/** What flows along an edge into one input. */
export interface FlowAnswer {
  input: string;
  reference: string;
  type: string;
}

/** Runs the node once for each item of a list. */
export interface Foreach {
  items: JsonValue;
  max_parallel?: number;
}

/** Who may open a gate. */
export interface GateAnswer {
  policy: string;
  approvers: Array<string>;
  quorum: number;
  deadlineSeconds: number | null;
  onExpiry: string;
  allowSelfApproval: boolean;
  allowUnverified: boolean;
  trustedTriggers: Array<string>;
}

/** A node of a plan. */
export interface GraphNodeAnswer {
  id: string;
  agent: string;
  agentType: string;
  agentVersion: string;
  action: string;
  description: string;
  dependsOn: Array<string>;
  when: string | boolean | null;
  foreach: unknown;
  risk: string;
  effect: string | null;
  gate: GateAnswer | null;
  inputs: Record<string, unknown>;
  inputSchema: Record<string, unknown>;
  outputSchema: Record<string, unknown>;
  secrets: Array<string>;
  network: Array<string>;
  onFailure: string;
  handlerOnly: boolean;
  timeoutSeconds: number;
  memoryMb: number;
  retries: number;
  tainted: Array<TaintedAnswer>;
}

/** Whether the API and what it rests on work. */
export interface HealthAnswer {
  status: "ok" | "unavailable";
  database: string;
}

export type JsonValue = unknown;

/** One line that an agent wrote. */
export interface LogLineAnswer {
  id: number;
  at: string;
  nodeId: string;
  item: number | null;
  attempt: number;
  level: string;
  message: string;
}

/** Lines in the order in which they were kept. */
export interface LogPage {
  lines: Array<LogLineAnswer>;
  next: string;
  ended: boolean;
}

/** Starts the workflow when a person or a program asks for it, with values of declared types. */
export interface ManualTrigger {
  kind?: "manual";
  context?: Record<string, JsonValue> | null;
}

/** Who is signed in. */
export interface MeAnswer {
  name: string;
  projectId: number;
  role: "viewer" | "author" | "operator" | "approver" | "admin";
  roles: Array<"viewer" | "author" | "operator" | "approver" | "admin">;
  may: Array<string>;
  projects: Array<ProjectRoles>;
}

/** A time of a schedule that no run began for. */
export interface MissedTimeAnswer {
  at: string;
  cron: string;
}

/** How a node of a run, or one item of it, ended. */
export interface NodeAnswer {
  nodeId: string;
  item: number | null;
  status: string;
  output: unknown;
  reason: string | null;
  attempt: number;
}

/** A workflow's YAML and one of its nodes. */
export interface NodeBody {
  source: string;
  node: string;
}

/** One path that templates of a node may read. */
export interface OfferAnswer {
  reference: string;
  type: string;
  node: string | null;
  refused: Record<string, string>;
  refusedWithin: Record<string, string>;
}

/** What a version did, or would do, with one event. */
export interface OutcomeAnswer {
  started: boolean;
  status: string | null;
  nodes: Array<string>;
  gates: Array<string>;
}

/** A workflow's YAML and how far to look back. */
export interface PastEventsBody {
  source: string;
  days?: number;
  limit?: number;
}

/** A checked workflow. */
export interface Plan {
  format?: 1;
  name: string;
  description?: string;
  project_id: number;
  status?: "ACTIVE" | "DRAFT" | "ARCHIVED";
  triggers?: Array<EventTrigger | ScheduleTrigger | ManualTrigger>;
  trigger_source?: JsonValue;
  context_schema?: Record<string, JsonValue> | null;
  trusted_triggers?: Array<string>;
  concurrency?: Concurrency | null;
  nodes: Array<PlanNode>;
  outputs?: Record<string, JsonValue>;
  output_schema?: Record<string, JsonValue> | null;
}

/** A checked workflow as a graph. */
export interface PlanAnswer {
  name: string;
  digest: string;
  description: string;
  status: string;
  trigger: unknown;
  concurrency: unknown;
  outputs: Record<string, unknown>;
  nodes: Array<GraphNodeAnswer>;
  edges: Array<EdgeAnswer>;
  order: Array<string>;
}

/** One node of the workflow, with all that its execution depends on. */
export interface PlanNode {
  id: string;
  agent: string;
  agent_type: "LLM" | "RULE" | "API" | "SCRIPT";
  agent_version: string;
  agent_digest?: string;
  entry_path: string;
  action: string;
  description?: string;
  effect?: "publish-branch" | "open-pull-request" | "send-mail" | "send-chat" | "call-webhook" | "write-artifact" | null;
  risk: "AUTO" | "APPROVAL_REQUIRED";
  inputs: Record<string, JsonValue>;
  input_schema: Record<string, JsonValue>;
  output_schema: Record<string, JsonValue>;
  result_schema?: Record<string, JsonValue> | null;
  depends_on?: Array<string>;
  gate?: ApprovalRule | null;
  when?: string | boolean | null;
  foreach?: Foreach | null;
  retries?: Retries;
  timeout_seconds?: number;
  memory_mb?: number;
  network?: Array<string>;
  secrets?: Array<string>;
  required_secrets?: Array<string>;
  settings?: Array<string>;
  on_failure?: string;
  handler_only?: boolean;
  calls?: Call | null;
}

/** Why a request was not served (RFC 9457, `application/problem+json`). Some have members of their own. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  [more: string]: unknown;
}

/** Another project to look at. */
export interface ProjectBody {
  projectId: number;
}

/** One project that is open to the person. */
export interface ProjectRoles {
  projectId: number;
  role: "viewer" | "author" | "operator" | "approver" | "admin";
  roles: Array<"viewer" | "author" | "operator" | "approver" | "admin">;
}

/** Whether every path to a risky action passes its gate. */
export interface ProofAnswer {
  node: string;
  action: string;
  holds: boolean;
  paths: number;
  trusted: Array<string>;
}

/** The provider as a page shows it. */
export interface ProviderAnswer {
  label: string;
  device: boolean;
}

/** An agent's folder, as it was reviewed. */
export interface RegisterFilesBody {
  files: Record<string, string>;
  codeDigest: string;
}

/** Another name. */
export interface RenameBody {
  name: string;
}

/** What the new run is given. */
export interface ReplayBody {
  context?: Record<string, unknown> | null;
}

/** What a dead letter started. */
export interface ReplayedAnswer {
  started: Record<string, string>;
}

/** One recorded event, then and now. */
export interface ReplayedEventAnswer {
  eventId: string;
  subject: string;
  receivedAt: string;
  runId: string | null;
  then: OutcomeAnswer;
  now: OutcomeAnswer;
  assumed: Array<string>;
  differences: Array<string>;
}

/** From where a run goes again. */
export interface RerunBody {
  node: string;
}

/** What running again from a node would do. */
export interface RerunPreviewAnswer {
  nodes: Array<string>;
  unfinished: Array<string>;
  kept: Array<string>;
  gates: Array<string>;
  effects: Array<string>;
}

/** How often a node that failed for a passing reason is tried again. */
export interface Retries {
  max?: number;
  backoff_seconds?: number;
  jitter?: number;
}

/** What deploying a text would change. */
export interface ReviewAnswer {
  diagnostics: Array<FixableDiagnostic>;
  changes: Array<ChangeAnswer>;
  agreementNeeded: boolean;
  waitingRuns: Array<string>;
  planDigest: string | null;
}

/** The failure that no other failure explains. */
export interface RootCauseAnswer {
  nodeId: string;
  message: string;
  kind: string | null;
  attempt: number | null;
  logTail: string;
}

/** A run of a workflow. */
export interface RunAnswer {
  id: string;
  workflowName: string;
  status: string;
  message: string;
  trigger: string;
  triggeredBy: string | null;
  startedAt: string;
  finishedAt: string | null;
  flowRunId: string | null;
  planDigest: string | null;
}

/** A run with all that happened in it. */
export interface RunDetailResponse {
  id: string;
  workflowName: string;
  status: string;
  message: string;
  trigger: string;
  triggeredBy: string | null;
  startedAt: string;
  finishedAt: string | null;
  flowRunId: string | null;
  planDigest: string | null;
  rootCause: RootCauseAnswer | null;
  outputs: Record<string, unknown> | null;
  executedBy: Record<string, string>;
  context: Record<string, unknown>;
  reopened: number;
  graph: PlanAnswer | null;
  states: Record<string, string>;
  nodes: Array<NodeAnswer>;
  agentRuns: Array<AgentRunAnswer>;
  approvals: Array<ApprovalAnswer>;
  timeline: Array<TimelineAnswer>;
  artifacts: Array<ArtifactAnswer>;
  audit: Array<AuditAnswer>;
  parentRunId: string | null;
  parentNode: string | null;
  called: Array<CalledRun>;
  prefectUrl: string | null;
}

/** A workflow that compiled and was saved. */
export interface SavedAnswer {
  id: string;
  name: string;
  planDigest: string;
  deployed: boolean;
  warnings: Array<DiagnosticAnswer>;
}

/** A schedule, explained. */
export interface ScheduleAnswer {
  words: string;
  next: Array<string>;
  timezone: string;
}

/** A schedule. */
export interface ScheduleBody {
  cron: string;
  timezone?: string;
}

/** Starts the workflow at times given by cron. */
export interface ScheduleTrigger {
  kind?: "schedule";
  cron: string;
  timezone?: string;
  missed?: "skip" | "once" | "all";
}

/** What a browser signs in with. */
export interface SessionBody {
  token: string;
  projectId?: number | null;
}

/** What the person is told; nobody else sees it. */
export interface SlackAnswer {
  responseType: string;
  replaceOriginal: boolean;
  text: string;
}

/** A workflow's YAML. */
export interface SourceBody {
  source: string;
}

/** What a new run is given. */
export interface StartBody {
  context?: Record<string, unknown>;
}

/** A run that was asked for. */
export interface StartedAnswer {
  flowRunId: string;
  workflow: string;
  planDigest: string;
}

/** Figures since a moment. */
export interface StatisticsAnswer {
  since: string;
  days: number;
  runs: Array<DayCounts>;
  agents: Array<AgentDurations>;
  approvals: DurationsAnswer;
  pendingApprovals: number;
  events: Array<DayCounts>;
}

/** An input that text from outside may reach. */
export interface TaintedAnswer {
  input: string;
  source: string;
}

/** An input that text from outside may reach. */
export interface TaintedInputAnswer {
  input: string;
  source: string;
}

/** A stretch of time of a run. */
export interface TimelineAnswer {
  kind: "run" | "queue" | "approval" | "attempt";
  nodeId: string | null;
  item: number | null;
  attempt: number | null;
  startedAt: string;
  finishedAt: string | null;
  status: string;
}

/** A filter against recorded events. */
export interface TriedAnswer {
  tried: number;
  matched: number;
  events: Array<TriedEvent>;
  problems: Array<string>;
}

/** One recorded event against the trigger. */
export interface TriedEvent {
  id: string;
  subject: string;
  receivedAt: string;
  match: TriggerAnswer;
}

/** One trigger against the event. */
export interface TriggerAnswer {
  event: string;
  subjectMatches: boolean;
  fields: Array<FieldAnswer>;
  expression: string | null;
  expressionHolds: boolean | null;
  expressionError: string | null;
  matched: boolean;
}

/** An agent's folder. */
export interface UploadBody {
  files: Record<string, string>;
}

/** A version of a workflow, without its text. */
export interface VersionAnswer {
  number: number;
  planDigest: string;
  savedBy: string | null;
  savedAt: string;
  hasSource: boolean;
}

/** A version with its text. */
export interface VersionDetail {
  number: number;
  planDigest: string;
  savedBy: string | null;
  savedAt: string;
  hasSource: boolean;
  source: string | null;
}

/** One version of an agent, as far as it has run. */
export interface VersionUseAnswer {
  version: string | null;
  runs: number;
  failed: number;
  firstAt: string;
  lastAt: string;
}

/** How one can sign in, besides by a token. */
export interface WaysAnswer {
  provider: ProviderAnswer | null;
}

/** Why an event started what it did. */
export interface WhyAnswer {
  id: string;
  subject: string;
  receivedAt: string;
  outcome: "started" | "matched nothing" | "later" | "dead letter";
  workflows: Array<string>;
  looked: number;
  payload: unknown;
  fault: string | null;
  matches: Array<WorkflowMatchAnswer>;
}

/** A deployed workflow. */
export interface WorkflowAnswer {
  id: string;
  name: string;
  description: string;
  status: string;
  trigger: unknown;
  planDigest: string | null;
  createdAt: string;
  updatedAt: string;
}

/** One workflow that was, or was not, looked at. */
export interface WorkflowMatchAnswer {
  workflow: string;
  planDigest: string | null;
  status: string;
  matched: boolean;
  reason: string;
  triggers: Array<TriggerAnswer>;
  flowRunId: string | null;
  runId: string | null;
  error: string | null;
}

/** A deployed workflow with its plan, its graph and its text. */
export interface WorkflowSourceDetail {
  id: string;
  name: string;
  description: string;
  status: string;
  trigger: unknown;
  planDigest: string | null;
  createdAt: string;
  updatedAt: string;
  plan: Plan | null;
  source: string | null;
  version: number | null;
  graph: PlanAnswer | null;
}
