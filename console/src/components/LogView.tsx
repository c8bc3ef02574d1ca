import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { ApiError, get } from "../api/client";
import type { LogLine } from "../api/types";
import { isObject } from "../text/json";
import { Failure } from "./basics";

const LINE = 20;
const AT_ONCE = 1000;

interface LogPage {
  lines: LogLine[];
  next: string | null;
}

/** All lines that the server gives, page by page; searching is the server's, as not all lines need be here. */
async function fetchAll(
  path: string,
  query: Record<string, string | number | undefined>,
  signal?: AbortSignal,
): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  let after: string | undefined;
  do {
    const page = pageOf(await get<unknown>(path, { ...query, after, limit: AT_ONCE }, signal));
    lines.push(...page.lines);
    after = page.lines.length ? (page.next ?? undefined) : undefined;
  } while (after && lines.length < 50_000);
  return lines;
}

function pageOf(body: unknown): LogPage {
  const all = isObject(body) ? body : {};
  const list = Array.isArray(body) ? body : (all.lines ?? all.items ?? []);
  const lines = (Array.isArray(list) ? list : []).filter(isObject).map((line) => ({
    at: textOf(line.at ?? line.timestamp ?? line.createdAt),
    nodeId: textOf(line.nodeId ?? line.node) ?? null,
    attempt: typeof line.attempt === "number" ? line.attempt : null,
    level: textOf(line.level) ?? "INFO",
    message: textOf(line.message ?? line.text) ?? "",
  }));
  const next = all.next ?? all.nextCursor ?? all.after ?? null;
  return { lines, next: next === null ? null : String(next) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
}

/** The log of a run or one of its nodes: windowed, searched on the server, followed while the run goes on. */
export function LogView({ runId, node, live }: { runId: string; node: string | null; live: boolean }) {
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  const [follow, setFollow] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed.trim()), 300);
    return () => clearTimeout(timer);
  }, [typed]);
  const logs = useQuery({
    queryKey: ["logs", runId, node, search],
    queryFn: ({ signal }) =>
      fetchAll(`runs/${encodeURIComponent(runId)}/logs`, { node: node ?? undefined, search }, signal),
    refetchInterval: live ? 2_000 : false,
    placeholderData: (before) => before,
  });
  // A message of several lines is several rows of one height.
  const rows = useMemo(
    () =>
      (logs.data ?? []).flatMap((line, index) =>
        line.message
          .split("\n")
          .map((text, part) => ({ key: `${index}.${part}`, line, text, first: part === 0 })),
      ),
    [logs.data],
  );
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE,
    overscan: 20,
  });
  useEffect(() => {
    if (follow && rows.length) virtual.scrollToIndex(rows.length - 1);
  }, [follow, rows.length, virtual]);
  const asText = () =>
    (logs.data ?? [])
      .map((line) => [line.at, line.level, line.nodeId, line.message].filter(Boolean).join(" "))
      .join("\n");
  const save = () => {
    const url = URL.createObjectURL(new Blob([asText()], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${runId}${node ? `-${node}` : ""}.log`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  if (logs.error instanceof ApiError && logs.error.status === 404) {
    return <p className="muted">This server keeps no logs with the run; `commandcenter logs` shows them.</p>;
  }
  return (
    <div className="stack">
      <div className="row">
        <input
          type="search"
          aria-label="Search in the log"
          placeholder="search"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <span className="small muted" role="status">
          {rows.length.toLocaleString()} lines
        </span>
        <label className="switch">
          <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} />{" "}
          follow
        </label>
        <button type="button" onClick={() => navigator.clipboard.writeText(asText())}>
          Copy
        </button>
        <button type="button" onClick={save}>
          Download
        </button>
      </div>
      {logs.error && <Failure error={logs.error} retry={() => logs.refetch()} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <div className="log" ref={box} tabIndex={0} role="region" aria-label="Log">
        <div style={{ height: virtual.getTotalSize(), position: "relative", minWidth: "100%" }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            const level = (row.line.level ?? "").toUpperCase();
            const tone = /ERROR|CRITICAL/.test(level) ? "error" : level.startsWith("WARN") ? "warn" : "";
            return (
              <div
                key={row.key}
                className={`line ${tone}`}
                style={{ transform: `translateY(${item.start}px)`, width: "max-content", minWidth: "100%" }}
              >
                <span className="when">{row.first ? timeOf(row.line.at) : "            "}</span>
                {node === null && <span className="where">{row.line.nodeId ?? "run"}</span>}
                {tone && row.first && <strong>{level}</strong>}
                <span>{row.text}</span>
              </div>
            );
          })}
        </div>
        {logs.data && rows.length === 0 && (
          <p className="empty">{search ? "No line has that." : "No lines yet."}</p>
        )}
      </div>
    </div>
  );
}

function timeOf(at: string | undefined): string {
  if (!at) return "            ";
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at.slice(0, 12) : date.toISOString().slice(11, 23);
}
