import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { ApiError, get, post } from "../api/client";
import { listOf } from "../api/queries";
import type { DeadLetter, Json } from "../api/types";
import { Ago, Failure, JsonBox, Loading, Page } from "../components/basics";
import { Dialog } from "../components/Dialog";
import { useSession } from "../session";
import { isObject } from "../text/json";

type Row = Record<string, Json>;

/** What came in and what it started, or why not; and events that were given up. */
export default function EventsPage() {
  const [why, setWhy] = useState<Row | null>(null);
  const events = useQuery({
    queryKey: ["events"],
    queryFn: async ({ signal }) =>
      listOf(await get<Row[] | { items: Row[] }>("events", { limit: 100 }, signal)),
    retry: false,
  });
  const absent = events.error instanceof ApiError && events.error.status === 404;
  return (
    <Page title="Events">
      <section className="stack">
        <h2>What came in</h2>
        {absent && <p className="muted">This server does not list events.</p>}
        {events.error && !absent && <Failure error={events.error} retry={() => events.refetch()} />}
        {events.isPending && <Loading />}
        {events.data?.length === 0 && <p className="muted">Nothing yet.</p>}
        {events.data && events.data.length > 0 && (
          <div className="tablebox">
            <table>
              <thead>
                <tr>
                  <th scope="col">Subject</th>
                  <th scope="col">Came</th>
                  <th scope="col">Started</th>
                  <th scope="col">
                    <span className="visually-hidden">Acts</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {events.data.map((event) => (
                  <tr key={String(event.id)}>
                    <td>{String(event.subject ?? event.event ?? "")}</td>
                    <td>
                      <Ago at={whenOf(event)} />
                    </td>
                    <td>{startedBy(event)}</td>
                    <td>
                      <button
                        type="button"
                        className="tiny"
                        aria-label={`Why ${String(event.subject ?? event.id)}`}
                        onClick={() => setWhy(event)}
                      >
                        Why?
                      </button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
      <DeadLetters />
      {why && <WhyDialog event={why} close={() => setWhy(null)} />}
    </Page>
  );
}

function whenOf(event: Row): string | null {
  const at = event.receivedAt ?? event.createdAt ?? event.at ?? null;
  return at === null ? null : String(at);
}

function startedBy(event: Row): string {
  const list = event.runs ?? event.started ?? event.workflows ?? event.matched;
  if (!Array.isArray(list)) return "–";
  if (list.length === 0) return "nothing";
  return list
    .map((each) =>
      isObject(each) ? String(each.workflow ?? each.workflowName ?? each.name ?? each.runId) : String(each),
    )
    .join(", ");
}

interface Field {
  field: string;
  wanted: Json;
  present: boolean;
  found: Json;
  accepted: boolean;
}

interface Verdict {
  workflow: string;
  matched: boolean;
  reason: string;
  error: string | null;
  runId: string | null;
  triggers: Array<{
    event: string;
    subjectMatches: boolean;
    fields: Field[];
    expression: string | null;
    expressionHolds: boolean | null;
  }>;
}

interface Why {
  payload: Json;
  fault: string | null;
  verdicts: Verdict[];
}

function WhyDialog({ event, close }: { event: Row; close: () => void }) {
  const why = useQuery({
    queryKey: ["events", String(event.id), "why"],
    queryFn: ({ signal }) =>
      get<Why>(`events/${encodeURIComponent(String(event.id))}/why`, undefined, signal),
  });
  return (
    <Dialog title="Why this event started what it did" onClose={close}>
      {why.isPending && <Loading />}
      {why.error && <Failure error={why.error} retry={() => why.refetch()} />}
      {why.data?.fault && <p className="notice bad">{why.data.fault}</p>}
      {why.data?.verdicts.map((each) => (
        <section className="panel" key={each.workflow}>
          <h3>
            {each.workflow}: {each.matched ? "matched" : "did not match"}
          </h3>
          <p>
            {each.reason} {each.error} {each.runId && <Link to={`/runs/${each.runId}`}>Its run</Link>}
          </p>
          {each.triggers.map((trigger) => (
            <ul className="small" key={trigger.event + (trigger.expression ?? "")}>
              <li>
                subject <code>{trigger.event}</code>: {trigger.subjectMatches ? "fits" : "does not fit"}
              </li>
              {trigger.fields.map((field) => (
                <li key={field.field}>
                  {field.field}: {field.present ? JSON.stringify(field.found) : "is not in the event,"}{" "}
                  {field.accepted ? "fits" : "does not fit"} <code>{JSON.stringify(field.wanted)}</code>
                </li>
              ))}
              {trigger.expression && (
                <li>
                  <code>{trigger.expression}</code>: {trigger.expressionHolds ? "holds" : "does not hold"}
                </li>
              )}
            </ul>
          ))}
        </section>
      ))}
      {why.data?.verdicts.length === 0 && <p className="muted">No workflow listens to it.</p>}
      {why.data && (
        <details>
          <summary>The event</summary>
          <JsonBox value={why.data.payload} label="Event" />
        </details>
      )}
      <div className="row">
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function DeadLetters() {
  const queries = useQueryClient();
  const { me } = useSession();
  const letters = useQuery({
    queryKey: ["deadLetters"],
    queryFn: async ({ signal }) =>
      listOf(await get<DeadLetter[] | { items: DeadLetter[] }>("dead-letters", { limit: 100 }, signal)),
  });
  const act = useMutation({
    mutationFn: ({ id, what }: { id: string; what: "replay" | "discard" }) =>
      post(`dead-letters/${encodeURIComponent(id)}/${what}`),
    onSettled: () => queries.invalidateQueries({ queryKey: ["deadLetters"] }),
  });
  return (
    <section className="stack">
      <h2>Given up</h2>
      {letters.error && <Failure error={letters.error} retry={() => letters.refetch()} />}
      {act.error && <Failure error={act.error} />}
      {letters.data?.length === 0 && <p className="muted">No event was given up.</p>}
      {letters.data?.map((letter) => (
        <details className="panel" key={letter.id}>
          <summary>
            {letter.subject} – {letter.reason} <Ago at={letter.createdAt} />
          </summary>
          <pre className="codebox">{letter.payload}</pre>
          {me.may.includes("operate") && (
            <div className="row">
              <button
                type="button"
                disabled={act.isPending}
                onClick={() => act.mutate({ id: letter.id, what: "replay" })}
              >
                Replay
              </button>
              <button
                type="button"
                className="danger"
                disabled={act.isPending}
                onClick={() => act.mutate({ id: letter.id, what: "discard" })}
              >
                Discard
              </button>
            </div>
          )}
        </details>
      ))}
    </section>
  );
}
