/** A run and its plan -> what the page shows of each node. */

import type { AgentRun, Approval, Json, NodeResult, RunDetail } from "../api/types";
import { isObject } from "../text/json";
import { between } from "../text/time";

export interface PlanStep {
  id: string;
  agent: string;
  action: string;
  dependsOn: string[];
  foreach: boolean;
  gated: boolean;
}

export interface NodeView extends PlanStep {
  status: string;
  reason: string | null;
  output: Json | undefined;
  attempts: AgentRun[];
  approvals: Approval[];
  items: NodeResult[];
}

/** Nodes of a plan or graph, in either spelling. */
export function stepsOf(nodes: unknown): PlanStep[] {
  if (!Array.isArray(nodes)) return [];
  return nodes.filter(isObject).map((node) => ({
    id: String(node.id ?? node.nodeId),
    agent: String(node.agent ?? node.agentName ?? ""),
    action: String(node.action ?? ""),
    dependsOn: stringsOf(node.dependsOn ?? node.depends_on),
    foreach: node.foreach !== null && node.foreach !== undefined && node.foreach !== false,
    gated: node.gate !== null && node.gate !== undefined && node.gate !== false,
  }));
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** All nodes, also those that have not started; without a plan, those that are on record. */
export function nodeViews(run: RunDetail, plan: PlanStep[]): NodeView[] {
  const results = new Map<string, NodeResult>();
  const items = new Map<string, NodeResult[]>();
  for (const result of run.nodes) {
    if (result.item === null || result.item === undefined) results.set(result.nodeId, result);
    else push(items, result.nodeId, result);
  }
  const attempts = new Map<string, AgentRun[]>();
  for (const agentRun of run.agentRuns) if (agentRun.nodeId) push(attempts, agentRun.nodeId, agentRun);
  const approvals = new Map<string, Approval[]>();
  for (const approval of run.approvals) push(approvals, approval.nodeId, approval);

  const known = new Set(plan.map((step) => step.id));
  const recorded = new Set([...results.keys(), ...attempts.keys(), ...approvals.keys()]);
  const steps: PlanStep[] = [
    ...plan,
    ...[...recorded]
      .filter((id) => !known.has(id))
      .map((id) => ({
        id,
        agent: attempts.get(id)?.[0]?.agentName ?? "",
        action: "",
        dependsOn: [],
        foreach: false,
        gated: approvals.has(id),
      })),
  ];
  return steps.map((step) => {
    const result = results.get(step.id);
    const tries = (attempts.get(step.id) ?? []).sort((a, b) => a.startedAt.localeCompare(b.startedAt));
    const asked = approvals.get(step.id) ?? [];
    return {
      ...step,
      status: statusOf(run, result, tries, asked),
      reason: result?.reason ?? tries.findLast((each) => each.error)?.error ?? null,
      output: result?.output,
      attempts: tries,
      approvals: asked,
      items: items.get(step.id) ?? [],
    };
  });
}

function statusOf(
  run: RunDetail,
  result: NodeResult | undefined,
  attempts: AgentRun[],
  approvals: Approval[],
): string {
  if (result && result.status !== "PENDING") return result.status;
  if (approvals.some((each) => each.status === "PENDING")) return "WAITING_APPROVAL";
  if (attempts.some((each) => each.finishedAt === null) && run.finishedAt === null) return "RUNNING";
  if (attempts.length > 0 && run.finishedAt !== null) return attempts.at(-1)?.status ?? "PENDING";
  return "PENDING";
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** The failed node that no other failure explains; the earliest of several. */
export function rootCause(nodes: NodeView[]): NodeView | null {
  const failed = nodes.filter((node) => node.status === "FAILED");
  const ids = new Set(failed.map((node) => node.id));
  const first = failed.filter((node) => !node.dependsOn.some((id) => ids.has(id)));
  const ended = (node: NodeView) => node.attempts.at(-1)?.finishedAt ?? "9";
  return (first.length ? first : failed).sort((a, b) => ended(a).localeCompare(ended(b)))[0] ?? null;
}

export interface Bar {
  key: string;
  label: string;
  tone: "green" | "yellow" | "blue" | "red" | "gray";
  words: string;
  /** Shares of the whole, 0 to 1. */
  from: number;
  length: number;
  ms: number;
}

/** Waits for approval and attempts on one axis from the run's start to its end, or now. */
export function timeline(run: RunDetail, now: number): Bar[] {
  const start = Date.parse(run.startedAt);
  const ends = [
    ...run.agentRuns.map((each) => Date.parse(each.finishedAt ?? "") || now),
    ...run.approvals.map((each) => Date.parse(each.respondedAt ?? "") || 0),
  ];
  const end = run.finishedAt
    ? Math.max(Date.parse(run.finishedAt), ...ends.filter((each) => each < now))
    : now;
  const whole = Math.max(1, end - start);
  const bar = (
    key: string,
    label: string,
    tone: Bar["tone"],
    words: string,
    from: string,
    to: string | null,
  ): Bar => {
    const begun = Math.max(0, Date.parse(from) - start);
    const ms = Math.max(0, between(from, to, end));
    return { key, label, tone, words, from: begun / whole, length: Math.min(ms, whole - begun) / whole, ms };
  };
  const bars = [
    ...run.agentRuns.map((each) => {
      const tone: Bar["tone"] =
        each.status === "SUCCESS" ? "green" : each.finishedAt === null ? "yellow" : "red";
      const words = `attempt ${each.attempt}${each.item === null ? "" : `, item ${each.item}`}: ${each.status.toLowerCase()}`;
      return bar(each.id, each.nodeId ?? each.agentName, tone, words, each.startedAt, each.finishedAt);
    }),
    ...run.approvals.map((each) =>
      bar(each.id, each.nodeId, "blue", "wait for a decision", each.requestedAt, each.respondedAt),
    ),
  ];
  return bars.sort((a, b) => a.from - b.from);
}
