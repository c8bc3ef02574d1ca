/** A unified diff -> lines to show. It is text from outside: nothing of it becomes markup. */

import { type Colour, languageOf, type Piece } from "./syntax";

export interface DiffLine {
  kind: "file" | "hunk" | "add" | "del" | "same" | "note";
  text: string;
  before?: number;
  after?: number;
}

export interface DiffCounts {
  files: string[];
  added: number;
  removed: number;
}

export function parseDiff(diff: string): { lines: DiffLine[]; counts: DiffCounts } {
  const lines: DiffLine[] = [];
  const counts: DiffCounts = { files: [], added: 0, removed: 0 };
  let before = 0;
  let after = 0;
  let left = 0;
  let right = 0;
  let old = "";
  for (const line of diff.replace(/\n$/, "").split("\n")) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (left <= 0 && right <= 0) {
      // Outside of a hunk: headers. Inside, a removed line may well begin with "-- ".
      if (line.startsWith("--- ")) {
        old = line.slice(4);
        continue;
      }
      if (line.startsWith("+++ ")) {
        const name = pathOf(line.slice(4), old);
        counts.files.push(name);
        lines.push({ kind: "file", text: name });
        continue;
      }
    }
    if (hunk && left <= 0 && right <= 0) {
      before = Number(hunk[1]);
      left = Number(hunk[2] ?? 1);
      after = Number(hunk[3]);
      right = Number(hunk[4] ?? 1);
      lines.push({ kind: "hunk", text: line });
    } else if (left > 0 || right > 0) {
      if (line.startsWith("+")) {
        lines.push({ kind: "add", text: line.slice(1), after: after++ });
        counts.added++;
        right--;
      } else if (line.startsWith("-")) {
        lines.push({ kind: "del", text: line.slice(1), before: before++ });
        counts.removed++;
        left--;
      } else if (line.startsWith("\\")) {
        lines.push({ kind: "note", text: line });
      } else {
        lines.push({ kind: "same", text: line.slice(1), before: before++, after: after++ });
        left--;
        right--;
      }
    } else if (line && !/^(diff |index |similarity |old mode|new mode)/.test(line)) {
      lines.push({ kind: "note", text: line });
    }
  }
  return { lines, counts };
}

function pathOf(after: string, before: string): string {
  const bare = (path: string) => path.replace(/\t.*$/, "").replace(/^[ab]\//, "");
  return after.startsWith("/dev/null") ? `${bare(before)} (deleted)` : bare(after);
}

/**
 * The pieces of each line whose language has colours. A hunk is read twice, as it was and as it will be: a comment that
 * the change opens or closes colours what it takes in.
 */
export function coloured(lines: DiffLine[], colours: ReadonlyMap<string, Colour>): Map<DiffLine, Piece[]> {
  const found = new Map<DiffLine, Piece[]>();
  let colour: Colour | undefined;
  let hunk: DiffLine[] = [];
  const end = () => {
    for (const gone of ["add", "del"] as const) {
      const side = hunk.filter((line) => line.kind !== gone);
      const pieces = colour?.(side.map((line) => line.text));
      side.forEach((line, index) => {
        const own = pieces?.[index];
        if (own) found.set(line, own);
      });
    }
    hunk = [];
  };
  for (const line of lines) {
    if (line.kind === "file" || line.kind === "hunk") end();
    if (line.kind === "file") colour = colours.get(languageOf(line.text.replace(/ \(deleted\)$/, "")) ?? "");
    else if (line.kind === "add" || line.kind === "del" || line.kind === "same") hunk.push(line);
  }
  end();
  return found;
}
