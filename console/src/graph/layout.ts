/** Nodes and their dependencies -> places, left to right. Runs in a worker: a large graph takes seconds. */

import dagre from "@dagrejs/dagre";

export interface LayoutRequest {
  nodes: string[];
  edges: Array<[string, string]>;
}

export type Places = Record<string, { x: number; y: number }>;

export const NODE_WIDTH = 226;
export const NODE_HEIGHT = 92;

export function layout({ nodes, edges }: LayoutRequest): Places {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 26, ranksep: 88, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of nodes) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const [from, to] of edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const places: Places = Object.create(null);
  for (const id of nodes) {
    const at = graph.node(id);
    places[id] = { x: at.x - NODE_WIDTH / 2, y: at.y - NODE_HEIGHT / 2 };
  }
  return places;
}
