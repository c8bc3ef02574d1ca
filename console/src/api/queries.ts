/** What pages show, by query. The first word of a key is the topic under which the stream announces changes. */

import { useQuery } from "@tanstack/react-query";
import { get, request } from "./client";
import type { AgentAnswer } from "./schema";
import type { Action, Agent, Approval, ApprovalDetail, Run, RunDetail, Schema, Workflow } from "./types";

export function usePending() {
  return useQuery({
    queryKey: ["approvals", "PENDING"],
    queryFn: ({ signal }) => get<Approval[]>("approvals", { status: "PENDING", limit: 500 }, signal),
  });
}

export function useDecided() {
  return useQuery({
    queryKey: ["approvals", "decided"],
    queryFn: async ({ signal }) => {
      const all = await get<Approval[]>("approvals", { limit: 200, order: "newest" }, signal);
      return all
        .filter((each) => each.status !== "PENDING")
        .sort((a, b) => String(b.respondedAt ?? b.requestedAt).localeCompare(a.respondedAt ?? a.requestedAt));
    },
  });
}

export function useApproval(id: string) {
  return useQuery({
    queryKey: ["approval", id],
    queryFn: ({ signal }) => get<ApprovalDetail>(`approvals/${encodeURIComponent(id)}`, undefined, signal),
  });
}

export interface RunPage {
  runs: Run[];
  next: string | null;
}

export async function fetchRuns(
  query: Record<string, string | number | undefined>,
  signal?: AbortSignal,
): Promise<RunPage> {
  const { body, headers } = await request<Run[]>("runs", { query, signal });
  return { runs: body, next: headers.get("x-next-cursor") };
}

export function useRun(id: string) {
  return useQuery({
    queryKey: ["run", id],
    queryFn: ({ signal }) => get<RunDetail>(`runs/${encodeURIComponent(id)}`, undefined, signal),
  });
}

export function useWorkflows() {
  return useQuery({
    queryKey: ["workflows"],
    queryFn: ({ signal }) => get<Workflow[]>("workflows", undefined, signal),
  });
}

export function useAgents() {
  return useQuery({
    queryKey: ["agents"],
    staleTime: 30_000,
    queryFn: async ({ signal }) => (await get<AgentAnswer[]>("agents", undefined, signal)).map(agentOf),
  });
}

/** A manifest with its actions by name. */
export function agentOf(manifest: AgentAnswer): Agent {
  const actions: Record<string, Action> = {};
  for (const each of manifest.actions) {
    actions[each.name] = {
      description: each.description,
      risk: each.risk ?? manifest.risk,
      effect: each.effect,
      inputSchema: each.inputSchema as Schema,
      outputSchema: each.outputSchema as Schema,
    };
  }
  return { ...manifest, actions };
}
