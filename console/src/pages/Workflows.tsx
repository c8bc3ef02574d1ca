import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useAct } from "../api/act";
import { get, post } from "../api/client";
import { useWorkflows } from "../api/queries";
import type { BackfillAnswer, DraftAnswer, MissedTimeAnswer } from "../api/schema";
import type { Json, Schema, Workflow, WorkflowDetail } from "../api/types";
import { Ago, Failure, Loading, Page } from "../components/basics";
import { Dialog } from "../components/Dialog";
import { useSession } from "../session";
import { isObject } from "../text/json";
import { moment } from "../text/time";
import { blankOf } from "../workflow/schema";

/** All workflows, what starts them, and a way to start one by hand. */
export default function WorkflowsPage() {
  const workflows = useWorkflows();
  const { me } = useSession();
  const [starting, setStarting] = useState<Workflow | null>(null);
  const [missed, setMissed] = useState<string | null>(null);
  const [changing, setChanging] = useState<{ name: string; act: "rename" | "archive" } | null>(null);
  return (
    <Page
      title="Workflows"
      actions={
        <Link className="button" to="/new-workflow">
          New workflow
        </Link>
      }
    >
      {workflows.error && <Failure error={workflows.error} retry={() => workflows.refetch()} />}
      {workflows.isPending && <Loading />}
      {workflows.data?.length === 0 && (
        <div className="panel empty">
          <h2>No workflows</h2>
          <p>
            Make one here, or deploy files with <code>commandcenter deploy</code>.
          </p>
        </div>
      )}
      {workflows.data && workflows.data.length > 0 && (
        <div className="tablebox">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Started by</th>
                <th scope="col">Status</th>
                <th scope="col">Changed</th>
                <th scope="col">
                  <span className="visually-hidden">Acts</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {workflows.data.map((workflow) => (
                <tr key={workflow.id}>
                  <td>
                    <Link to={`/workflows/${encodeURIComponent(workflow.name)}`}>{workflow.name}</Link>
                    <div className="small muted">{workflow.description}</div>
                  </td>
                  <td>{triggerInWords(workflow.trigger)}</td>
                  <td>{workflow.status.toLowerCase()}</td>
                  <td>
                    <Ago at={workflow.updatedAt} />
                  </td>
                  <td>
                    <div className="row">
                      <Link to={`/runs?workflow=${encodeURIComponent(workflow.name)}`}>Runs</Link>
                      {me.may.includes("operate") && starts(workflow) && (
                        <button
                          type="button"
                          className="tiny"
                          aria-label={`Start ${workflow.name}`}
                          onClick={() => setStarting(workflow)}
                        >
                          Start …
                        </button>
                      )}
                      {me.may.includes("operate") &&
                        starts(workflow) &&
                        triggerInWords(workflow.trigger).startsWith("schedule") && (
                          <button
                            type="button"
                            className="tiny"
                            aria-label={`Missed times of ${workflow.name}`}
                            onClick={() => setMissed(workflow.name)}
                          >
                            Missed …
                          </button>
                        )}
                      {me.may.includes("author") &&
                        starts(workflow) &&
                        (["rename", "archive"] as const).map((act) => (
                          <button
                            key={act}
                            type="button"
                            className="tiny"
                            aria-label={`${ACTS[act]} ${workflow.name}`}
                            onClick={() => setChanging({ name: workflow.name, act })}
                          >
                            {ACTS[act]} …
                          </button>
                        ))}
                    </div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Drafts />
      {starting && <StartDialog name={starting.name} close={() => setStarting(null)} />}
      {changing && <ChangeDialog {...changing} close={() => setChanging(null)} />}
      {missed && <MissedDialog name={missed} close={() => setMissed(null)} />}
    </Page>
  );
}

/** Texts that somebody is writing, also of workflows that were never deployed. */
function Drafts() {
  const drafts = useQuery({
    queryKey: ["workflows", "drafts"],
    queryFn: ({ signal }) => get<DraftAnswer[]>("drafts", undefined, signal),
  });
  if (drafts.error) return <Failure error={drafts.error} retry={() => drafts.refetch()} />;
  if (!drafts.data?.length) return null;
  return (
    <section className="panel stack">
      <h2>Drafts</h2>
      <ul className="small" aria-label="Drafts" style={{ listStyle: "none", padding: 0, margin: 0 }}>
        {drafts.data.map((each) => (
          <li key={each.name}>
            <Link to={`/workflows/${encodeURIComponent(each.name)}`}>{each.name}</Link>{" "}
            <span className="muted">
              by {each.updatedBy}, <Ago at={each.updatedAt} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const ACTS = { rename: "Rename", archive: "Archive" } as const;

/** Whether it can start runs. */
function starts(workflow: Workflow): boolean {
  return workflow.status === "ACTIVE";
}

/** Another name, or no more runs. */
function ChangeDialog({ name, act, close }: { name: string; act: "rename" | "archive"; close: () => void }) {
  const queries = useQueryClient();
  const [to, setTo] = useState(name);
  const change = useAct({
    mutationFn: () =>
      post(`workflows/${encodeURIComponent(name)}/${act}`, act === "rename" ? { name: to.trim() } : {}),
    onSuccess: () => {
      queries.invalidateQueries({ queryKey: ["workflows"] });
      close();
    },
  });
  return (
    <Dialog title={`${ACTS[act]} ${name}`} onClose={close}>
      {act === "rename" ? (
        <>
          <p>It runs under the new name from now on, with the same gates. Runs that wait go on.</p>
          <label className="field">
            New name
            <input type="text" value={to} onChange={(event) => setTo(event.target.value)} />
          </label>
        </>
      ) : (
        <p>It starts no more runs; runs that wait go on. Deploying it again brings it back.</p>
      )}
      {change.error && <Failure error={change.error} />}
      <div className="row">
        <button
          type="button"
          className={act === "archive" ? "danger" : "primary"}
          disabled={
            change.isPending || change.isSuccess || (act === "rename" && (!to.trim() || to.trim() === name))
          }
          onClick={() => change.mutate()}
        >
          {ACTS[act]}
        </button>
        <button type="button" onClick={close}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

export function triggerInWords(trigger: Json): string {
  if (!isObject(trigger)) return "by hand";
  if (typeof trigger.event === "string") return `event ${trigger.event}`;
  if (trigger.schedule !== undefined) {
    const schedule = trigger.schedule;
    return `schedule ${isObject(schedule) ? String(schedule.cron) : String(schedule)}`;
  }
  return Object.keys(trigger).join(", ") || "by hand";
}

/** Times of its schedule that no run began for, and runs for those that are ticked. */
function MissedDialog({ name, close }: { name: string; close: () => void }) {
  const [day, setDay] = useState(() => new Date(Date.now() - 7 * 86_400_000).toISOString().slice(0, 10));
  // A worker may have been away for longer than a week. The days are those of UTC, as the times are.
  const since = /^\d{4}-\d\d-\d\d$/.test(day) && Date.parse(day) <= Date.now() ? `${day}T00:00:00Z` : null;
  const [chosen, setChosen] = useState<string[]>([]);
  const at = `workflows/${encodeURIComponent(name)}`;
  const missed = useQuery({
    queryKey: ["runs", "missed", name, since],
    queryFn: ({ signal }) => get<MissedTimeAnswer[]>(`${at}/missed`, { since }, signal),
    enabled: since !== null,
    retry: false,
  });
  const start = useAct({ mutationFn: () => post<BackfillAnswer>(`${at}/backfill`, { times: chosen }) });
  return (
    <Dialog title={`Missed times of ${name}`} onClose={close}>
      <p>
        Times that no run began for. A run that you start for one sees it as <code>context.scheduledAt</code>,
        and counts as started by you.
      </p>
      <label className="field">
        Since
        <input
          type="date"
          value={day}
          onChange={(event) => {
            setDay(event.target.value);
            setChosen([]);
          }}
        />
      </label>
      {since === null && (
        <p className="notice bad" role="alert">
          A day that is past.
        </p>
      )}
      {missed.isPending && since !== null && <Loading />}
      {missed.error && <Failure error={missed.error} retry={() => missed.refetch()} />}
      {missed.data?.length === 0 && <p className="muted">Each had its run.</p>}
      <ul style={{ listStyle: "none", padding: 0 }}>
        {missed.data?.map((each) => (
          <li key={each.at}>
            <label className="switch">
              <input
                type="checkbox"
                checked={chosen.includes(each.at)}
                onChange={(event) =>
                  setChosen(
                    event.target.checked ? [...chosen, each.at] : chosen.filter((other) => other !== each.at),
                  )
                }
              />{" "}
              {moment(each.at)}
            </label>
          </li>
        ))}
      </ul>
      {start.error && <Failure error={start.error} />}
      {start.data && <p role="status">Runs started: {Object.keys(start.data.started).length}.</p>}
      <div className="row">
        <button
          type="button"
          className="primary"
          disabled={!chosen.length || start.isPending || start.isSuccess}
          onClick={() => start.mutate()}
        >
          Start them
        </button>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

export function StartDialog({ name, close }: { name: string; close: () => void }) {
  const navigate = useNavigate();
  const { me } = useSession();
  const [typed, setTyped] = useState<string | null>(null);
  const workflow = useQuery({
    queryKey: ["workflow", name],
    queryFn: ({ signal }) => get<WorkflowDetail>(`workflows/${encodeURIComponent(name)}`, undefined, signal),
  });
  const schema = (workflow.data?.plan?.context_schema ?? {}) as Schema;
  const blank = blankOf(schema);
  if ("projectId" in blank) blank.projectId = me.project;
  const context = typed ?? JSON.stringify(blank, null, 2);
  const optional = Object.keys(schema.properties ?? {}).filter((field) => !(field in blank));
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(context);
  } catch {
    parsed = null;
  }
  const start = useAct({
    mutationFn: () => post(`workflows/${encodeURIComponent(name)}/runs`, { context: parsed }),
    // The dialog goes with the page: without it the page could be used until the next one is there.
    onSuccess: () => navigate(`/runs?workflow=${encodeURIComponent(name)}`),
  });
  return (
    <Dialog title={`Start ${name}`} onClose={close}>
      <label className="field">
        Context (JSON)
        <textarea
          rows={8}
          className="mono"
          value={context}
          onChange={(event) => setTyped(event.target.value)}
        />
      </label>
      {optional.length > 0 && <p className="small muted">It may also have {optional.join(", ")}.</p>}
      {!isObject(parsed) && <p className="notice bad">This is not a JSON object.</p>}
      {start.error && <Failure error={start.error} />}
      <div className="row">
        <button
          type="button"
          className="primary"
          disabled={!isObject(parsed) || start.isPending || start.isSuccess}
          onClick={() => start.mutate()}
        >
          Start a run
        </button>
        <button type="button" onClick={close}>
          Back
        </button>
      </div>
    </Dialog>
  );
}
