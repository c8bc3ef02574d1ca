import { useEffect, useMemo, useState } from "react";
import { coloured, type DiffLine, parseDiff } from "../text/diff";
import { type Colour, colourOf, languageOf, type Piece } from "../text/syntax";

const MARK = { add: "+", del: "−", same: " " } as const;

/** A unified diff with line numbers; added and removed lines are told apart by sign, too. Code has the colours of its language. */
export function DiffView({ diff }: { diff: string }) {
  const { lines, counts } = useMemo(() => parseDiff(diff), [diff]);
  const colours = useColours(lines);
  const pieces = useMemo(() => coloured(lines, colours), [lines, colours]);
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
                <span>{pieces.get(line) ? <Code pieces={pieces.get(line) ?? []} /> : line.text}</span>
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

function Code({ pieces }: { pieces: Piece[] }) {
  return pieces.map((piece, index) => (
    <span key={`${index}`} className={piece.speech && `code-${piece.speech}`}>
      {piece.text}
    </span>
  ));
}

/** What colours each language of the diff; without, the text is there all the same. */
function useColours(lines: DiffLine[]): ReadonlyMap<string, Colour> {
  const [colours, setColours] = useState<ReadonlyMap<string, Colour>>(new Map());
  useEffect(() => {
    let gone = false;
    const names = new Set(
      lines
        .flatMap((line) => (line.kind === "file" ? [languageOf(line.text)] : []))
        .filter((name) => name !== undefined),
    );
    Promise.all([...names].map(async (name) => [name, await colourOf(name)] as const)).then(
      (found) => {
        if (!gone) setColours(new Map(found.flatMap(([name, colour]) => (colour ? [[name, colour]] : []))));
      },
      () => {}, // a chunk that did not load takes only the colours
    );
    return () => {
      gone = true;
    };
  }, [lines]);
  return colours;
}
