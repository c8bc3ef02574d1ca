import type { EditorView } from "@codemirror/view";
import { useQuery } from "@tanstack/react-query";
import {
  type ComponentProps,
  type KeyboardEvent,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Link, useParams } from "react-router";
import { useAct } from "../api/act";
import { ApiError, request } from "../api/client";
import { type DryRun, useCompiled, useConnections, useOffers } from "../api/compile";
import { useAgents, useWorkflows } from "../api/queries";
import type { DraftAnswer } from "../api/schema";
import type { Agent, Compiled, Diagnostic, WorkflowDetail } from "../api/types";
import { Failure, Loading, Page } from "../components/basics";
import { Graph, type GraphItem } from "../graph/Graph";
import { useSession } from "../session";
import { isObject } from "../text/json";
import { type Drawn, type Fit, fitsOf, toldOf } from "../workflow/connecting";
import { type Conflict, DeployDialog } from "../workflow/DeployDialog";
import {
  applyTo,
  createEditor,
  fixOf,
  rangeOf,
  redo,
  replaceAll,
  replacementOf,
  reveal,
  severityOf,
  showDiagnostics,
  textOf,
  undo,
} from "../workflow/editor";
import { MergeDialog } from "../workflow/MergeDialog";
import { NodeForm } from "../workflow/NodeForm";
import { PastEventsDialog } from "../workflow/PastEventsDialog";
import { TestDialog, type Tried } from "../workflow/TestDialog";
import { forget, keep, kept, placeOf } from "../workflow/unsaved";
import { VersionsDialog } from "../workflow/VersionsDialog";
import { WorkflowForm } from "../workflow/WorkflowForm";
import {
  addCall,
  addNode,
  addTrigger,
  closesCircle,
  connect,
  disconnect,
  EMPTY,
  readWorkflow,
  removeNode,
  removeTrigger,
  renameNode,
  setInput,
  setNodeField,
  type WorkflowModel,
} from "../workflow/workflowText";
import { CannotEdit, type Edit, type Path, removeKey, setValue } from "../workflow/yamlEdit";

const NONE = '"0"';

interface Loaded {
  name: string | null;
  /** As it is deployed; null where the server keeps no text. */
  source: string | null;
  etag: string | null;
  draft: string | null;
  /** Who wrote the draft. */
  draftBy: string | null;
  /** Of the draft; `"0"` is the tag of one that is not there. */
  draftEtag: string;
}

export default function BuilderPage() {
  const { name } = useParams();
  const loaded = useQuery({
    queryKey: ["source", name ?? null],
    queryFn: ({ signal }) => load(name ?? null, signal),
    // The text on screen is the person's: it is not exchanged by a fetch.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const title = name ?? "New workflow";
  if (loaded.error) {
    return (
      <Page title={title}>
        <Failure error={loaded.error} retry={() => loaded.refetch()} />
      </Page>
    );
  }
  if (!loaded.data) return <Loading />;
  if (name && loaded.data.source === null && loaded.data.draft === null) {
    return (
      <Page title={title}>
        <p className="notice">
          The text of this version was not kept. From the next <code>commandcenter deploy</code> of its file
          on it can be edited here.
        </p>
      </Page>
    );
  }
  return <Builder key={name ?? ""} loaded={loaded.data} />;
}

const NOTHING: Loaded = {
  name: null,
  source: null,
  etag: null,
  draft: null,
  draftBy: null,
  draftEtag: NONE,
};

async function load(name: string | null, signal: AbortSignal): Promise<Loaded> {
  if (name === null) return { ...NOTHING, name };
  const at = `workflows/${encodeURIComponent(name)}`;
  const [workflow, draft] = await Promise.allSettled([
    request<WorkflowDetail>(at, { signal }),
    request<DraftAnswer>(`${at}/draft`, { signal }),
  ]);
  if (workflow.status === "rejected" && draft.status === "rejected") throw workflow.reason;
  const found = workflow.status === "fulfilled" ? workflow.value : null;
  const written = draft.status === "fulfilled" ? draft.value.body : null;
  return {
    name,
    source: found?.body.source ?? null,
    // A draft counts against the version that it began from: a newer one is a conflict, not something to overwrite.
    etag: written?.baseETag ?? found?.headers.get("etag") ?? null,
    draft: written?.source ?? null,
    draftBy: written?.updatedBy ?? null,
    draftEtag: (draft.status === "fulfilled" && draft.value.headers.get("etag")) || NONE,
  };
}

const TABS = ["node", "workflow", "yaml"] as const;
type Tab = (typeof TABS)[number];

function Builder({ loaded }: { loaded: Loaded }) {
  const { me } = useSession();
  const place = placeOf(me.project, loaded.name);
  const known = loaded.draft ?? loaded.source ?? EMPTY;
  // What was on screen when the page was left.
  const [before] = useState(() => kept(place));
  const [found, setFound] = useState(before !== null && before.text !== known);
  const start = before?.text ?? known;
  const [text, setText] = useState(start);
  const [saved, setSaved] = useState(known);
  const [etag, setEtag] = useState(before ? before.etag : loaded.etag);
  const [draftEtag, setDraftEtag] = useState(loaded.draftEtag);
  const [selected, setSelected] = useState<string | null>(null);
  const [tab, setTab] = useState<Tab>(loaded.name ? "yaml" : "workflow");
  const [refusal, setRefusal] = useState<string | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const [test, setTest] = useState<DryRun | null>(null);
  const [dialog, setDialog] = useState<"test" | "events" | "versions" | "deploy" | null>(null);
  const [tried, setTried] = useState<Tried>({ context: "", cases: "" });
  // Another node is another form; another name of the same is not, and the focus stays in it.
  const [form, setForm] = useState(0);
  const [theirs, setTheirs] = useState<Conflict | null>(null);
  const view = useRef<EditorView | null>(null);
  const agents = useAgents();
  const workflows = useWorkflows();
  const compiled = useCompiled(text);
  const model = useLastGood(text);
  const dirty = text !== saved;
  useUnsaved(dirty, place, text, etag);

  const editorAt = useCallback(
    (element: HTMLElement | null) => {
      if (!element) {
        view.current?.destroy();
        view.current = null;
      } else view.current ??= createEditor(element, start, setText);
    },
    [start],
  );
  useEffect(() => {
    if (view.current && compiled.data && compiled.current)
      showDiagnostics(view.current, compiled.data.diagnostics);
  }, [compiled.data, compiled.current]);

  /** All changes of canvas and form go this way, into the one text with its one history. */
  const change = (make: (now: string) => Edit[]) => {
    if (!view.current) return false;
    try {
      applyTo(view.current, make(textOf(view.current.state)));
      setRefusal(null);
      setTest(null);
      return true;
    } catch (error) {
      if (!(error instanceof CannotEdit)) throw error;
      setRefusal(error.message);
      return false;
    }
  };
  const add = (what: Addition, byKeys = false) => {
    let id = "";
    const done = change((now) => {
      const made =
        what.workflow !== undefined
          ? addCall(now, what.workflow, selected)
          : addNode(now, what.agent, what.action, selected);
      id = made.id;
      return made.edits;
    });
    if (!done) return;
    select(id);
    // With the mouse one may add the next; from the keyboard the way to the form is long.
    if (byKeys) requestAnimationFrame(() => inspector.current?.querySelector<HTMLElement>("input")?.focus());
  };
  const inspector = useRef<HTMLDivElement>(null);
  const select = (id: string | null) => {
    setSelected(id);
    if (id !== selected) setForm((now) => now + 1);
    if (id) setTab("node");
  };
  const node = model.nodes.find((each) => each.id === selected) ?? null;
  const planned = compiled.data?.plan?.nodes.find((each) => each.id === selected);
  const callable = (workflows.data ?? [])
    .filter((each) => each.status === "ACTIVE" && each.name !== model.name)
    .map((each) => each.name);
  const items = useMemo(() => itemsOf(model, compiled.data, test), [model, compiled.data, test]);
  const types = useMemo(
    () =>
      Object.fromEntries(
        (compiled.data?.plan?.edges ?? []).map((edge) => [`${edge.from}→${edge.to}`, edge.type ?? ""]),
      ),
    [compiled.data],
  );
  const [drawn, setDrawn] = useState<Drawn | null>(null);
  const edges = useConnections(text, drawn?.node ?? null);
  const fits = useMemo(() => (drawn ? fitsOf(drawn, model.nodes, edges) : null), [drawn, model, edges]);
  const connectNodes = (from: string, to: string) => {
    setDrawn(null);
    // What can flow along the new edge is told in the form of the node that it leads to.
    if (change((now) => connect(now, from, to))) select(to);
  };
  const name = model.name || loaded.name || "";
  const draftAt = `workflows/${encodeURIComponent(name)}/draft`;
  const conflictOfDraft = (error: Error) => {
    const found = draftThere(error, loaded.source);
    if (found) setTheirs(found);
  };
  const save = useAct({
    mutationFn: async () => {
      const kept = await request(draftAt, {
        method: "PUT",
        json: { source: text, baseETag: etag },
        headers: { "If-Match": draftEtag },
      });
      return { text, etag: kept.headers.get("etag") ?? NONE };
    },
    onSuccess: (kept) => {
      setSaved(kept.text);
      setDraftEtag(kept.etag);
      setNotice("draft saved");
    },
    onError: conflictOfDraft,
  });
  const discard = useAct({
    mutationFn: () =>
      request(draftAt, { method: "DELETE", headers: { "If-Match": draftEtag } }).catch((error: unknown) => {
        // Gone already, by a deploy in another tab: that is what was asked for.
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
      }),
    onSuccess: () => {
      forget(place);
      setDraftEtag(NONE);
      setSaved(loaded.source ?? EMPTY);
      if (view.current) replaceAll(view.current, loaded.source ?? EMPTY);
      setNotice("draft discarded");
    },
    onError: conflictOfDraft,
  });
  const mayWrite = me.may.includes("author");

  return (
    <Page
      title={loaded.name ?? "New workflow"}
      className="full"
      lead={
        <>
          <Link to="/workflows">Workflows</Link> ·{" "}
          {dirty ? "not saved" : (notice ?? standing(loaded, me.name))}
        </>
      }
      actions={
        <>
          <button type="button" onClick={() => view.current && undo(view.current)}>
            Undo
          </button>
          <button type="button" onClick={() => view.current && redo(view.current)}>
            Redo
          </button>
          <button type="button" disabled={!mayWrite || !name} onClick={() => save.mutate()}>
            Save draft
          </button>
          {draftEtag !== NONE && mayWrite && (
            <button type="button" onClick={() => discard.mutate()}>
              Discard draft
            </button>
          )}
          {loaded.source !== null && (
            <button type="button" onClick={() => setDialog("versions")}>
              Versions …
            </button>
          )}
          <button type="button" onClick={() => setDialog("test")}>
            Test …
          </button>
          <button type="button" onClick={() => setDialog("events")}>
            Past events …
          </button>
          <button type="button" className="primary" disabled={!mayWrite} onClick={() => setDialog("deploy")}>
            Deploy …
          </button>
        </>
      }
    >
      {!mayWrite && (
        <p className="notice">
          Your role, {me.role}, tries workflows out here; saving and deploying them is for authors.
        </p>
      )}
      {save.error && !theirs && <Failure error={save.error} />}
      {discard.error && !theirs && <Failure error={discard.error} />}
      {found && (
        <div className="notice row" role="status">
          <span className="grow">This is what you had not saved when you left this page.</span>
          <button
            type="button"
            className="tiny"
            onClick={() => {
              if (view.current) replaceAll(view.current, known);
              setEtag(loaded.etag);
              setFound(false);
            }}
          >
            Throw it away
          </button>
          <button type="button" className="tiny" onClick={() => setFound(false)}>
            Close
          </button>
        </div>
      )}
      {refusal && (
        <div className="notice warn row" role="alert">
          <span className="grow">That was not done: {refusal}.</span>
          <button type="button" className="tiny" onClick={() => setRefusal(null)}>
            Close
          </button>
        </div>
      )}
      <div className="builder">
        <Palette
          agents={agents.data ?? []}
          workflows={callable}
          error={agents.error}
          add={add}
          after={selected}
        />
        <div className="canvas">
          <Graph
            items={items}
            selected={selected}
            onSelect={select}
            label="Graph of the workflow"
            types={types}
            onConnect={connectNodes}
            onDrawing={setDrawn}
            drawn={drawn}
            fits={fits}
            told={drawn && fits ? toldOf(drawn, fits) : undefined}
            onDisconnect={(from, to) => change((now) => disconnect(now, from, to))}
            canConnect={(from, to) => from !== to && !closesCircle(model.nodes, from, to)}
            onDropData={(data) => {
              const what = additionOf(data);
              if (what) add(what);
            }}
          />
          <NodeList
            model={model}
            selected={selected}
            select={select}
            drawn={drawn}
            fits={fits}
            draw={setDrawn}
            connect={connectNodes}
          />
          <Problems
            compiled={compiled.data}
            absent={compiled.absent}
            error={compiled.absent ? null : compiled.error}
            fix={(each) => {
              const replacement = replacementOf(each);
              if (!view.current || replacement === null) return;
              applyTo(view.current, [{ ...rangeOf(view.current, each), insert: replacement }]);
            }}
            go={(line, column) => {
              setTab("yaml");
              requestAnimationFrame(() => view.current && reveal(view.current, line, column));
            }}
          />
        </div>
        <div className="inspect">
          <div className="tabs" role="tablist" aria-label="Editors">
            {TABS.map((each) => (
              <button
                key={each}
                type="button"
                role="tab"
                id={`tab-${each}`}
                aria-selected={tab === each}
                aria-controls={`panel-${each}`}
                onClick={() => setTab(each)}
                onKeyDown={(event) => {
                  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
                  const next = step && TABS[(TABS.indexOf(each) + step + TABS.length) % TABS.length];
                  if (!next) return;
                  setTab(next);
                  document.getElementById(`tab-${next}`)?.focus();
                }}
              >
                {each === "node" ? "Node" : each === "workflow" ? "Workflow" : "YAML"}
              </button>
            ))}
          </div>
          <div
            className="body"
            role="tabpanel"
            id="panel-node"
            ref={inspector}
            aria-labelledby="tab-node"
            hidden={tab !== "node"}
          >
            {node ? (
              <NodeFields
                key={form}
                text={text}
                node={node}
                model={model}
                agents={agents.data ?? []}
                workflows={callable}
                inputSchema={planned?.inputSchema}
                risk={
                  planned?.risk ??
                  agents.data?.find((each) => each.name === node.agent)?.actions[node.action]?.risk
                }
                rename={(to) => change((now) => renameNode(now, node.id, to)) && setSelected(to)}
                setField={(field, value) => change((now) => setNodeField(now, node.id, field, value))}
                gated={Boolean(planned?.gate)}
                setInput={(path, value) => change((now) => setInput(now, node.id, path, value))}
                connect={(from) => change((now) => connect(now, from, node.id))}
                disconnect={(from) => change((now) => disconnect(now, from, node.id))}
                remove={() => change((now) => removeNode(now, node.id)) && setSelected(null)}
              />
            ) : (
              <p className="muted">Choose a node in the graph or the list, or add one from the left.</p>
            )}
          </div>
          <div
            className="body"
            role="tabpanel"
            id="panel-workflow"
            aria-labelledby="tab-workflow"
            hidden={tab !== "workflow"}
          >
            <WorkflowForm
              model={model}
              addTrigger={() => change(addTrigger)}
              removeTrigger={(at) => change((now) => removeTrigger(now, at))}
              set={(path: Path, value) =>
                change((now) => (value === undefined ? removeKey(now, path) : setValue(now, path, value)))
              }
            />
          </div>
          <div
            className="body"
            role="tabpanel"
            id="panel-yaml"
            aria-labelledby="tab-yaml"
            hidden={tab !== "yaml"}
          >
            <div className="editor" ref={editorAt} />
          </div>
        </div>
      </div>
      {dialog === "test" && (
        <TestDialog text={text} tried={tried} type={setTried} close={() => setDialog(null)} show={setTest} />
      )}
      {dialog === "events" && <PastEventsDialog text={text} close={() => setDialog(null)} />}
      {dialog === "deploy" && (
        <DeployDialog
          name={name}
          text={text}
          etag={etag}
          before={loaded.name}
          compiled={compiled.data}
          current={compiled.current}
          close={() => setDialog(null)}
          conflict={(found) => {
            setDialog(null);
            setTheirs(found);
          }}
          done={(newEtag) => {
            forget(place);
            // That of a new workflow goes with this page.
            if (loaded.name === name) setDialog(null);
            // What was made from a draft takes its place; one that somebody has changed since then stays.
            if (draftEtag !== NONE)
              request(draftAt, { method: "DELETE", headers: { "If-Match": draftEtag } }).catch(
                () => undefined,
              );
            setDraftEtag(NONE);
            setSaved(text);
            setEtag(newEtag);
            setNotice("deployed");
          }}
        />
      )}
      {dialog === "versions" && loaded.name && (
        <VersionsDialog
          name={loaded.name}
          mine={text}
          close={() => setDialog(null)}
          take={(taken) => {
            if (view.current) replaceAll(view.current, taken);
            setDialog(null);
          }}
        />
      )}
      {theirs && (
        <MergeDialog
          title="Somebody else has changed it"
          lead="Nothing was overwritten."
          left={theirs.draftEtag === undefined ? "what is deployed now" : "the draft of now"}
          theirs={theirs.source}
          mine={text}
          base={theirs.base}
          close={() => setTheirs(null)}
          take={(merged) => {
            if (view.current) replaceAll(view.current, merged);
            if (theirs.draftEtag === undefined) setEtag(theirs.etag);
            else setDraftEtag(theirs.draftEtag);
            setTheirs(null);
          }}
        />
      )}
    </Page>
  );
}

/** What the text says; while it is no YAML, what it said before. */
function useLastGood(text: string): WorkflowModel {
  const last = useRef<WorkflowModel>({ name: "", description: "", trigger: null, nodes: [], written: {} });
  return useMemo(() => {
    const read = readWorkflow(text);
    if (read) last.current = read;
    return last.current;
  }, [text]);
}

/** What can be said of a text that nobody has touched. */
function standing(loaded: Loaded, me: string): string {
  if (loaded.draft !== null) return loaded.draftBy === me ? "your draft" : `draft of ${loaded.draftBy}`;
  return loaded.source === null ? "new" : "as deployed";
}

/** Kept while it is not saved, and asked about before the tab is closed. */
function useUnsaved(dirty: boolean, place: string, text: string, etag: string | null): void {
  useEffect(() => {
    if (dirty) keep(place, { text, etag });
    else forget(place);
  }, [dirty, place, text, etag]);
  useEffect(() => {
    if (!dirty) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [dirty]);
}

/** Somebody else's draft, in the place of the one that the page knows; null for another error. */
function draftThere(error: Error, base: string | null): Conflict | null {
  if (!(error instanceof ApiError) || error.status !== 412 || !isObject(error.detail)) return null;
  const { current, etag } = error.detail;
  const source = isObject(current) ? current.source : null;
  if (typeof source !== "string" || typeof etag !== "string") return null;
  return { source, etag: null, base, draftEtag: etag };
}

function itemsOf(model: WorkflowModel, compiled: Compiled | undefined, test: DryRun | null): GraphItem[] {
  const gated = new Set(compiled?.plan?.nodes.filter((node) => node.gate).map((node) => node.id));
  const tainted = new Set(
    compiled?.plan?.nodes.filter((node) => isTainted(node.tainted)).map((node) => node.id),
  );
  const several = test !== null && test.answer.cases.length > 1;
  const missed = new Map<string, string[]>();
  for (const branch of several ? test.answer.coverage.missed : []) {
    const [node = "", way = ""] = branch.split(": ");
    missed.set(node, [...(missed.get(node) ?? []), way]);
  }
  return model.nodes
    .filter((node) => node.id)
    .map((node) => {
      const marks: string[] = [];
      if (gated.has(node.id) || node.approvalRequired) marks.push("approval");
      if (node.when !== undefined) marks.push("when");
      if (node.written.foreach !== undefined) marks.push("for each");
      if (tainted.has(node.id)) marks.push("outside text");
      if (several) marks.push(`${test.ran[node.id] ?? 0} of ${test.answer.cases.length} cases`);
      return {
        id: node.id,
        what: node.workflow ? `workflow · ${node.workflow}` : `${node.agent} · ${node.action}`,
        dependsOn: node.dependsOn,
        marks,
        status: test ? (test.statuses[node.id] ?? "PENDING") : undefined,
        untaken: missed.get(node.id),
      };
    });
}

function isTainted(value: unknown): boolean {
  return Array.isArray(value)
    ? value.length > 0
    : isObject(value)
      ? Object.keys(value).length > 0
      : value === true;
}

/** The form of a node, with what its templates may read in the text of now. */
function NodeFields({
  text,
  ...props
}: { text: string } & Omit<ComponentProps<typeof NodeForm>, "offers" | "fits">) {
  const { node, model } = props;
  const offers = useOffers(text, node.id);
  const edges = useConnections(text, node.id);
  const fits = useMemo(
    () => fitsOf({ node: node.id, end: "target" }, model.nodes, edges),
    [node.id, model, edges],
  );
  return <NodeForm {...props} offers={offers} fits={fits} />;
}

/** What the palette adds: an action of an agent, or a call of a workflow. */
type Addition = { agent: string; action: string; workflow?: undefined } | { workflow: string };

/** What is dragged, as text. */
function draggedAs(what: Addition): string {
  return what.workflow !== undefined ? `workflow\n${what.workflow}` : `${what.agent}\n${what.action}`;
}

function additionOf(dragged: string): Addition | null {
  const [agent, action] = dragged.split("\n");
  if (!agent || !action) return null;
  return agent === "workflow" ? { workflow: action } : { agent, action };
}

function Palette({
  agents,
  workflows,
  error,
  add,
  after,
}: {
  agents: Agent[];
  workflows: string[];
  error: unknown;
  add: (what: Addition, byKeys: boolean) => void;
  after: string | null;
}) {
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLowerCase();
  const called = workflows.filter((name) => !wanted || name.toLowerCase().includes(wanted));
  return (
    <section className="palette" aria-label="Agents">
      <input
        type="search"
        aria-label="Search agents"
        placeholder="search"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <p className="small muted">
        Drag to the graph, or press: {after ? `it runs after ${after}.` : "it waits for no other node."}
      </p>
      {error !== null && error !== undefined && <Failure error={error} />}
      {agents.map((agent) => {
        const actions = Object.entries(agent.actions).filter(
          ([name, action]) =>
            !wanted || `${agent.name} ${name} ${action.description}`.toLowerCase().includes(wanted),
        );
        if (!actions.length) return null;
        return (
          <div className="agent" key={agent.name}>
            <strong>{agent.name}</strong>
            {actions.map(([name, action]) => (
              <div key={name}>
                <button
                  type="button"
                  className="tiny"
                  draggable
                  title={action.description}
                  aria-label={`Add ${agent.name} ${name}`}
                  onDragStart={(event) =>
                    event.dataTransfer.setData("text/plain", draggedAs({ agent: agent.name, action: name }))
                  }
                  onClick={(event) => add({ agent: agent.name, action: name }, event.detail === 0)}
                >
                  {name}
                </button>
                {action.risk === "APPROVAL_REQUIRED" && (
                  <span className="small muted">a person is asked</span>
                )}
              </div>
            ))}
          </div>
        );
      })}
      {called.length > 0 && (
        <div className="agent">
          <strong>workflows</strong>
          {called.map((name) => (
            <div key={name}>
              <button
                type="button"
                className="tiny"
                draggable
                aria-label={`Add a call of ${name}`}
                onDragStart={(event) =>
                  event.dataTransfer.setData("text/plain", draggedAs({ workflow: name }))
                }
                onClick={(event) => add({ workflow: name }, event.detail === 0)}
              >
                {name}
              </button>
            </div>
          ))}
        </div>
      )}
    </section>
  );
}

/** The graph as a list, for keyboard and screen readers: what is chosen and connected there can be here as well. */
function NodeList({
  model,
  selected,
  select,
  drawn,
  fits,
  draw,
  connect,
}: {
  model: WorkflowModel;
  selected: string | null;
  select: (id: string) => void;
  drawn: Drawn | null;
  fits: Record<string, Fit | undefined> | null;
  draw: (drawn: Drawn | null) => void;
  connect: (from: string, to: string) => void;
}) {
  const list = useRef<HTMLDetailsElement>(null);
  if (!model.nodes.length) return null;
  const leave = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !drawn) return;
    list.current?.querySelector<HTMLElement>("[aria-pressed=true].draw")?.focus();
    draw(null);
  };
  return (
    <details ref={list} onKeyDown={leave}>
      <summary className="small">Nodes as a list ({model.nodes.length.toLocaleString()})</summary>
      <div className="problems">
        <ul>
          {model.nodes.slice(0, 500).map((node) => (
            <li key={node.id}>
              <button
                type="button"
                className="plain tiny"
                aria-pressed={node.id === selected}
                onClick={() => select(node.id)}
              >
                {node.id}
              </button>
              <span className="muted">
                {node.workflow || `${node.agent} ${node.action}`}
                {node.dependsOn.length > 0 && `, after ${node.dependsOn.join(", ")}`}
              </span>
              <Connecting id={node.id} drawn={drawn} fit={fits?.[node.id]} draw={draw} connect={connect} />
            </li>
          ))}
        </ul>
      </div>
    </details>
  );
}

/** One button in each state, so that the focus stays where it is: begin an edge here, end it here, or leave it. */
function Connecting({
  id,
  drawn,
  fit,
  draw,
  connect,
}: {
  id: string;
  drawn: Drawn | null;
  fit: Fit | undefined;
  draw: (drawn: Drawn | null) => void;
  connect: (from: string, to: string) => void;
}) {
  const own = drawn?.node === id;
  const from = own ? null : (drawn?.node ?? null);
  return (
    <>
      <button
        type="button"
        className="tiny draw"
        aria-pressed={own}
        aria-label={from === null ? `Connect from ${id}` : `Connect ${from} to ${id}`}
        disabled={from !== null && fit?.state === "no"}
        onClick={() => (from !== null ? connect(from, id) : draw(own ? null : { node: id, end: "source" }))}
      >
        {from === null ? "Connect …" : "Connect"}
      </button>
      {from !== null && fit && (
        <span className={fit.state === "fits" ? "ink-green" : "muted"}>{fit.words}</span>
      )}
    </>
  );
}

function Problems({
  compiled,
  absent,
  error,
  go,
  fix,
}: {
  compiled: Compiled | undefined;
  absent: boolean;
  error: unknown;
  fix: (diagnostic: Diagnostic) => void;
  go: (line: number, column: number) => void;
}) {
  const found = compiled?.diagnostics ?? [];
  return (
    <section className="panel problems" aria-label="Problems" aria-live="polite">
      <h2>{found.length === 0 ? "Problems" : `Problems (${found.length})`}</h2>
      {absent && <p className="muted">This server checks a workflow only when it is deployed.</p>}
      {error !== null && error !== undefined && (
        <p className="muted">Not checked: {String((error as Error).message)}</p>
      )}
      {compiled?.plan && found.length === 0 && (
        <p>
          None. Plan <code>{compiled.plan.digest.slice(0, 19)}</code>
        </p>
      )}
      <ul>
        {found.map((each) => (
          <li key={`${each.code}${each.line}.${each.column}${each.message}`}>
            <span
              className={`status tone-${severityOf(each) === "error" ? "red" : severityOf(each) === "warning" ? "yellow" : "gray"}`}
            >
              {severityOf(each)}
            </span>
            <span className="grow">
              <button type="button" className="plain tiny" onClick={() => go(each.line, each.column)}>
                {each.line}:{each.column}
              </button>{" "}
              {each.message} {fixOf(each) && <span className="muted">{fixOf(each)}</span>}{" "}
              {replacementOf(each) !== null && (
                <button type="button" className="tiny" onClick={() => fix(each)}>
                  Fix it
                </button>
              )}{" "}
              <code className="muted">{each.code}</code>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
