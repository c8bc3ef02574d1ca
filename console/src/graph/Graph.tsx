import "@xyflow/react/dist/base.css";
import {
  Background,
  type Connection,
  Controls,
  type Edge,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
  ViewportPortal,
} from "@xyflow/react";
import { type DragEvent, memo, useCallback, useEffect, useMemo } from "react";
import { Status } from "../components/basics";
import { visible } from "../shown/visible";
import { toneOf } from "../text/status";
import { NODE_HEIGHT, NODE_WIDTH, type Places } from "./layout";
import { usePlaces } from "./usePlaces";

export interface GraphItem {
  id: string;
  what: string;
  dependsOn: string[];
  /** Of a run; without it the node is part of a workflow that is being written. */
  status?: string;
  /** Words beside the status: attempts, items, a gate. */
  marks?: string[];
  problem?: boolean;
  /** Ways through it that no test case takes. */
  untaken?: string[];
}

interface Props {
  items: GraphItem[];
  selected: string | null;
  onSelect: (id: string | null) => void;
  label: string;
  /** What flows along an edge, by `from→to`. */
  types?: Record<string, string>;
  /** With these, edges can be drawn and removed. */
  onConnect?: (from: string, to: string) => void;
  onDisconnect?: (from: string, to: string) => void;
  canConnect?: (from: string, to: string) => boolean;
  onDropData?: (data: string) => void;
}

type ItemNode = Node<{ item: GraphItem; chosen: boolean; editable: boolean }, "item">;

const Item = memo(function Item({ data }: NodeProps<ItemNode>) {
  const { item, chosen, editable } = data;
  const tone = item.status === undefined ? (item.problem ? "red" : "plain") : toneOf(item.status);
  return (
    <div
      className={`gnode b-${tone} ${chosen ? "chosen" : ""} ${item.untaken ? "hole" : ""}`}
      data-node={item.id}
    >
      {editable && <Handle type="target" position={Position.Left} />}
      <div className="id">{item.id}</div>
      <div className="what">{item.what}</div>
      <div className="marks">
        {item.status !== undefined && <Status status={item.status} />}
        {item.problem && item.status === undefined && <span className="status tone-red">has a problem</span>}
        {item.marks?.map((mark) => (
          <span key={mark} className="mark">
            {mark}
          </span>
        ))}
      </div>
      {item.untaken && (
        <div className="untaken" title={`No case takes: ${item.untaken.join(", ")}`}>
          not tested: {item.untaken.join(", ")}
        </div>
      )}
      {editable && <Handle type="source" position={Position.Right} />}
    </div>
  );
});

const TYPES = { item: Item };
/** Seen from further away, words cannot be read: only colours and shapes are drawn. */
const FAR = 0.3;
const MANY = 150;

/** All edges as one shape: a browser that draws each by itself needs most of a frame for thousands of them. */
const Lines = memo(function Lines({ items, places }: { items: GraphItem[]; places: Places | null }) {
  const [curves, heads] = useMemo(() => {
    const drawn = { curves: "", heads: "" };
    for (const item of items) {
      const to = places?.[item.id];
      for (const from of item.dependsOn) {
        const begin = places?.[from];
        if (!to || !begin) continue;
        const [x1, y1] = [begin.x + NODE_WIDTH, begin.y + NODE_HEIGHT / 2];
        const [x2, y2] = [to.x - 1, to.y + NODE_HEIGHT / 2];
        const bend = Math.max(30, (x2 - x1) / 2);
        drawn.curves += `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
        drawn.heads += `M${x2} ${y2}l-9 -5v10z`;
      }
    }
    return [drawn.curves, drawn.heads];
  }, [items, places]);
  return (
    <ViewportPortal>
      <svg className="lines" aria-hidden="true">
        <path className="curves" d={curves} />
        <path className="heads" d={heads} />
      </svg>
    </ViewportPortal>
  );
});

/** A workflow as a graph. What it shows and does is also in the table beside it, for those who cannot use it. */
export function Graph(props: Props) {
  return (
    <ReactFlowProvider>
      <Inner {...props} />
    </ReactFlowProvider>
  );
}

function Inner(props: Props) {
  const { items, selected, onSelect, onConnect, onDisconnect, canConnect, onDropData, types } = props;
  const places = usePlaces(items);
  const flow = useReactFlow();
  const editable = onConnect !== undefined;
  // Edges that are only looked at, and say nothing, are one shape.
  const plain = !editable && types === undefined;
  const far = useStore((state) => state.transform[2] < FAR);
  const nodes = useMemo<ItemNode[]>(
    () =>
      items
        .filter((item) => places?.[item.id])
        .map((item) => ({
          id: item.id,
          type: "item",
          position: places?.[item.id] ?? { x: 0, y: 0 },
          width: NODE_WIDTH,
          height: NODE_HEIGHT,
          data: { item, chosen: item.id === selected, editable },
        })),
    [items, places, selected, editable],
  );
  const edges = useMemo<Edge[]>(() => {
    if (plain) return [];
    const known = new Set(items.map((item) => item.id));
    return items.flatMap((item) =>
      item.dependsOn
        .filter((from) => known.has(from))
        .map((from) => ({
          id: `${from}→${item.id}`,
          source: from,
          target: item.id,
          label: visible(types?.[`${from}→${item.id}`] ?? ""),
          markerEnd: { type: MarkerType.ArrowClosed },
          deletable: editable,
        })),
    );
  }, [items, editable, types, plain]);
  const count = places ? Object.keys(places).length : 0;
  useEffect(() => {
    if (count) requestAnimationFrame(() => flow.fitView({ maxZoom: 1, padding: 0.08 }));
  }, [count, flow]);
  const fits = useCallback(
    (edge: Connection | Edge) => canConnect?.(edge.source, edge.target) ?? true,
    [canConnect],
  );
  const drop = (event: DragEvent) => {
    event.preventDefault();
    onDropData?.(event.dataTransfer.getData("text/plain"));
  };
  return (
    <section
      className={`graph ${far ? "far" : ""} ${plain && items.length > MANY ? "many" : ""}`}
      aria-label={props.label}
      onDragOver={(event) => onDropData && event.preventDefault()}
      onDrop={drop}
    >
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        nodesDraggable={false}
        nodesConnectable={editable}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={editable}
        // Others stay where they are, and the browser leaves out what is not in view: nothing is rendered while one zooms.
        onlyRenderVisibleElements={editable && items.length > MANY}
        minZoom={0.02}
        deleteKeyCode={editable ? ["Delete", "Backspace"] : null}
        onNodeClick={(_, node) => onSelect(node.id)}
        onPaneClick={() => onSelect(null)}
        onConnect={(edge) => onConnect?.(edge.source, edge.target)}
        onEdgesDelete={(removed) => {
          for (const edge of removed) onDisconnect?.(edge.source, edge.target);
        }}
        onBeforeDelete={async ({ edges: removed }) => ({ nodes: [], edges: removed })}
        isValidConnection={fits}
        fitView
      >
        {plain && <Lines items={items} places={places} />}
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </section>
  );
}
