/**
 * What the API answers: `schema.ts`, which is made from its routes, and what that leaves open (cards, proposals and
 * JSON Schemas are objects of their own).
 */

import type * as api from "./schema";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The fields of `Known` replace those of the same name. */
type With<Made, Known> = Omit<Made, keyof Known> & Known;

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

export type Approval = With<api.ApprovalAnswer, { card: Card; proposal: Proposal | null }>;

export type AuditEntry = api.AuditAnswer;

export type ApprovalDetail = With<
  api.ApprovalDetail,
  {
    card: Card;
    proposal: Proposal | null;
    recommendation: Json;
    earlier: Approval[];
    successor: Approval | null;
    editable: Record<string, Schema>;
  }
>;

export type Decision = With<api.DecisionAnswer, { approval: Approval }>;

export type Run = api.RunAnswer;

export type NodeResult = With<api.NodeAnswer, { output: Json }>;

export type AgentRun = With<api.AgentRunAnswer, { inputs: Json; output: Json }>;

export type GraphNode = With<
  api.GraphNodeAnswer,
  { foreach: Json; inputs: Record<string, Json>; inputSchema: Schema; outputSchema: Schema }
>;

export type TimelineEntry = api.TimelineAnswer;

export type PlanGraph = With<api.PlanAnswer, { trigger: Json; nodes: GraphNode[] }>;

export type RunDetail = With<
  api.RunDetailResponse,
  {
    context: Record<string, Json>;
    outputs: Record<string, Json> | null;
    nodes: NodeResult[];
    agentRuns: AgentRun[];
    approvals: Approval[];
    graph: PlanGraph | null;
  }
>;

export type Workflow = With<api.WorkflowAnswer, { trigger: Json }>;

export type WorkflowDetail = With<
  api.WorkflowSourceDetail,
  { trigger: Json; plan: { nodes: Array<Record<string, Json>>; [key: string]: Json } | null }
>;

export type Diagnostic = api.FixableDiagnostic;

export type Compiled = With<api.CompileAnswer, { plan: PlanGraph | null }>;

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

export type DeadLetter = api.DeadLetterAnswer;

export type LogLine = api.LogLineAnswer;
