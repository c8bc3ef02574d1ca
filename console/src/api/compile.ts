/** The compiler over HTTP. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ApiError, post } from "./client";
import type {
  CompletionAnswer,
  ConnectionAnswer,
  CounterfactualAnswer,
  DryRunAnswer,
  OfferAnswer,
} from "./schema";
import type { Compiled } from "./types";

export function useDebounced<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

/** What the compiler says of the text, a moment after it was changed. `current`: it is about this very text. */
export function useCompiled(text: string) {
  const source = useDebounced(text, 350);
  const compiled = useQuery({
    queryKey: ["compile", source],
    queryFn: () => post<Compiled>("compile", { source }),
    placeholderData: (before) => before,
    staleTime: 30_000,
    gcTime: 60_000,
    retry: false,
  });
  const absent = compiled.error instanceof ApiError && [404, 405].includes(compiled.error.status);
  return { ...compiled, absent, current: source === text && !compiled.isFetching };
}

export function complete(source: string, line: number, column: number): Promise<CompletionAnswer[]> {
  return post<CompletionAnswer[]>("compile/complete", { source, line, column });
}

/** What the inputs of a node may take, a moment after the text was changed. */
export function useOffers(text: string, node: string): OfferAnswer[] {
  const source = useDebounced(text, 350);
  const offers = useQuery({
    queryKey: ["offers", source, node],
    queryFn: () => post<OfferAnswer[]>("compile/offers", { source, node }),
    placeholderData: (before) => before,
    staleTime: 30_000,
    gcTime: 60_000,
    retry: false,
  });
  return offers.data ?? [];
}

/** What edges of the node could carry, a moment after the text was changed; null while that is not known. */
export function useConnections(text: string, node: string | null): ConnectionAnswer[] | null {
  const source = useDebounced(text, 350);
  const found = useQuery({
    queryKey: ["connections", source, node],
    queryFn: () => post<ConnectionAnswer[]>("compile/connections", { source, node }),
    enabled: node !== null,
    staleTime: 30_000,
    gcTime: 60_000,
    retry: false,
  });
  return (node !== null && found.data) || null;
}

export interface DryRun {
  /** Node -> status, as on a run's page: of several cases, the furthest that it came in any. */
  statuses: Record<string, string>;
  /** Node -> in how many cases it ran. */
  ran: Record<string, number>;
  answer: DryRunAnswer;
}

/** Plays one context, or the cases of a test file's text. */
export async function dryRun(source: string, context: unknown, cases: string | null): Promise<DryRun> {
  const answer = await post<DryRunAnswer>("compile/dry-run", { source, context, cases });
  const statuses: Record<string, string> = {};
  const ran: Record<string, number> = {};
  for (const each of answer.cases) {
    for (const node of each.nodes) {
      const before = statuses[node.nodeId];
      if (before === undefined || before === "SKIPPED" || (before === "FAILED" && node.status === "SUCCESS"))
        statuses[node.nodeId] = node.status;
      if (node.status !== "SKIPPED") ran[node.nodeId] = (ran[node.nodeId] ?? 0) + 1;
    }
  }
  return { statuses, ran, answer };
}

export function replayEvents(source: string, days: number): Promise<CounterfactualAnswer> {
  return post<CounterfactualAnswer>("compile/past-events", { source, days });
}
