/** An edge that is being drawn: what each node says to it. */

import type { ConnectionAnswer } from "../api/schema";
import { closesCircle, type WorkflowNode } from "./workflowText";

/** The node at which the edge has its one end, and which end that is. */
export interface Drawn {
  node: string;
  end: "source" | "target";
}

export interface Fit {
  /** `waits`: nothing flows along it, it would only be an order. */
  state: "fits" | "waits" | "no";
  /** In short, for the node itself. */
  words: string;
}

const SHOWN = 2;

/** Node -> what an edge to it (or from it) could carry. What the server has not said yet has no words. */
export function fitsOf(
  drawn: Drawn,
  nodes: WorkflowNode[],
  edges: ConnectionAnswer[] | null,
): Record<string, Fit | undefined> {
  const known = new Map(edges?.map((each) => [`${each.source}→${each.target}`, each]));
  const found: Record<string, Fit | undefined> = {};
  for (const { id } of nodes) {
    if (id === drawn.node || !id) continue;
    const [from, to] = drawn.end === "source" ? [drawn.node, id] : [id, drawn.node];
    found[id] = fitOf(nodes, from, to, known.get(`${from}→${to}`), drawn.end === "source");
  }
  return found;
}

function fitOf(
  nodes: WorkflowNode[],
  from: string,
  to: string,
  edge: ConnectionAnswer | undefined,
  forward: boolean,
): Fit | undefined {
  // The text of now is known here; what the server said may be about the one before.
  if (nodes.find((each) => each.id === to)?.dependsOn.includes(from))
    return { state: "no", words: "connected already" };
  if (closesCircle(nodes, from, to)) return { state: "no", words: "the edge would close a circle" };
  if (!edge?.possible) return undefined;
  const inputs = Object.keys(edge.takes).map((name) => name.replace(/^.*\//, ""));
  if (inputs.length === 0) return { state: "waits", words: `would only wait: ${edge.why}` };
  const more = inputs.length > SHOWN ? " …" : "";
  return {
    state: "fits",
    words: `${forward ? "takes" : "gives"} ${inputs.slice(0, SHOWN).join(", ")}${more}`,
  };
}

/** What the whole canvas says, for those who do not see it. */
export function toldOf(drawn: Drawn, fits: Record<string, Fit | undefined>): string {
  const all = Object.values(fits);
  const count = (state: Fit["state"]) => all.filter((each) => each?.state === state).length;
  const side = drawn.end === "source" ? `From ${drawn.node}` : `To ${drawn.node}`;
  if (all.some((each) => each === undefined)) return `${side}: looking for what fits …`;
  return `${side}: ${count("fits")} fit, ${count("waits")} could only wait, ${count("no")} cannot be connected.`;
}
