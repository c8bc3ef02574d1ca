import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
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

function WhyDialog({ event, close }: { event: Row; close: () => void }) {
  const why = useQuery({
    queryKey: ["events", String(event.id), "why"],
    queryFn: ({ signal }) =>
      get<Json>(`events/${encodeURIComponent(String(event.id))}/why`, undefined, signal),
  });
  const body = why.data;
  const list = isObject(body) ? (body.workflows ?? body.items ?? []) : (body ?? []);
  const workflows = (Array.isArray(list) ? list : []).filter(isObject) as Row[];
  return (
    <Dialog title="Why this event started what it did" onClose={close}>
      {why.isPending && <Loading />}
      {why.error && <Failure error={why.error} retry={() => why.refetch()} />}
      {workflows.map((each) => {
        const name = String(each.workflow ?? each.name ?? each.workflowName);
        const reasons = each.fields ?? each.checks ?? each.reasons ?? each.steps ?? [];
        return (
          <section className="panel" key={name}>
            <h3>
              {name}: {each.matched || each.matches ? "matched" : "did not match"}
            </h3>
            {typeof each.reason === "string" && <p>{each.reason}</p>}
            <ul className="small">
              {(Array.isArray(reasons) ? reasons : []).map((reason) => (
                <li key={JSON.stringify(reason)}>{reasonInWords(reason as Json)}</li>
              ))}
            </ul>
          </section>
        );
      })}
      {why.data !== undefined && workflows.length === 0 && (
        <p className="muted">No workflow listens to it.</p>
      )}
      <details>
        <summary>The event</summary>
        <JsonBox value={event} label="Event" />
      </details>
      <div className="row">
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function reasonInWords(reason: Json): string {
  if (!isObject(reason)) return String(reason);
  const field = reason.field ?? reason.name;
  const words = reason.message ?? reason.reason ?? reason.words;
  if (typeof words === "string") return field ? `${String(field)}: ${words}` : words;
  const fits = reason.matched ?? reason.matches ?? reason.ok;
  return `${String(field)}: ${JSON.stringify(reason.value ?? reason.actual ?? null)} ${fits ? "fits" : "does not fit"} ${JSON.stringify(reason.filter ?? reason.expected ?? reason.pattern ?? null)}`;
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
