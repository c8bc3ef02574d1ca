import "@xyflow/react/dist/base.css";
import {
  Background,
  type Connection,
  ControlButton,
  Controls,
  type Edge,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  type OnConnectStartParams,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
  ViewportPortal,
} from "@xyflow/react";
import {
  createContext,
  type DragEvent,
  Fragment,
  type MouseEvent,
  memo,
  useCallback,
  useContext,
  useEffect,
  useMemo,
} from "react";
import { Status } from "../components/basics";
import { remembered, useSame, useStable } from "../components/same";
import { visible } from "../shown/visible";
import { toneOf } from "../text/status";
import type { Drawn, Fit } from "../workflow/connecting";
import { boundsOf, leastZoom, NODE_HEIGHT, NODE_WIDTH, nodeAt, type Places } from "./layout";
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
  /** An edge begins to be drawn at a node, at its right (source) or left side; null: it is drawn no more. */
  onDrawing?: (drawn: Drawn | null) => void;
  /** While an edge is drawn: what each node says to it, and the same in one sentence. */
  fits?: Record<string, Fit | undefined> | null;
  told?: string;
  drawn?: Drawn | null;
  onDropData?: (data: string) => void;
}

/** Beside the nodes and no part of them: those are not made anew while an edge is drawn. */
const Fits = createContext<Record<string, Fit | undefined> | null>(null);

type ItemNode = Node<{ item: GraphItem; editable: boolean }, "item">;

const Item = memo(function Item({ data }: NodeProps<ItemNode>) {
  const { item, editable } = data;
  const fits = useContext(Fits);
  const fit = fits?.[item.id];
  const tone = item.status === undefined ? (item.problem ? "red" : "plain") : toneOf(item.status);
  return (
    <div
      className={`gnode b-${tone} ${item.untaken ? "hole" : ""} ${fit ? `fit-${fit.state}` : ""}`}
      data-node={item.id}
    >
      {editable && <Handle type="target" position={Position.Left} />}
      <div className="id">{item.id}</div>
      {fit ? (
        <div className="fit" title={fit.words}>
          {fit.words}
        </div>
      ) : (
        <div className="what">{item.what}</div>
      )}
      <div className="marks" hidden={fit !== undefined}>
        {item.status !== undefined && <Status status={item.status} />}
        {item.problem && item.status === undefined && <span className="status tone-red">has a problem</span>}
        {item.marks?.map((mark) => (
          <span key={mark} className="mark">
            {mark}
          </span>
        ))}
      </div>
      {item.untaken && !fit && (
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
const DELETE_KEYS = ["Delete", "Backspace"];
const edgesOnly = async ({ edges }: { edges: Edge[] }) => ({ nodes: [], edges });

/** Pixels beside a node that still mean it: seen from far away it is smaller than one. */
const NEAR = 3;

const LINES_IN_SHAPE = 64;
type Shape = Array<Pick<GraphItem, "id" | "dependsOn">>;

/**
 * All edges as a few shapes: a browser that draws each by itself needs most of a frame for thousands of them, and of one
 * shape it draws all, whatever part is in view.
 */
const Lines = memo(function Lines({ items, places }: { items: Shape; places: Places | null }) {
  const shapes = useMemo(() => {
    const drawn: Array<{ curves: string; heads: string }> = [];
    let count = 0;
    for (const item of items) {
      const to = places?.[item.id];
      for (const from of item.dependsOn) {
        const begin = places?.[from];
        if (!to || !begin) continue;
        const [x1, y1] = [begin.x + NODE_WIDTH, begin.y + NODE_HEIGHT / 2];
        const [x2, y2] = [to.x - 1, to.y + NODE_HEIGHT / 2];
        const bend = Math.max(30, (x2 - x1) / 2);
        if (count++ % LINES_IN_SHAPE === 0) drawn.push({ curves: "", heads: "" });
        const shape = drawn[drawn.length - 1];
        if (!shape) continue;
        shape.curves += `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
        shape.heads += `M${x2} ${y2}l-9 -5v10z`;
      }
    }
    return drawn;
  }, [items, places]);
  return (
    <ViewportPortal>
      <svg className="lines" aria-hidden="true">
        {shapes.map((shape) => (
          <Fragment key={shape.heads}>
            <path className="curves" d={shape.curves} />
            <path className="heads" d={shape.heads} />
          </Fragment>
        ))}
      </svg>
    </ViewportPortal>
  );
});

const NOTHING: ItemNode[] = [];
const BOXES_IN_SHAPE = 64;

/** The nodes of a large graph seen from far away, as a few shapes for each state. */
const Boxes = memo(function Boxes({ items, places }: { items: GraphItem[]; places: Places | null }) {
  const shapes = useMemo(() => {
    const drawn = new Map<string, string>();
    items.forEach((item, at) => {
      const place = places?.[item.id];
      if (!place) return;
      const key = `${item.status === undefined ? "plain" : toneOf(item.status)} ${Math.floor(at / BOXES_IN_SHAPE)}`;
      const box = `M${place.x} ${place.y}h${NODE_WIDTH}v${NODE_HEIGHT}h-${NODE_WIDTH}z`;
      drawn.set(key, (drawn.get(key) ?? "") + box);
    });
    return [...drawn];
  }, [items, places]);
  return (
    <ViewportPortal>
      <svg className="boxes" aria-hidden="true">
        {shapes.map(([key, d]) => (
          <path key={key} className={`b-${key.split(" ")[0]}`} d={d} />
        ))}
      </svg>
    </ViewportPortal>
  );
});

/** A workflow as a graph. What it shows and does is also in the table beside it, for those who cannot use it. */
export const Graph = memo(function Graph(props: Props) {
  return (
    <ReactFlowProvider>
      <Inner {...props} />
    </ReactFlowProvider>
  );
});

/** Around the chosen node, and no part of it: whoever chooses another one changes nothing else. */
function Chosen({ at }: { at: { x: number; y: number } | undefined }) {
  if (!at) return null;
  return (
    <ViewportPortal>
      <div
        className="chosen-node"
        style={{ transform: `translate(${at.x}px, ${at.y}px)`, width: NODE_WIDTH, height: NODE_HEIGHT }}
      />
    </ViewportPortal>
  );
}

function Inner(props: Props) {
  const { items, selected, onSelect, onConnect, onDisconnect, canConnect, onDropData, types } = props;
  const flow = useReactFlow();
  const editable = onConnect !== undefined;
  // Edges that are only looked at, and say nothing, are one shape.
  const plain = !editable && types === undefined;
  // Lines follow the shape of the graph alone, not what becomes of its nodes.
  const shape = useSame(useMemo(() => items.map(({ id, dependsOn }) => ({ id, dependsOn })), [items]));
  const places = usePlaces(shape);
  const least = useMemo(() => leastZoom(places), [places]);
  const far = useStore((state) => state.transform[2] < FAR);
  const nodeOf = useMemo(
    () =>
      remembered<GraphItem, ItemNode>((item) => ({
        id: item.id,
        type: "item",
        position: places?.[item.id] ?? { x: 0, y: 0 },
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
        data: { item, editable },
        // The library draws every node once to find its handles, unless it is told that there are none.
        ...(plain && { handles: [], measured: { width: NODE_WIDTH, height: NODE_HEIGHT } }),
      })),
    [places, editable, plain],
  );
  const many = plain && items.length > MANY;
  // Thousands of nodes that are too small to be read are drawn as shapes; near by, only those in view are there.
  const asShapes = many && far;
  const nodes = useMemo(
    () => (asShapes ? NOTHING : items.filter((item) => places?.[item.id]).map(nodeOf)),
    [items, places, nodeOf, asShapes],
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
  const fit = useStable(() => {
    if (many && places) flow.fitBounds(boundsOf(places), { padding: 0.08 });
    else flow.fitView({ maxZoom: 1, padding: 0.08 });
  });
  useEffect(() => {
    if (count) requestAnimationFrame(fit);
  }, [count, fit]);
  const fits = useCallback(
    (edge: Connection | Edge) => canConnect?.(edge.source, edge.target) ?? true,
    [canConnect],
  );
  // A handler that is another one makes the library render every node.
  const choose = useStable((_: unknown, node: ItemNode) => onSelect(node.id));
  const leave = useStable((event: MouseEvent) => {
    const at = asShapes ? flow.screenToFlowPosition({ x: event.clientX, y: event.clientY }) : null;
    onSelect(at && places ? nodeAt(places, at, NEAR / flow.getZoom()) : null);
  });
  const connect = useStable((edge: Connection) => onConnect?.(edge.source, edge.target));
  const begin = useStable((_: unknown, { nodeId, handleType }: OnConnectStartParams) => {
    if (nodeId && handleType) props.onDrawing?.({ node: nodeId, end: handleType });
  });
  const end = useStable(() => props.onDrawing?.(null));
  const disconnect = useStable((removed: Edge[]) => {
    for (const edge of removed) onDisconnect?.(edge.source, edge.target);
  });
  const drop = (event: DragEvent) => {
    event.preventDefault();
    onDropData?.(event.dataTransfer.getData("text/plain"));
  };
  return (
    <section
      className={`graph ${far ? "far" : ""} ${props.drawn ? `drawn-${props.drawn.end}` : ""}`}
      aria-label={props.label}
      onDragOver={(event) => onDropData && event.preventDefault()}
      onDrop={drop}
    >
      {props.told && (
        <p className="told small" role="status">
          {props.told}
        </p>
      )}
      <Fits.Provider value={props.fits ?? null}>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={TYPES}
          nodesDraggable={false}
          nodesConnectable={editable}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={editable}
          onlyRenderVisibleElements={items.length > MANY}
          minZoom={least}
          deleteKeyCode={editable ? DELETE_KEYS : null}
          onNodeClick={choose}
          onPaneClick={leave}
          onConnect={connect}
          onConnectStart={begin}
          onConnectEnd={end}
          onEdgesDelete={disconnect}
          onBeforeDelete={edgesOnly}
          isValidConnection={fits}
          fitView
        >
          {plain && <Lines items={shape} places={places} />}
          {asShapes && <Boxes items={items} places={places} />}
          <Chosen at={selected === null ? undefined : places?.[selected]} />
          <Background />
          <Controls showInteractive={false} showFitView={!many}>
            {many && (
              // The library's own button knows the nodes that are there, which are not all.
              <ControlButton onClick={fit} title="Fit View" aria-label="Fit View">
                <svg viewBox="0 0 16 16" aria-hidden="true">
                  <path d="M1 1h5v2H3v3H1zm9 0h5v5h-2V3h-3zM1 10h2v3h3v2H1zm12 0h2v5h-5v-2h3z" />
                </svg>
              </ControlButton>
            )}
          </Controls>
        </ReactFlow>
      </Fits.Provider>
    </section>
  );
}
