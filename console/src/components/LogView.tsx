import { useVirtualizer } from "@tanstack/react-virtual";
import { startTransition, useEffect, useMemo, useRef, useState } from "react";
import { get } from "../api/client";
import type { LogPage } from "../api/schema";
import { followLog } from "../api/stream";
import type { LogLine } from "../api/types";
import { uncoloured } from "../shown/visible";
import { Failure } from "./basics";

const LINE = 20;
const AT_ONCE = 1000;
const MOST_LINES = 50_000;
/** A longer line is cut on screen: browsers draw one of a megabyte for seconds. */
const LONGEST = 4_000;

interface FollowedLog {
  lines: LogLine[];
  error: Error | null;
  retry: () => void;
}

/** The lines so far, then those of a stream, which goes on behind the last one. Searching is the server's. */
function useLog(runId: string, node: string | null, search: string, live: boolean): FollowedLog {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [error, setError] = useState<Error | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    let found: LogLine[] = [];
    let after = "0";
    const add = (more: LogLine[]) => {
      found = [...found, ...more].slice(-MOST_LINES);
      // Ten thousand lines come as ten pages: none of them holds up what a person does.
      startTransition(() => setLines(found));
    };
    const read = async () => {
      try {
        for (;;) {
          const query = { node: node ?? undefined, search, after, limit: AT_ONCE };
          const page = await get<LogPage>(`runs/${encodeURIComponent(runId)}/logs`, query, stop.signal);
          after = page.next;
          add(page.lines);
          setError(null);
          if (page.lines.length < AT_ONCE) break;
        }
      } catch (failure) {
        if (stop.signal.aborted) return;
        setError(failure instanceof Error ? failure : new Error(String(failure)));
        return;
      }
      if (!live) return;
      const query = { node: node ?? undefined, search };
      await followLog(
        runId,
        query,
        after,
        (more, failure) => (failure ? setError(failure) : add(more)),
        stop.signal,
      );
    };
    read();
    return () => stop.abort();
  }, [runId, node, search, live, tries]);
  return { lines, error, retry: () => setTries(tries + 1) };
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
  const logs = useLog(runId, node, search, live);
  // A message of several lines is several rows of one height. Their text is prepared where it is drawn.
  const rows = useMemo(
    () =>
      logs.lines.flatMap((line, index) =>
        line.message
          .split("\n")
          .map((text, part) => ({ key: `${index}.${part}`, line, text, first: part === 0 })),
      ),
    [logs.lines],
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
    logs.lines
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
          {rows.length.toLocaleString()} {rows.length === 1 ? "line" : "lines"}
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
      {logs.error && <Failure error={logs.error} retry={logs.retry} />}
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
                <span>{shortened(row.text)}</span>
              </div>
            );
          })}
        </div>
        {rows.length === 0 && <p className="empty">{search ? "No line has that." : "No lines yet."}</p>}
      </div>
    </div>
  );
}

function shortened(text: string): string {
  const plain = uncoloured(text);
  return plain.length > LONGEST
    ? `${plain.slice(0, LONGEST)} … (${plain.length.toLocaleString()} characters; Copy and Download have all of them)`
    : plain;
}

function timeOf(at: string | undefined): string {
  if (!at) return "            ";
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at.slice(0, 12) : date.toISOString().slice(11, 23);
}
