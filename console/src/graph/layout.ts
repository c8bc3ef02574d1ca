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

/** What all places take. */
export function boundsOf(places: Places): { x: number; y: number; width: number; height: number } {
  const all = Object.values(places);
  const xs = all.map((place) => place.x);
  const ys = all.map((place) => place.y);
  // Not by spreading: a call takes some ten thousand arguments at most.
  const [left, top] = [xs.reduce((a, b) => Math.min(a, b)), ys.reduce((a, b) => Math.min(a, b))];
  const [right, bottom] = [xs.reduce((a, b) => Math.max(a, b)), ys.reduce((a, b) => Math.max(a, b))];
  return { x: left, y: top, width: right - left + NODE_WIDTH, height: bottom - top + NODE_HEIGHT };
}

const LEAST_ZOOM = 0.02;
/** In pixels; smaller than the canvas is on any page. */
const SMALLEST = { width: 240, height: 160 };

/** How far away one must be able to go, so that all of the graph can be seen at once. */
export function leastZoom(places: Places | null): number {
  if (!places || !Object.keys(places).length) return LEAST_ZOOM;
  const { width, height } = boundsOf(places);
  return Math.min(LEAST_ZOOM, SMALLEST.width / width, SMALLEST.height / height);
}

/** The node at a place, or the nearest of those within `reach` beside it; null for none. */
export function nodeAt(places: Places, at: { x: number; y: number }, reach: number): string | null {
  let found: string | null = null;
  let least = reach;
  for (const [id, place] of Object.entries(places)) {
    const beside = Math.max(place.x - at.x, at.x - place.x - NODE_WIDTH, 0);
    const above = Math.max(place.y - at.y, at.y - place.y - NODE_HEIGHT, 0);
    const away = Math.max(beside, above);
    if (away < least || (away === 0 && found === null)) [found, least] = [id, away];
  }
  return found;
}
