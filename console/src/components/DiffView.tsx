import { useMemo } from "react";
import { parseDiff } from "../text/diff";

const MARK = { add: "+", del: "−", same: " " } as const;

/** A unified diff with line numbers; added and removed lines are told apart by sign, too. */
export function DiffView({ diff }: { diff: string }) {
  const { lines, counts } = useMemo(() => parseDiff(diff), [diff]);
  return (
    <div className="stack">
      <p className="small muted">
        {counts.files.length} {counts.files.length === 1 ? "file" : "files"}, +{counts.added} −
        {counts.removed}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <div className="diff" tabIndex={0} role="region" aria-label="Exact changes">
        {lines.map((line, index) => {
          const key = `${index}`;
          if (line.kind === "add" || line.kind === "del" || line.kind === "same") {
            return (
              <div key={key} className={`l ${line.kind}`}>
                <span className="n">{line.before ?? ""}</span>
                <span className="n">{line.after ?? ""}</span>
                <span>{MARK[line.kind]}</span>
                <span>{line.text}</span>
              </div>
            );
          }
          return (
            <div
              key={key}
              className={line.kind === "hunk" ? "hunk" : line.kind === "file" ? "file" : "muted"}
            >
              {line.text}
            </div>
          );
        })}
      </div>
    </div>
  );
}
