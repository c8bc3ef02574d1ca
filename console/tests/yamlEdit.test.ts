import { readFileSync } from "node:fs";
import { EditorState } from "@codemirror/state";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Json } from "../src/api/types";
import { columnOf, lineEnds, placesIn, textOf, unitsBefore } from "../src/workflow/editor";
import {
  addCall,
  addNode,
  addTrigger,
  connect,
  disconnect,
  EMPTY,
  readWorkflow,
  removeNode,
  removeTrigger,
  renameNode,
  setInput,
  setNodeField,
} from "../src/workflow/workflowText";
import { appendItem, applyEdits, CannotEdit, type Edit, equal, setValue } from "../src/workflow/yamlEdit";

const MISSION = readFileSync(new URL("../../workflows/security-audit-on-pr.yaml", import.meta.url), "utf8");
const WEEKLY = readFileSync(new URL("../../workflows/compliance-check-weekly.yaml", import.meta.url), "utf8");
const ODD = `# kept: first
name: odd # kept: name
trigger: {event: a.b, filters: {branch: main, path: "**"}} # kept: flow

nodes: # kept: nodes
  # kept: above
  - id: one # kept: id
    agent: notifier
    action: sendSlack
    inputs:
      channel: '#x'   # kept: channel
      # kept: inside
      message: |
        several
        lines # not a comment
  - {id: two, agent: notifier, action: sendSlack, dependsOn: [one]}

  - id: three
    agent: notifier
    action: sendSlack
    dependsOn:
      - one
      - two # kept: item
    inputs: {channel: a, message: "{{ nodes.one.output.sent }}"}
# kept: last
`;

const ANCHORED = `%YAML 1.2
---
name: "ünïcode – 名前 🚨" # kept: 🚨
trigger: &t {event: a.b}
x-again: *t
nodes:
- id: one
  agent: notifier
  action: sendSlack
  inputs: {channel: !!str "#x", "b c": "🚨 {{ context.x }}",	message: "folded
      text"
    }
-   id: two
    agent: notifier
    action: sendSlack
    inputs:
        channel:   "a"   # kept: four blanks
        ? extra
        : with a question mark

    dependsOn: [ one , ]
...
`;
const ends = (text: string, ...kinds: string[]) => {
  let at = 0;
  return text.replaceAll("\n", () => kinds[at++ % kinds.length] ?? "\n");
};
/** Files as editors of other systems leave them. */
const FOREIGN = [
  ends(MISSION, "\r\n"),
  ends(ODD, "\n", "\r\n"),
  `\ufeff${ODD}`,
  `\ufeff${ends(WEEKLY, "\r\n")}`,
];

/** Lines of the text that an edit reaches into; those around an insertion count as reached only at its line. */
function untouched(text: string, edits: Edit[]): string[] {
  let offset = 0;
  return text.split("\n").filter((line) => {
    const [from, to] = [offset, offset + line.length];
    offset = to + 1;
    return !edits.some((edit) => {
      if (edit.from !== edit.to) return edit.from < to + 1 && edit.to > from;
      const before = edit.from === from && edit.insert.endsWith("\n");
      const behind = edit.from === to && /^\r?\n/.test(edit.insert);
      return edit.from >= from && edit.from <= to && !before && !behind;
    });
  });
}

function isSubsequence(lines: string[], of: string[]): boolean {
  let at = 0;
  for (const line of of) if (at < lines.length && lines[at] === line) at++;
  return at === lines.length;
}

const value: fc.Arbitrary<Json> = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "yes",
    "null",
    "12",
    "1e3",
    "a: b",
    "# no",
    "{{ context.path }}",
    "two\nlines",
    " x ",
    "🚨",
    "-",
    "0o7",
  ),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.string(), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("a", "b c", "#", "on"), fc.oneof(fc.string(), fc.integer()), { maxKeys: 3 }),
);

type Step = [number, number, number, Json];
const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(12), fc.nat(50), fc.nat(50), value);

function perform(text: string, [kind, a, b, given]: Step): Edit[] {
  const nodes = readWorkflow(text)?.nodes ?? [];
  const first = nodes[a % Math.max(1, nodes.length)]?.id ?? "";
  const second = nodes[b % Math.max(1, nodes.length)]?.id ?? "";
  const field = ["channel", "message", "extra", "b c"][b % 4] ?? "x";
  switch (kind) {
    case 0:
      return addNode(text, "notifier", ["sendSlack", "sendEmail"][a % 2] ?? "", b % 2 ? first || null : null)
        .edits;
    case 1:
      return nodes.length > 1 ? removeNode(text, first) : [];
    case 2:
      return first === second ? [] : connect(text, first, second);
    case 3:
      return disconnect(text, first, second);
    case 4:
      return setInput(text, first, [field], given);
    case 5:
      return setInput(text, first, [field], undefined);
    case 6:
      return renameNode(text, first, `renamed${a}`);
    case 7:
      return setNodeField(text, first, ["approvalRequired"], a % 3 === 0 ? undefined : a % 3 === 1);
    case 9:
      return setNodeField(text, first, [["retries", "max"], ["foreach"], ["onFailure"]][b % 3] ?? [], given);
    case 10:
      return a % 2 ? addTrigger(text) : addCall(text, "other", first || null).edits;
    case 11:
      return Array.isArray(readWorkflow(text)?.trigger) ? removeTrigger(text, 0) : addTrigger(text);
    case 12:
      return setValue(text, ["outputs", field], given);
    default:
      return setValue(text, ["description"], typeof given === "string" ? given : "text");
  }
}

/** As the page makes them: in the document of its editor. */
function throughEditor(state: EditorState, edits: Edit[]): EditorState {
  return state.update({ changes: placesIn(state, edits) }).state;
}

describe("edits of YAML by range", () => {
  it("leave untouched lines byte-identical, over 1,000 random sequences", { timeout: 300_000 }, () => {
    let made = 0;
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(MISSION, WEEKLY, ODD, EMPTY, ANCHORED, ...FOREIGN),
        fc.array(step, { minLength: 1, maxLength: 8 }),
        (start, steps) => {
          let text = start;
          let state = EditorState.create({ doc: text, extensions: lineEnds(text) });
          if (textOf(state) !== text) return false;
          for (const each of steps) {
            let edits: Edit[];
            try {
              edits = perform(text, each);
            } catch (error) {
              if (!(error instanceof CannotEdit)) throw error;
              refused++;
              continue;
            }
            made++;
            const changed = applyEdits(text, edits);
            state = throughEditor(state, edits);
            if (textOf(state) !== changed) return false;
            const kept = untouched(text, edits);
            // One value is at most a few lines: whoever writes the whole text anew touches all of them.
            const reached = text.split("\n").length - kept.length;
            if ([4, 5, 7, 8].includes(each[0]) && reached > 6) return false;
            if (!isSubsequence(kept, changed.split("\n"))) return false;
            const before = parse(text) as Json;
            // Reading the text back must work after every step, and only a real change may change its meaning.
            if (edits.length === 0 && !equal(before, parse(changed) as Json)) return false;
            text = changed;
          }
          return true;
        },
      ),
      { numRuns: 1000, seed: 7 },
    );
    // Refusing everything would pass, too.
    expect(made).toBeGreaterThan(2500);
    expect(refused).toBeLessThan(made / 5);
  });

  it("keep all comments of lines that they do not change", () => {
    let text = ODD;
    const go = (edits: Edit[]) => {
      text = applyEdits(text, edits);
    };
    go(setInput(text, "one", ["channel"], "#y"));
    go(setInput(text, "one", ["message"], "{{ context.text }}"));
    go(connect(text, "one", "three"));
    go(renameNode(text, "one", "first"));
    go(addNode(text, "notifier", "sendEmail", "three").edits);
    expect(text.match(/# kept: /g)).toHaveLength(ODD.match(/# kept: /g)?.length ?? 0);
    const model = readWorkflow(text);
    expect(model?.nodes.map((node) => node.id)).toEqual(["first", "two", "three", "send-email"]);
    expect(model?.nodes[2]?.dependsOn).toEqual(["first", "two"]);
    expect(model?.nodes[2]?.inputs.message).toBe("{{ nodes.first.output.sent }}");
  });

  it("keep the comments of a trigger that gets company, and of one that is left", () => {
    const text =
      "name: a\ntrigger: # why\n  event: x # this\n\n  # and that\n  filters: {a: b}\nnodes: [] # none\n";
    const two = applyEdits(text, addTrigger(text));
    expect(two.match(/#/g)).toHaveLength(4);
    expect(readWorkflow(two)?.trigger).toEqual([{ event: "x", filters: { a: "b" } }, "manual"]);
    const one = applyEdits(two, removeTrigger(two, 1));
    expect(readWorkflow(one)?.trigger).toEqual([{ event: "x", filters: { a: "b" } }]);
    expect(one.match(/#/g)).toHaveLength(4);
    const flow = "trigger: {event: x}\nnodes: []\n";
    expect(readWorkflow(applyEdits(flow, addTrigger(flow)))?.trigger).toEqual([{ event: "x" }, "manual"]);
    const none = "name: a\nnodes: []\n";
    expect(readWorkflow(applyEdits(none, addTrigger(none)))?.trigger).toBe("manual");
  });

  it("rename a node in everything that names it", () => {
    const text = `nodes:
  - {id: a, onFailure: b}
  - {id: c, onFailure: "handler:b", dependsOn: [b], when: "{{ nodes.b.output.x }}"}
  - id: b
approvalPolicy:
  approveOnExpiry: [b]
`;
    const renamed = applyEdits(text, renameNode(text, "b", "d"));
    expect(parse(renamed)).toEqual({
      nodes: [
        { id: "a", onFailure: "d" },
        { id: "c", onFailure: "handler:d", dependsOn: ["d"], when: "{{ nodes.d.output.x }}" },
        { id: "d" },
      ],
      approvalPolicy: { approveOnExpiry: ["d"] },
    });
  });

  it("change one line for one value", () => {
    const text = applyEdits(MISSION, setInput(MISSION, "scan", ["scanType"], "FULL"));
    const changed = text.split("\n").filter((line, index) => line !== MISSION.split("\n")[index]);
    expect(changed).toEqual(["      scanType: FULL"]);
  });

  it("write text so that YAML 1.1 reads it as text, too", () => {
    for (const word of ["yes", "No", "on", "1:30", "1e3", "~", "null", "=", "0x1f", "2026-11-27"]) {
      expect(applyEdits("a: 1\n", setValue("a: 1\n", ["a"], word))).toBe(`a: ${JSON.stringify(word)}\n`);
    }
  });

  it("refuse what is written in a way that they do not know", () => {
    expect(() => setValue("a: &x 1\nb: *x\n", ["a"], 2)).toThrow(CannotEdit);
    expect(() => setValue("a: [1\n", ["a"], 2)).toThrow(CannotEdit);
    expect(() => appendItem("a: text\n", ["a"], 2)).toThrow(CannotEdit);
  });

  it("are at the places that the compiler means, whatever is before them in the line", () => {
    const line = 'message: "🚨𝒜 {{ nodes.asess }}"';
    const units = line.indexOf("nodes");
    expect(columnOf(line, units)).toBe([...line].indexOf("n") + 1);
    expect(unitsBefore(line, columnOf(line, units))).toBe(units);
    expect(unitsBefore(line, 999)).toBe(line.length);
  });
});
