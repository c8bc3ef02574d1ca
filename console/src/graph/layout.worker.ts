import { type LayoutRequest, layout } from "./layout";

self.onmessage = (message: MessageEvent<{ id: number; graph: LayoutRequest }>) => {
  self.postMessage({ id: message.data.id, places: layout(message.data.graph) });
};
