import { describe, expect, it } from "vitest";
import { eventsOf } from "../src/api/stream";
import type { AgentRun, RunDetail } from "../src/api/types";
import { boundsOf, leastZoom, NODE_HEIGHT, NODE_WIDTH, nodeAt, type Places } from "../src/graph/layout";
import { uncoloured, visible } from "../src/shown/visible";
import { differences, sentences } from "../src/text/card";
import { coloured, parseDiff } from "../src/text/diff";
import { hostInWords, hostsInWords } from "../src/text/hosts";
import { colourOf, inPieces, languageOf } from "../src/text/syntax";
import { span } from "../src/text/time";
import { fitsOf, toldOf } from "../src/workflow/connecting";
import { nodeViews, rootCause, stepsOf, timeline } from "../src/workflow/runView";
import { blankOf, kindOf, plainSchema } from "../src/workflow/schema";
import { closesCircle, readWorkflow } from "../src/workflow/workflowText";

const RUN: RunDetail = {
  id: "r1",
  workflowName: "w",
  status: "FAILED",
  message: "",
  trigger: "manual",
  triggeredBy: null,
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:00:10Z",
  flowRunId: null,
  planDigest: null,
  context: {},
  nodes: [],
  agentRuns: [],
  approvals: [],
  rootCause: null,
  outputs: null,
  executedBy: {},
  reopened: 0,
  graph: null,
  states: {},
  timeline: [],
  artifacts: [],
  audit: [],
  called: [],
  parentRunId: null,
  parentNode: null,
  prefectUrl: null,
};

function agentRun(
  nodeId: string,
  attempt: number,
  status: string,
  from: number,
  to: number | null,
): AgentRun {
  const at = (second: number) => new Date(Date.parse(RUN.startedAt) + second * 1000).toISOString();
  return {
    id: `${nodeId}${attempt}`,
    agentName: "a",
    nodeId,
    item: null,
    attempt,
    status,
    inputs: {},
    output: null,
    error: status === "FAILED" ? `${nodeId} broke` : null,
    startedAt: at(from),
    finishedAt: to === null ? null : at(to),
    durationMs: null,
    failureKind: null,
    exitCode: null,
    limits: {},
    deniedEgress: [],
    logTail: "",
    memoryKb: null,
    cpuMs: null,
    modelUse: {},
    artifacts: [],
  };
}

const PLAN = stepsOf([
  { id: "one", agent: "a", action: "x", depends_on: [], gate: null },
  { id: "two", agent: "a", action: "x", depends_on: ["one"], gate: { quorum: 1 } },
  { id: "three", agent: "a", action: "x", dependsOn: ["two"], foreach: { items: [] } },
]);

describe("a run", () => {
  it("has all nodes of the plan, also those that have not started", () => {
    const run = {
      ...RUN,
      finishedAt: null,
      status: "RUNNING",
      agentRuns: [agentRun("one", 1, "RUNNING", 0, null)],
    };
    const nodes = nodeViews(run, PLAN);
    expect(nodes.map((node) => [node.id, node.status])).toEqual([
      ["one", "RUNNING"],
      ["two", "PENDING"],
      ["three", "PENDING"],
    ]);
    expect([nodes[1]?.gated, nodes[2]?.foreach]).toEqual([true, true]);
  });

  it("keeps attempts apart and in order", () => {
    const run = {
      ...RUN,
      agentRuns: [agentRun("one", 2, "SUCCESS", 3, 4), agentRun("one", 1, "FAILED", 0, 1)],
    };
    expect(nodeViews(run, PLAN)[0]?.attempts.map((each) => each.attempt)).toEqual([1, 2]);
  });

  it("names the failure that explains the others", () => {
    const failed = { item: null, status: "FAILED", output: null, attempt: 1 };
    const run = {
      ...RUN,
      nodes: [
        { ...failed, nodeId: "two", reason: "because node 'one' failed" },
        { ...failed, nodeId: "one", reason: "broke" },
      ],
    };
    expect(rootCause(nodeViews(run, PLAN))?.id).toBe("one");
    expect(rootCause(nodeViews(RUN, PLAN))).toBeNull();
  });

  it("has one bar for each attempt, within the axis", () => {
    const run = {
      ...RUN,
      agentRuns: [agentRun("one", 1, "FAILED", 0, 2), agentRun("one", 2, "SUCCESS", 5, 10)],
    };
    const bars = timeline(run, Date.parse(RUN.startedAt) + 60_000);
    expect(bars.map((bar) => [bar.tone, bar.from, bar.length])).toEqual([
      ["red", 0, 0.2],
      ["green", 0.5, 0.5],
    ]);
  });
});

describe("a diff", () => {
  it("is counted by its hunks, not by what lines look like", () => {
    const { lines, counts } = parseDiff(
      "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- a comment of SQL\n+++ more\n same\n",
    );
    expect(counts).toEqual({ files: ["x"], added: 1, removed: 1 });
    expect(lines.map((line) => [line.kind, line.text])).toEqual([
      ["file", "x"],
      ["hunk", "@@ -1,2 +1,2 @@"],
      ["del", "-- a comment of SQL"],
      ["add", "++ more"],
      ["same", "same"],
    ]);
  });

  it("names a file that is deleted", () => {
    expect(parseDiff("--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n").counts.files).toEqual(["x (deleted)"]);
  });
});

describe("a card", () => {
  it("is read up to its blocks", () => {
    const text = "RISK: it runs.\n\nInputs:\n    a: 1\n    Digest: x\n\nDigest: sha256:1";
    expect(sentences(text)).toEqual(["RISK: it runs."]);
  });

  it("shows where it differs", () => {
    expect(differences({ a: { b: 1, c: 2 }, d: 1 }, { a: { b: 1, c: 3 }, d: 1 })).toEqual([
      { path: "a.c", before: 2, after: 3 },
    ]);
  });
});

describe("the stream of changes", () => {
  it("is read across chunks", async () => {
    const parts = [": hello\n\nid: 1\nevent: r", "un\ndata: {}\n", "\nid: 2\ndata: a\ndata: b\n\n"];
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
        controller.close();
      },
    });
    const found = [];
    for await (const event of eventsOf(body)) found.push(event);
    expect(found).toEqual([
      { id: "1", event: "run", data: "{}" },
      { id: "2", event: "message", data: "a\nb" },
    ]);
  });
});

describe("a workflow", () => {
  it("has no circle through an edge that is refused", () => {
    const nodes =
      readWorkflow("nodes:\n  - {id: a}\n  - {id: b, dependsOn: [a]}\n  - {id: c, dependsOn: [b]}\n")
        ?.nodes ?? [];
    expect(closesCircle(nodes, "c", "a")).toBe(true);
    expect(closesCircle(nodes, "a", "c")).toBe(false);
  });

  it("is edited as JSON where a schema leaves several ways", () => {
    const root = { $defs: { Id: { type: "string" } } };
    expect(kindOf(plainSchema({ $ref: "#/$defs/Id" }, root))).toBe("text");
    expect(kindOf(plainSchema({ anyOf: [{ type: "integer" }, { type: "null" }] }, root))).toBe("number");
    expect(kindOf(plainSchema({ anyOf: [{ type: "integer" }, { type: "string" }] }, root))).toBe("other");
  });
});

it("says lengths of time in words", () => {
  expect([0, 850, 4_200, 60_000, 7_500_000, 300_000_000].map(span)).toEqual([
    "0 ms",
    "850 ms",
    "4.2 s",
    "1 min",
    "2 h 5 min",
    "3 d",
  ]);
});

it("characters that hide are shown by their numbers, and nothing else is changed", () => {
  expect(visible("if (admin\u202e\u2066) // a\u200bb\u001b[2J")).toBe(
    "if (admin⟨U+202E⟩⟨U+2066⟩) // a⟨U+200B⟩b⟨U+001B⟩[2J",
  );
  const plain = "Größe\tטקסט 👩‍💻\r\nnext";
  expect(visible(plain)).toBe(plain.replace("\r\n", "\n"));
  expect(visible("a\u200db")).toBe("a⟨U+200D⟩b");
  expect(uncoloured("\u001b[31mred\u001b[0m \u001b]0;title\u0007")).toBe("red \u001b]0;title\u0007");
});

describe("colours of code", () => {
  it.each([
    ["src/a.py", "python"],
    ["Dockerfile", "dockerfile"],
    ["Dockerfile.worker", "dockerfile"],
    ["deploy/main.tf", "ini"],
    ["Gemfile", "ruby"],
    [".env", "ini"],
    ["README", undefined],
    ["a/__proto__", undefined],
    ["constructor", undefined],
  ])("%s is %s", (path, language) => expect(languageOf(path)).toBe(language));

  it("make up exactly the lines that were given, whatever they are", async () => {
    const lines = [
      'x = """<img src=x onerror=alert(1)>',
      "",
      "\u{1f600} \ud83d </script>",
      '""" # \u202e done\r',
      "def f(): return 1",
    ];
    for (const language of ["python", "php", "xml", "typescript", "bash", "ruby", "yaml"]) {
      const pieces = (await colourOf(language))?.(lines);
      expect(pieces?.map((line) => line.map((each) => each.text).join(""))).toEqual(lines);
    }
  });

  it("are left out where they would change the text, and where there is too much of it", () => {
    const tree = (value: string) => ({ type: "root", children: [{ type: "text", value }] });
    expect(inPieces(["a", "b"], tree)).toEqual([[{ text: "a", speech: "" }], [{ text: "b", speech: "" }]]);
    expect(inPieces(["a", "b"], () => tree("a\nc"))).toBeUndefined();
    expect(inPieces(["a", "b"], () => tree("a"))).toBeUndefined();
    expect(inPieces(["a".repeat(3_000)], tree)).toBeUndefined();
    expect(inPieces(Array(60_000).fill("ab"), tree)).toBeUndefined();
  });

  it("follow each side of a change", async () => {
    const diff = [
      "--- a/a.py",
      "+++ b/a.py",
      "@@ -1,3 +1,3 @@",
      '-"""',
      "+x = 1",
      " return 5",
      '-"""',
      "+y = 2",
      "--- a/b.unknown",
      "+++ b/b.unknown",
      "@@ -1 +1 @@",
      "-return 1",
      "+return 2",
    ].join("\n");
    const { lines } = parseDiff(diff);
    const python = await colourOf("python");
    if (!python) throw new Error("there is no Python");
    const pieces = coloured(lines, new Map([["python", python]]));
    const speech = (text: string) => {
      const line = lines.find((each) => each.text === text);
      return line && pieces.get(line)?.map((each) => each.speech);
    };
    expect(speech('"""')).toEqual(["text"]);
    expect(speech("return 5")).toEqual(["word", "", "word"]);
    expect(speech("return 2")).toBeUndefined();
  });
});

describe("a graph", () => {
  it("can be seen whole, however large it is", () => {
    const column: Places = Object.fromEntries(
      Array.from({ length: 2000 }, (_, at) => [`n${at}`, { x: 0, y: at * 118 }]),
    );
    const row: Places = Object.fromEntries(
      Array.from({ length: 2000 }, (_, at) => [`n${at}`, { x: at * 314, y: 0 }]),
    );
    for (const places of [column, row, { one: { x: 5, y: 5 } }]) {
      const { width, height } = boundsOf(places);
      const zoom = leastZoom(places);
      expect(width * zoom).toBeLessThanOrEqual(240.01);
      expect(height * zoom).toBeLessThanOrEqual(160.01);
      expect(zoom).toBeLessThanOrEqual(0.02);
    }
    expect(leastZoom(null)).toBe(leastZoom({}));
  });

  it("has one node at a place, and the nearest one beside it", () => {
    const places = { a: { x: 0, y: 0 }, b: { x: 0, y: 200 } };
    expect(nodeAt(places, { x: NODE_WIDTH / 2, y: NODE_HEIGHT / 2 }, 0)).toBe("a");
    expect(nodeAt(places, { x: 10, y: 190 }, 0)).toBe(null);
    expect(nodeAt(places, { x: 10, y: 190 }, 200)).toBe("b");
    expect(nodeAt(places, { x: -300, y: 0 }, 200)).toBe(null);
  });
});

describe("hosts of an agent", () => {
  it("are words where a setting decides", () => {
    expect(hostInWords("github.com:443")).toBe("github.com:443");
    expect(hostInWords("{SLACK_API_URL|https://slack.com/api/}")).toBe(
      "slack.com, or where the setting SLACK_API_URL points",
    );
    expect(hostInWords("{SMTP_HOST}:{SMTP_PORT|587}")).toBe(
      "where the setting SMTP_HOST points (nowhere while it is not set), port 587 or that of SMTP_PORT",
    );
    expect(hostInWords("{FORGE_URL}:8443")).toContain("port 8443");
    expect(hostsInWords([])).toBe("none");
    expect(hostsInWords(["a:1", "b:2"])).toBe("a:1; b:2");
  });
});

describe("a context to be filled in", () => {
  it("has what is needed, with defaults, and nothing else", () => {
    const schema = {
      required: ["path", "count", "level", "many", "odd"],
      properties: {
        path: { type: "string" },
        count: { type: "integer", default: 3 },
        level: { enum: ["LOW", "HIGH"] },
        many: { type: "array", items: { type: "string" } },
        odd: { anyOf: [{ type: "string" }, { type: "integer" }] },
        free: { type: "string" },
      },
    };
    expect(blankOf(schema)).toEqual({ path: "", count: 3, level: "LOW", many: [], odd: null });
    expect(blankOf({})).toEqual({});
  });
});

describe("an edge that is drawn", () => {
  const { nodes } = readWorkflow(
    "nodes: [{id: a}, {id: b, dependsOn: [a]}, {id: c, dependsOn: [b]}, {id: d}, {id: e}]",
  ) ?? { nodes: [] };
  const edge = (source: string, target: string, takes: Record<string, string>, why = "") => ({
    source,
    target,
    takes,
    why,
    possible: true,
  });

  it("is judged by what the text says now, then by what the server said", () => {
    const known = [
      edge("b", "d", { "/options/title": "x", text: "y", more: "z" }),
      edge("b", "e", {}, "it is no text"),
      edge("b", "a", { text: "x" }),
    ];
    const drawn = { node: "b", end: "source" } as const;
    const found = fitsOf(drawn, nodes, known);
    expect(found.b).toBeUndefined();
    expect(found.a?.state).toBe("no");
    expect(found.c?.words).toBe("connected already");
    expect(found.d).toEqual({ state: "fits", words: "takes title, text …" });
    expect(found.e).toEqual({ state: "waits", words: "would only wait: it is no text" });
    expect(toldOf(drawn, found)).toBe("From b: 1 fit, 1 could only wait, 2 cannot be connected.");
  });

  it("says that it is not known yet, and may be drawn from its end", () => {
    const drawn = { node: "d", end: "target" } as const;
    expect(toldOf(drawn, fitsOf(drawn, nodes, null))).toContain("looking for what fits");
    expect(fitsOf(drawn, nodes, [edge("a", "d", { text: "x" })]).a?.words).toBe("gives text");
  });
});
