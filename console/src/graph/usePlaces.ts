import { useEffect, useMemo, useState } from "react";
import type { LayoutRequest, Places } from "./layout";

let worker: Worker | undefined;
let asked = 0;
const waiting = new Map<number, (places: Places) => void>();

function ask(graph: LayoutRequest): Promise<Places> {
  worker ??= start();
  const id = ++asked;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    worker?.postMessage({ id, graph });
  });
}

function start(): Worker {
  const started = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
  started.onmessage = (message: MessageEvent<{ id: number; places: Places }>) => {
    waiting.get(message.data.id)?.(message.data.places);
    waiting.delete(message.data.id);
  };
  return started;
}

/** Where nodes lie; computed again only when the shape of the graph changes, not its states. */
export function usePlaces(nodes: Array<{ id: string; dependsOn: string[] }>): Places | null {
  const shape = useMemo(() => {
    const known = new Set(nodes.map((node) => node.id));
    return JSON.stringify(nodes.map((node) => [node.id, node.dependsOn.filter((each) => known.has(each))]));
  }, [nodes]);
  const [places, setPlaces] = useState<Places | null>(null);
  useEffect(() => {
    let current = true;
    const parsed = JSON.parse(shape) as Array<[string, string[]]>;
    ask({
      nodes: parsed.map(([id]) => id),
      edges: parsed.flatMap(([to, from]) => from.map((each): [string, string] => [each, to])),
    }).then((found) => {
      if (current) setPlaces(found);
    });
    return () => {
      current = false;
    };
  }, [shape]);
  return places;
}
