/** What the API answers. Fields that older servers do not send are optional. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Card {
  node?: string;
  agent?: string;
  agentType?: string;
  agentVersion?: string;
  action?: string;
  effect?: string | null;
  description?: string;
  risk?: string;
  inputs?: Json;
  bindings?: Record<string, string>;
  network?: string[];
  secrets?: string[];
  upstream?: Record<string, Json>;
  deadline?: string | null;
  digest?: string;
  tainted?: Json;
}

export interface Proposal {
  effect: string;
  summary?: string;
  diff?: string;
  message?: Json;
  request?: Json;
  digest?: string;
  facts?: Json;
  /** Of a node that runs once for each of several items. */
  items?: Proposal[];
}

export interface Approval {
  id: string;
  runId: string;
  nodeId: string;
  workflowName: string;
  status: "PENDING" | "APPROVED" | "REJECTED" | "EXPIRED" | string;
  digest: string;
  card: Card;
  cardText: string;
  requestedAt: string;
  deadline: string | null;
  respondedAt: string | null;
  respondedBy: string | null;
  verified: boolean;
  channel: string | null;
  notes: string | null;
  closedAs: string | null;
  proposal?: Proposal | null;
}

export interface AuditEntry {
  event: string;
  by: string | null;
  verified: boolean;
  channel: string | null;
  digest: string | null;
  notes: string | null;
  at: string;
}

export interface ApprovalDetail extends Approval {
  audit: AuditEntry[];
  votes?: Array<string | { by?: string; name?: string }>;
  quorum?: number;
  tainted?: Json;
  recommendation?: Json;
}

export interface Decision {
  approval: Approval;
  applied: boolean;
  votes: string[];
  quorum: number;
  reason: string;
  run: string;
}

export interface Run {
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
  outputs?: Json;
}

export interface NodeResult {
  nodeId: string;
  item: number | null;
  status: string;
  output: Json;
  reason: string | null;
  attempt: number;
}

export interface AgentRun {
  id: string;
  agentName: string;
  nodeId: string | null;
  item: number | null;
  attempt: number;
  status: string;
  inputs: Json;
  output: Json;
  error: string | null;
  startedAt: string;
  finishedAt: string | null;
  durationMs: number | null;
  artifacts: string[];
}

export interface GraphNode {
  id: string;
  agent: string;
  action: string;
  dependsOn: string[];
  risk?: string;
  gate?: Json;
  when?: Json;
  foreach?: Json;
  effect?: string | null;
  inputs?: Record<string, Json>;
  inputSchema?: Schema;
  outputSchema?: Schema;
  secrets?: string[];
  tainted?: Json;
}

export interface TimelineEntry {
  kind: string;
  nodeId?: string | null;
  attempt?: number | null;
  item?: number | null;
  startedAt: string;
  finishedAt?: string | null;
  status?: string;
}

export interface RunDetail extends Run {
  context: Record<string, Json>;
  nodes: NodeResult[];
  agentRuns: AgentRun[];
  approvals: Approval[];
  graph?: { nodes: Array<Partial<GraphNode> & { id: string }>; edges?: Json };
  timeline?: TimelineEntry[];
  rootCause?: { nodeId?: string; message?: string; error?: string } | null;
}

export interface Workflow {
  id: string;
  name: string;
  description: string;
  status: string;
  trigger: Json;
  planDigest: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface WorkflowDetail extends Workflow {
  plan: { nodes: Array<Record<string, Json>>; [key: string]: Json } | null;
  source?: string | null;
}

export interface Diagnostic {
  code: string;
  severity: string;
  message: string;
  hint?: string;
  fix?: { title: string; text: string } | null;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

export interface Compiled {
  diagnostics: Diagnostic[];
  plan: {
    name: string;
    digest: string;
    trigger?: Json;
    nodes: GraphNode[];
    edges?: Array<{ from: string; to: string; type?: string | null }>;
    order?: string[];
  } | null;
  changes?: Array<{ message: string; dangerous: boolean }>;
  gateProof?: Array<{ node: string; holds: boolean; paths: number }>;
}

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: Json[];
  const?: Json;
  default?: Json;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  minimum?: number;
  maximum?: number;
  format?: string;
}

export interface Action {
  description?: string;
  risk?: string;
  effect?: string | null;
  inputSchema?: Schema;
  outputSchema?: Schema;
}

export interface Agent {
  name: string;
  type: string;
  version: string;
  description?: string;
  risk?: string;
  network?: string[];
  secrets?: string[];
  actions: Record<string, Action>;
}

export interface DeadLetter {
  id: string;
  subject: string;
  reason: string;
  deliveries: number;
  createdAt: string;
  payload: string;
}

export interface LogLine {
  at?: string;
  nodeId?: string | null;
  attempt?: number | null;
  level?: string;
  message: string;
}
