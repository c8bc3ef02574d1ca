/** The compiler over HTTP. Answers are read with care: an older server has less of it. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { isObject } from "../text/json";
import { ApiError, post } from "./client";
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

export interface Completion {
  label: string;
  insert: string;
  detail: string;
}

export async function complete(source: string, line: number, column: number): Promise<Completion[]> {
  const body = await post<unknown>("compile/complete", { source, line, column });
  const list = isObject(body) ? (body.completions ?? body.items) : body;
  return (Array.isArray(list) ? list : []).map((each: unknown) => {
    if (!isObject(each)) return { label: String(each), insert: String(each), detail: "" };
    const label = String(each.label ?? each.text ?? each.insert ?? "");
    return {
      label,
      insert: String(each.insert ?? each.insertText ?? each.text ?? label),
      detail: String(each.detail ?? each.type ?? each.kind ?? ""),
    };
  });
}

export interface DryRun {
  /** Node -> status, as on a run's page. */
  statuses: Record<string, string>;
  gates: string[];
  text: string;
}

export async function dryRun(source: string, context: unknown): Promise<DryRun> {
  const body = await post<unknown>("compile/dry-run", { source, context });
  const all = isObject(body) ? body : {};
  const cases = Array.isArray(all.cases) ? all.cases : [];
  const first = isObject(cases[0]) ? { ...all, ...cases[0] } : all;
  const statuses: Record<string, string> = {};
  const mark = (value: unknown, status: string) => {
    for (const each of Array.isArray(value) ? value : []) {
      statuses[isObject(each) ? String(each.id ?? each.node ?? each.nodeId) : String(each)] =
        isObject(each) && typeof each.status === "string" ? each.status : status;
    }
  };
  mark(first.path ?? first.ran, "SUCCESS");
  mark(first.nodes, "SUCCESS");
  mark(first.failed, "FAILED");
  mark(first.skipped, "SKIPPED");
  const gates = (Array.isArray(first.gates) ? first.gates : []).map((each: unknown) =>
    isObject(each) ? String(each.node ?? each.nodeId ?? each.id) : String(each),
  );
  return { statuses, gates, text: JSON.stringify(body, null, 2) };
}
