import { useQuery, useQueryClient } from "@tanstack/react-query";
import { memo, useMemo, useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { useAct } from "../api/act";
import { download, get, post } from "../api/client";
import { useRun } from "../api/queries";
import type { RerunPreviewAnswer } from "../api/schema";
import type { AgentRun, Json, RunDetail, WorkflowDetail } from "../api/types";
import { Ago, Failure, JsonBox, Loading, Page, Status, Took, useNow } from "../components/basics";
import { Dialog } from "../components/Dialog";
import { LogView } from "../components/LogView";
import { remembered, useSame, useStable } from "../components/same";
import { Graph, type GraphItem } from "../graph/Graph";
import { useSession } from "../session";
import { uncoloured } from "../shown/visible";
import { isObject } from "../text/json";
import { ended, wordOf } from "../text/status";
import { span } from "../text/time";
import { type NodeView, nodeViews, type PlanStep, rootCause, stepsOf, timeline } from "../workflow/runView";

export default function RunPage() {
  const { id = "" } = useParams();
  const run = useRun(id);
  const steps = usePlan(run.data);
  if (run.error && !run.data) {
    return (
      <Page title="Run">
        <Failure error={run.error} retry={() => run.refetch()} />
      </Page>
    );
  }
  if (!run.data) return <Loading />;
  return <Monitor key={run.data.id} run={run.data} steps={steps} />;
}

const NO_STEPS: PlanStep[] = [];

/** The graph of the plan that the run took. */
function usePlan(run: RunDetail | undefined): PlanStep[] {
  const graph = run?.graph;
  const own = useMemo(() => (graph ? stepsOf(graph.nodes) : []), [graph]);
  const missing = run !== undefined && own.length === 0 && run.planDigest !== null;
  const plan = useQuery({
    queryKey: ["plan", run?.workflowName, run?.planDigest],
    enabled: missing,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const workflow = await get<WorkflowDetail>(
        `workflows/${encodeURIComponent(run?.workflowName ?? "")}`,
        undefined,
        signal,
      );
      // A newer version has other nodes: rather none than the wrong ones.
      return workflow.planDigest === run?.planDigest ? stepsOf(workflow.plan?.nodes) : [];
    },
  });
  return own.length ? own : (plan.data ?? NO_STEPS);
}

function Monitor({ run, steps }: { run: RunDetail; steps: PlanStep[] }) {
  const [params, setParams] = useSearchParams();
  const { me } = useSession();
  // What has not changed is the same object as before: rows and shapes of it are not drawn again.
  const nodes = useSame(useMemo(() => nodeViews(run, steps), [run, steps]));
  const cause = run.status === "FAILED" ? rootCause(nodes) : null;
  const chosen = nodes.find((node) => node.id === params.get("node")) ?? null;
  const select = useStable((id: string | null) => setParams(id ? { node: id } : {}, { replace: true }));
  const live = !ended(run.status);
  const items = useMemo(() => nodes.map(itemOf), [nodes]);
  const waiting = run.approvals.filter((approval) => approval.status === "PENDING");
  return (
    <Page
      title={run.workflowName}
      className="wide"
      lead={
        <>
          Run <code>{run.id}</code> · {run.trigger}
          {run.triggeredBy && ` by ${run.triggeredBy}`} · started <Ago at={run.startedAt} /> · took{" "}
          <Took from={run.startedAt} to={run.finishedAt} />
        </>
      }
      actions={
        <>
          <Status status={run.status} />
          {me.may.includes("operate") && <Acts run={run} nodes={nodes} chosen={chosen} />}
        </>
      }
    >
      {run.status === "FAILED" && (
        <div className="notice bad" role="status">
          <p>
            <strong>{cause ? `It failed at ${cause.id}.` : "It failed."}</strong>{" "}
            {run.rootCause?.message ?? cause?.reason ?? run.message}
          </p>
          {cause && (
            <button type="button" onClick={() => select(cause.id)}>
              Look at {cause.id}
            </button>
          )}
        </div>
      )}
      {waiting.map((approval) => (
        <div className="notice" key={approval.id}>
          <strong>{approval.nodeId}</strong> waits for a decision.{" "}
          <Link to={`/approvals/${approval.id}`}>Look at it and decide</Link>
        </div>
      ))}
      <Graph items={items} selected={chosen?.id ?? null} onSelect={select} label="Graph of the run" />
      <div className="two">
        <div className="stack">
          <NodeTable nodes={nodes} chosen={chosen} select={select} />
          <Timeline run={run} />
          <section className="panel">
            <h2>{chosen ? `Log of ${chosen.id}` : "Log"}</h2>
            <LogView runId={run.id} node={chosen?.id ?? null} live={live} />
          </section>
        </div>
        {chosen ? (
          <NodePanel key={chosen.id} run={run} node={chosen} close={() => select(null)} />
        ) : (
          <RunFacts run={run} />
        )}
      </div>
    </Page>
  );
}

const itemOf = remembered(
  (node: NodeView): GraphItem => ({
    id: node.id,
    what: [node.agent, node.action].filter(Boolean).join(" · "),
    dependsOn: node.dependsOn,
    status: node.status,
    marks: marksOf(node),
  }),
);

function marksOf(node: NodeView): string[] {
  const marks: string[] = [];
  const tries = Math.max(0, ...node.attempts.map((each) => each.attempt));
  if (node.items.length) {
    marks.push(`${node.items.filter((item) => item.status === "SUCCESS").length}/${node.items.length} items`);
  } else if (tries > 1) marks.push(`${tries} attempts`);
  if (node.gated && node.status === "PENDING") marks.push("gate");
  return marks;
}

const FIRST_ROWS = 100;
const MORE_ROWS = 200;

const NodeTable = memo(function NodeTable({
  nodes,
  chosen,
  select,
}: {
  nodes: NodeView[];
  chosen: NodeView | null;
  select: (id: string) => void;
}) {
  const [shown, setShown] = useState(FIRST_ROWS);
  return (
    <div className="tablebox">
      <table>
        <caption className="visually-hidden">Nodes of the run</caption>
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Status</th>
            <th scope="col">Agent</th>
            <th scope="col">After</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          {nodes.slice(0, shown).map((node) => (
            <NodeRow key={node.id} node={node} chosen={node === chosen} select={select} />
          ))}
        </tbody>
      </table>
      {nodes.length > shown && (
        <button type="button" onClick={() => setShown(shown + MORE_ROWS)}>
          Show more of {nodes.length.toLocaleString()} nodes
        </button>
      )}
    </div>
  );
});

const NodeRow = memo(function NodeRow({
  node,
  chosen,
  select,
}: {
  node: NodeView;
  chosen: boolean;
  select: (id: string) => void;
}) {
  const first = node.attempts[0];
  const last = node.attempts.at(-1);
  return (
    <tr className={chosen ? "chosen" : ""}>
      <td>
        <button type="button" className="plain tiny" aria-pressed={chosen} onClick={() => select(node.id)}>
          {node.id}
        </button>
      </td>
      <td>
        <Status status={node.status} /> <span className="small muted">{marksOf(node).join(", ")}</span>
      </td>
      <td>
        {node.agent} {node.action && <span className="muted">{node.action}</span>}
      </td>
      <td className="small">{node.dependsOn.join(", ") || "–"}</td>
      <td className="one-line">
        {first && last ? <Took from={first.startedAt} to={last.finishedAt} /> : "–"}
      </td>
    </tr>
  );
});

const Timeline = memo(function Timeline({ run }: { run: RunDetail }) {
  const now = useNow(ended(run.status) ? 60_000 : 1_000);
  const bars = timeline(run, now);
  if (!bars.length) return null;
  return (
    <section className="panel">
      <h2>Timeline</h2>
      <p className="small muted">Striped: it waited for a person. One bar for each attempt.</p>
      <ul className="timeline" style={{ padding: 0, margin: 0, listStyle: "none" }}>
        {bars.slice(0, 300).map((bar) => (
          <li key={bar.key} style={{ display: "contents" }}>
            <span className="name">{bar.label}</span>
            <span className="track">
              <span
                className={`bar ${bar.tone}`}
                style={{ left: `${bar.from * 100}%`, width: `${Math.max(0.4, bar.length * 100)}%` }}
              />
              <span className="visually-hidden">{bar.words}</span>
            </span>
            <span className="small" title={bar.words}>
              {span(bar.ms)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
});

function RunFacts({ run }: { run: RunDetail }) {
  return (
    <section className="panel stack">
      <h2>The run</h2>
      <dl className="facts">
        <dt>Message</dt>
        <dd>{run.message || "–"}</dd>
        <dt>Plan</dt>
        <dd>
          <code>{run.planDigest?.slice(0, 19) ?? "–"}</code>
        </dd>
        <dt>Workflow</dt>
        <dd>
          <Link to={`/workflows/${encodeURIComponent(run.workflowName)}`}>{run.workflowName}</Link>
        </dd>
        <dt>Prefect</dt>
        <dd>
          {run.prefectUrl ? (
            <a href={run.prefectUrl} target="_blank" rel="noopener">
              its flow run in Prefect's UI
            </a>
          ) : (
            <code>{run.flowRunId ?? "–"}</code>
          )}
        </dd>
        {Object.entries(run.executedBy).map(([name, version]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{version}</dd>
          </div>
        ))}
        {run.reopened > 0 && (
          <>
            <dt>Reopened</dt>
            <dd>{run.reopened === 1 ? "1 time" : `${run.reopened} times`}</dd>
          </>
        )}
      </dl>
      <h3>Context</h3>
      <JsonBox value={run.context} label="Context of the run" />
      {run.outputs !== null && run.outputs !== undefined && (
        <>
          <h3>Outputs</h3>
          <JsonBox value={run.outputs} label="Outputs of the run" />
        </>
      )}
      <Artifacts runId={run.id} refs={null} />
      {run.audit.length > 0 && (
        <details>
          <summary>Who did what ({run.audit.length})</summary>
          <ul className="small">
            {run.audit.map((entry) => (
              <li key={`${entry.at}${entry.event}`}>
                {entry.event} {entry.by && `by ${entry.by}`} <Ago at={entry.at} /> {entry.notes}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function NodePanel({ run, node, close }: { run: RunDetail; node: NodeView; close: () => void }) {
  const [attempt, setAttempt] = useState(node.attempts.length - 1);
  const shown = node.attempts[Math.min(attempt, node.attempts.length - 1)];
  return (
    <section className="panel stack" aria-label={`Node ${node.id}`}>
      <div className="head">
        <h2>{node.id}</h2>
        <div className="row">
          <Status status={node.status} />
          <button type="button" className="tiny" onClick={close}>
            Close
          </button>
        </div>
      </div>
      {node.reason && <p className={`notice ${node.status === "FAILED" ? "bad" : ""}`}>{node.reason}</p>}
      {node.attempts.length > 1 && (
        <div className="row" role="group" aria-label="Attempts">
          {node.attempts.slice(0, 100).map((each, index) => (
            <button
              type="button"
              className="tiny"
              key={each.id}
              aria-pressed={each === shown}
              onClick={() => setAttempt(index)}
            >
              {each.item === null ? "" : `item ${each.item}, `}attempt {each.attempt}: {wordOf(each.status)}
            </button>
          ))}
        </div>
      )}
      {shown ? (
        <>
          <p className="small muted">
            Attempt {shown.attempt}, <Ago at={shown.startedAt} />
            {shown.durationMs !== null && `, ${span(shown.durationMs)}`}
          </p>
          {shown.error && <p className="notice bad">{shown.error}</p>}
          <h3>Inputs</h3>
          <JsonBox value={shown.inputs} label="Inputs" />
          <h3>Output</h3>
          <JsonBox value={shown.output ?? node.output} label="Output" />
          {shown.artifacts.length > 0 && <Artifacts runId={run.id} refs={shown.artifacts} />}
          <Held attempt={shown} />
        </>
      ) : (
        <p className="muted">
          {node.status === "PENDING" ? "It has not started." : "No agent has run for it."}
        </p>
      )}
      {node.approvals.map((approval) => (
        <p key={approval.id}>
          <Link to={`/approvals/${approval.id}`}>Its approval</Link>: <Status status={approval.status} />{" "}
          {approval.respondedBy && `by ${approval.respondedBy}`}
        </p>
      ))}
    </section>
  );
}

/** What the jail held the attempt to, what it was denied, and its last lines. */
function Held({ attempt }: { attempt: AgentRun }) {
  const limits = Object.entries(attempt.limits);
  return (
    <details open={attempt.status === "FAILED"}>
      <summary>The jail</summary>
      <dl className="facts">
        {attempt.failureKind && (
          <>
            <dt>Failed as</dt>
            <dd>
              {attempt.failureKind}
              {attempt.exitCode !== null && `, exit status ${attempt.exitCode}`}
            </dd>
          </>
        )}
        <dt>Denied</dt>
        <dd>{attempt.deniedEgress.join(", ") || "nothing was asked for that is not allowed"}</dd>
        {attempt.memoryKb !== null && (
          <>
            <dt>Memory at most</dt>
            <dd>{Math.round(attempt.memoryKb / 1024).toLocaleString()} MiB</dd>
          </>
        )}
        {attempt.cpuMs !== null && (
          <>
            <dt>Processor</dt>
            <dd>{span(attempt.cpuMs)}</dd>
          </>
        )}
        {Object.entries(attempt.modelUse).map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>Model: {name}</dt>
            <dd>{value.toLocaleString()}</dd>
          </div>
        ))}
        {limits.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {attempt.logTail && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <pre className="codebox" tabIndex={0} role="region" aria-label="Last lines">
          {uncoloured(attempt.logTail)}
        </pre>
      )}
    </details>
  );
}

function Artifacts({ runId, refs }: { runId: string; refs: string[] | null }) {
  const artifacts = useQuery({
    queryKey: ["run", runId, "artifacts"],
    queryFn: ({ signal }) =>
      get<Array<{ id: string; name: string; size: number; ref: string }>>(
        `runs/${encodeURIComponent(runId)}/artifacts`,
        undefined,
        signal,
      ),
  });
  const found = (artifacts.data ?? []).filter(
    (each) => refs === null || refs.includes(each.ref) || refs.includes(each.id),
  );
  if (!found.length) return null;
  return (
    <div>
      <h3>Artifacts</h3>
      <ul>
        {found.map((each) => (
          <li key={each.id}>
            <button
              type="button"
              className="plain tiny"
              onClick={() =>
                download(
                  `runs/${encodeURIComponent(runId)}/artifacts/${encodeURIComponent(each.id)}`,
                  each.name,
                )
              }
            >
              {each.name}
            </button>{" "}
            <span className="small muted">{each.size.toLocaleString()} bytes</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

type Act = "cancel" | "retry" | "rerun" | "replay";

function Acts({ run, nodes, chosen }: { run: RunDetail; nodes: NodeView[]; chosen: NodeView | null }) {
  const [act, setAct] = useState<Act | null>(null);
  const over = ended(run.status);
  return (
    <>
      {!over && (
        <button type="button" className="danger" onClick={() => setAct("cancel")}>
          Cancel …
        </button>
      )}
      {run.status === "FAILED" && (
        <button type="button" onClick={() => setAct("retry")}>
          Retry …
        </button>
      )}
      {over && (
        <button type="button" onClick={() => setAct("rerun")}>
          Rerun …
        </button>
      )}
      <button type="button" onClick={() => setAct("replay")}>
        Replay …
      </button>
      {act && <ActDialog act={act} run={run} nodes={nodes} chosen={chosen} close={() => setAct(null)} />}
    </>
  );
}

const TITLES: Record<Act, string> = {
  cancel: "Cancel this run?",
  retry: "Retry the failed nodes?",
  rerun: "Run again from a node",
  replay: "Replay with this context",
};

function ActDialog({
  act,
  run,
  nodes,
  chosen,
  close,
}: {
  act: Act;
  run: RunDetail;
  nodes: NodeView[];
  chosen: NodeView | null;
  close: () => void;
}) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [from, setFrom] = useState(chosen?.id ?? rootCause(nodes)?.id ?? nodes[0]?.id ?? "");
  const [context, setContext] = useState(JSON.stringify(run.context, null, 2));
  const [reason, setReason] = useState("");
  const parsed = parseObject(context);
  const send = useAct({
    mutationFn: () =>
      post<unknown>(
        `runs/${encodeURIComponent(run.id)}/${act}`,
        bodyOf(act, { from, reason, context: parsed }),
      ),
    onSuccess: (answer) => {
      queries.invalidateQueries({ queryKey: ["run"] });
      queries.invalidateQueries({ queryKey: ["runs"] });
      const next = isObject(answer) ? answer.runId : undefined;
      // Where another page follows, the dialog goes with this one.
      if (typeof next === "string" && next !== run.id) navigate(`/runs/${next}`);
      else if (act === "replay") navigate(`/runs?workflow=${encodeURIComponent(run.workflowName)}`);
      else close();
    },
  });
  return (
    <Dialog title={TITLES[act]} onClose={close}>
      {act === "cancel" && (
        <p>Nodes that run are ended, nodes that have not started are not, open questions are withdrawn.</p>
      )}
      {act === "retry" && <p>Nodes that succeeded keep their outputs; the others run again in this run.</p>}
      {act === "rerun" && (
        <>
          <p>The chosen node and all that depends on it run again, in this same run.</p>
          <label className="field">
            From node
            <select value={from} onChange={(event) => setFrom(event.target.value)}>
              {nodes.map((node) => (
                <option key={node.id}>{node.id}</option>
              ))}
            </select>
          </label>
          <RerunPreview runId={run.id} node={from} />
        </>
      )}
      {act === "replay" && (
        <>
          <p>A new run of the whole workflow. You may change what it is given.</p>
          <label className="field">
            Context (JSON)
            <textarea
              rows={12}
              className="mono"
              value={context}
              onChange={(event) => setContext(event.target.value)}
            />
          </label>
          {parsed === null && <p className="notice bad">This is not a JSON object.</p>}
        </>
      )}
      {act === "cancel" && (
        <label className="field">
          Reason (kept in the audit)
          <input type="text" value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
      )}
      {send.error && <Failure error={send.error} />}
      <div className="row">
        <button
          type="button"
          className={act === "cancel" ? "danger" : "primary"}
          disabled={send.isPending || send.isSuccess || (act === "replay" && parsed === null)}
          onClick={() => send.mutate()}
        >
          {act === "cancel"
            ? "Cancel the run"
            : act === "retry"
              ? "Retry"
              : act === "rerun"
                ? "Run again"
                : "Replay"}
        </button>
        <button type="button" onClick={close}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

/** What the server says would happen. */
function RerunPreview({ runId, node }: { runId: string; node: string }) {
  const preview = useQuery({
    queryKey: ["run", runId, "rerun", node],
    queryFn: ({ signal }) =>
      get<RerunPreviewAnswer>(`runs/${encodeURIComponent(runId)}/rerun`, { node }, signal),
    enabled: node !== "",
  });
  if (preview.error) return <Failure error={preview.error} />;
  if (!preview.data) return null;
  const { nodes, unfinished, kept, gates, effects } = preview.data;
  return (
    <dl className="facts" aria-label="What happens">
      <dt>Runs again</dt>
      <dd>{nodes.join(", ")}</dd>
      {unfinished.length > 0 && (
        <>
          <dt>Run, too</dt>
          <dd>{unfinished.join(", ")}: not ended well before</dd>
        </>
      )}
      <dt>Outputs kept</dt>
      <dd>{kept.join(", ") || "none"}</dd>
      {gates.length > 0 && (
        <>
          <dt>Gates</dt>
          <dd>{gates.join(", ")}: a person is asked again, unless what was approved has not been done yet</dd>
        </>
      )}
      {effects.length > 0 && (
        <>
          <dt>Acts outside</dt>
          <dd>{effects.join(", ")}: what it has done is done again, not undone</dd>
        </>
      )}
    </dl>
  );
}

function bodyOf(
  act: Act,
  given: { from: string; reason: string; context: Record<string, Json> | null },
): Record<string, unknown> {
  if (act === "rerun") return { node: given.from };
  if (act === "replay") return { context: given.context };
  if (act === "cancel") return given.reason.trim() ? { reason: given.reason.trim() } : {};
  return {};
}

function parseObject(text: string): Record<string, Json> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? (value as Record<string, Json>) : null;
  } catch {
    return null;
  }
}
