/** What pages show, by query. The first word of a key is the topic under which the stream announces changes. */

import { useQuery } from "@tanstack/react-query";
import { isObject } from "../text/json";
import { get, request } from "./client";
import type { Action, Agent, Approval, ApprovalDetail, Run, RunDetail, Workflow } from "./types";

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
      const all = await get<Approval[]>("approvals", { limit: 200 }, signal);
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
    queryFn: async ({ signal }) => (await get<unknown[]>("agents", undefined, signal)).map(agentOf),
  });
}

/** A manifest in either spelling (`input_schema`, `inputSchema`; a list of actions, or one by name). */
export function agentOf(manifest: unknown): Agent {
  const given = isObject(manifest) && isObject(manifest.manifest) ? manifest.manifest : manifest;
  const all = isObject(given) ? given : {};
  const actions: Record<string, Action> = {};
  const listed: Array<[string, unknown]> = Array.isArray(all.actions)
    ? all.actions.map((each: unknown) => [isObject(each) ? String(each.name) : "", each])
    : Object.entries(isObject(all.actions) ? all.actions : {});
  for (const [name, value] of listed) {
    if (!isObject(value)) continue;
    actions[name] = {
      description: typeof value.description === "string" ? value.description : "",
      risk: (value.risk ?? all.risk) as string | undefined,
      effect: (value.effect ?? null) as string | null,
      inputSchema: (value.inputSchema ?? value.input_schema ?? {}) as Action["inputSchema"],
      outputSchema: (value.outputSchema ?? value.output_schema ?? {}) as Action["outputSchema"],
    };
  }
  return { ...(all as unknown as Agent), actions };
}
