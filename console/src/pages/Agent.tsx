import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { useAct } from "../api/act";
import { get, request } from "../api/client";
import { agentOf } from "../api/queries";
import type { AgentAnswer, AgentHistoryAnswer } from "../api/schema";
import type { Json, Schema } from "../api/types";
import { Ago, Failure, JsonBox, Loading, Page, Risk, Status } from "../components/basics";
import { Dialog } from "../components/Dialog";
import { useSession } from "../session";
import { hostsInWords } from "../text/hosts";
import { isObject } from "../text/json";
import { span } from "../text/time";
import { plainSchema } from "../workflow/schema";

const SHOWN = new Set([
  "name",
  "type",
  "version",
  "risk",
  "description",
  "network",
  "secrets",
  "settings",
  "actions",
]);

/** One agent: its actions with what they take and give, its reach, and what the server knows of its runs. */
export default function AgentPage() {
  const { name = "" } = useParams();
  const { me } = useSession();
  const [removing, setRemoving] = useState(false);
  const found = useQuery({
    queryKey: ["agent", name],
    queryFn: ({ signal }) => get<AgentAnswer>(`agents/${encodeURIComponent(name)}`, undefined, signal),
  });
  if (found.error) {
    return (
      <Page title={name}>
        <Failure error={found.error} retry={() => found.refetch()} />
      </Page>
    );
  }
  if (!found.data) return <Loading />;
  const agent = agentOf(found.data);
  const more = Object.entries(found.data).filter(([field]) => !SHOWN.has(field));
  return (
    <Page
      title={agent.name}
      lead={
        <>
          <Link to="/agents">Agents</Link> · {agent.description}
        </>
      }
      actions={
        <>
          <Risk risk={agent.risk} />
          {me.may.includes("admin") && (
            <button type="button" className="danger" onClick={() => setRemoving(true)}>
              Remove …
            </button>
          )}
        </>
      }
    >
      {removing && <RemoveDialog name={agent.name} close={() => setRemoving(false)} />}
      <div className="two">
        <div className="stack">
          {Object.entries(agent.actions).map(([action, each]) => (
            <section className="panel stack" key={action}>
              <div className="head">
                <h2>{action}</h2>
                <Risk risk={each.risk} />
              </div>
              <p>
                {each.description}
                {each.effect && `. Effect: ${each.effect}.`}
              </p>
              <Fields title="Takes" schema={each.inputSchema ?? {}} />
              <Fields title="Gives" schema={each.outputSchema ?? {}} />
            </section>
          ))}
        </div>
        <div className="stack">
          <Past name={agent.name} />
          <section className="panel stack">
            <h2>Reach</h2>
            <dl className="facts">
              <dt>Type</dt>
              <dd>{agent.type}</dd>
              <dt>Version</dt>
              <dd>{agent.version}</dd>
              <dt>Network</dt>
              <dd>{hostsInWords(agent.network)}</dd>
              <dt>Secrets</dt>
              <dd>{agent.secrets?.length ? agent.secrets.join(", ") : "none"}</dd>
            </dl>
            {more.length > 0 && (
              <details>
                <summary>All else on record</summary>
                <JsonBox value={Object.fromEntries(more) as Json} label="All else on record" />
              </details>
            )}
          </section>
        </div>
      </div>
    </Page>
  );
}

/** The server refuses it while a workflow uses the agent. */
function RemoveDialog({ name, close }: { name: string; close: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const remove = useAct({
    mutationFn: () => request(`agents/${encodeURIComponent(name)}`, { method: "DELETE" }),
    onSuccess: () => {
      queries.invalidateQueries({ queryKey: ["agents"] });
      navigate("/agents");
    },
  });
  return (
    <Dialog title={`Remove ${name}`} onClose={close}>
      <p>No workflow can use it from then on. What it has done stays on record.</p>
      {remove.error && <Failure error={remove.error} />}
      <div className="row">
        <button
          type="button"
          className="danger"
          disabled={remove.isPending || remove.isSuccess}
          onClick={() => remove.mutate()}
        >
          Remove
        </button>
        <button type="button" onClick={close}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

/** How it has run, and who uses it. */
function Past({ name }: { name: string }) {
  const past = useQuery({
    queryKey: ["agent", name, "history"],
    queryFn: ({ signal }) =>
      get<AgentHistoryAnswer>(`agents/${encodeURIComponent(name)}/history`, undefined, signal),
  });
  if (past.error) return <Failure error={past.error} retry={() => past.refetch()} />;
  if (!past.data) return null;
  const { health, usedBy, versions, recent, registeredAt, updatedAt } = past.data;
  return (
    <section className="panel stack" aria-label="Runs and versions">
      <div className="head">
        <h2>Runs</h2>
        <span className={`status tone-${TONES[health]}`}>{health}</span>
      </div>
      <dl className="facts">
        <dt>Used by</dt>
        <dd>
          {usedBy.map((each) => (
            <Link key={each} to={`/workflows/${encodeURIComponent(each)}`} style={{ marginRight: "0.6rem" }}>
              {each}
            </Link>
          ))}
          {usedBy.length === 0 && "no active workflow"}
        </dd>
        <dt>Registered</dt>
        <dd>
          <Ago at={registeredAt} />, changed <Ago at={updatedAt} />
        </dd>
        {versions.map((each) => (
          <div key={String(each.version)} style={{ display: "contents" }}>
            <dt>Version {each.version ?? "not noted"}</dt>
            <dd>
              {each.runs.toLocaleString()} {each.runs === 1 ? "run" : "runs"}, {each.failed.toLocaleString()}{" "}
              failed, last <Ago at={each.lastAt} />
            </dd>
          </div>
        ))}
      </dl>
      {recent.length > 0 && (
        <ul className="small" style={{ listStyle: "none", padding: 0 }}>
          {recent.map((each) => (
            <li key={each.id}>
              <Status status={each.status} />{" "}
              {each.runId ? <Link to={`/runs/${each.runId}`}>{each.nodeId ?? "its run"}</Link> : "by itself"}{" "}
              {each.action} {each.failureKind} {each.durationMs !== null && span(each.durationMs)}{" "}
              <Ago at={each.startedAt} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const TONES: Record<AgentHistoryAnswer["health"], string> = {
  "no runs yet": "gray",
  well: "green",
  "fails sometimes": "yellow",
  fails: "red",
};

function Fields({ title, schema }: { title: string; schema: Schema }) {
  const fields = Object.entries(schema.properties ?? {});
  return (
    <div className="tablebox">
      <table>
        <caption className="visually-hidden">{title}</caption>
        <thead>
          <tr>
            <th scope="col">{title}</th>
            <th scope="col">Type</th>
            <th scope="col">Needed</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(([name, raw]) => {
            const field = plainSchema(raw, schema);
            return (
              <tr key={name}>
                <td>
                  <code>{name}</code> <span className="small muted">{field.description}</span>
                </td>
                <td className="small">{typeInWords(field)}</td>
                <td className="small">{schema.required?.includes(name) ? "yes" : "no"}</td>
              </tr>
            );
          })}
          {fields.length === 0 && (
            <tr>
              <td colSpan={3} className="muted">
                nothing in particular
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function typeInWords(schema: Schema): string {
  if (schema.enum) return schema.enum.map(String).join(" | ");
  if (schema.anyOf || schema.oneOf) return "one of several";
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? "any");
  return type === "array" && isObject(schema.items) ? `list of ${schema.items.type ?? "objects"}` : type;
}
