import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { useAct } from "../api/act";
import { get, post } from "../api/client";
import type { EventAnswer, TriedAnswer, TriggerAnswer, WhyAnswer } from "../api/schema";
import type { DeadLetter, Json } from "../api/types";
import { Ago, Failure, JsonBox, Loading, Page } from "../components/basics";
import { Dialog } from "../components/Dialog";
import { useSession } from "../session";
import { isObject } from "../text/json";

/** What came in and what it started, or why not; filters tried on it; and events that were given up. */
export default function EventsPage() {
  const [why, setWhy] = useState<EventAnswer | null>(null);
  const [outcome, setOutcome] = useState("");
  const events = useQuery({
    queryKey: ["events", outcome],
    queryFn: ({ signal }) => get<EventAnswer[]>("events", { limit: 100, outcome }, signal),
    retry: false,
  });
  return (
    <Page title="Events">
      <section className="stack">
        <div className="head">
          <h2>What came in</h2>
          <select aria-label="Outcome" value={outcome} onChange={(event) => setOutcome(event.target.value)}>
            <option value="">whatever became of it</option>
            <option value="started">started something</option>
            <option value="matched nothing">matched nothing</option>
            <option value="later">is tried again</option>
            <option value="dead letter">was given up</option>
          </select>
        </div>
        {events.error && <Failure error={events.error} retry={() => events.refetch()} />}
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
                  <tr key={event.id}>
                    <td>{event.subject}</td>
                    <td>
                      <Ago at={event.receivedAt} />
                    </td>
                    <td>
                      {event.workflows.join(", ") || "nothing"}
                      {STILL[event.outcome] && <span className="muted"> ({STILL[event.outcome]})</span>}
                    </td>
                    <td>
                      <button
                        type="button"
                        className="tiny"
                        aria-label={`Why ${event.subject}`}
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
      <TryFilter />
      <DeadLetters />
      {why && <WhyDialog event={why} close={() => setWhy(null)} />}
    </Page>
  );
}

/** What is not told by the names of the workflows that it started. */
const STILL: Record<string, string> = {
  "dead letter": "it was given up",
  later: "it is tried again",
};

/** A trigger against the events on record, before any workflow has it. */
function TryFilter() {
  const [subject, setSubject] = useState("graph.file.updated");
  const [filters, setFilters] = useState("{}");
  const [expression, setExpression] = useState("");
  const parsed = parseObject(filters);
  const tried = useAct({
    mutationFn: () =>
      post<TriedAnswer>("events/try-filter", {
        event: subject.trim(),
        filters: parsed,
        expression: expression.trim() || null,
      }),
  });
  return (
    <section className="panel stack" aria-label="Try a filter">
      <h2>Try a filter</h2>
      <p className="small muted">On the newest 200 events. Nothing is started.</p>
      <div className="row">
        <label className="field">
          Subject
          <input type="text" value={subject} onChange={(event) => setSubject(event.target.value)} />
        </label>
        <label className="field">
          Filters (JSON)
          <input
            type="text"
            className="mono"
            value={filters}
            onChange={(event) => setFilters(event.target.value)}
          />
        </label>
        <label className="field">
          Expression
          <input type="text" value={expression} onChange={(event) => setExpression(event.target.value)} />
        </label>
      </div>
      {parsed === null && (
        <p className="notice bad">
          The filters are not a JSON object, such as <code>{'{"branch": "main"}'}</code>.
        </p>
      )}
      <div className="row">
        <button type="button" disabled={parsed === null || !subject.trim()} onClick={() => tried.mutate()}>
          Try
        </button>
        <span className="small" role="status">
          {tried.data && `${tried.data.matched} of ${tried.data.tried} events would start it.`}
        </span>
      </div>
      {tried.error && <Failure error={tried.error} />}
      {tried.data?.problems.map((problem) => (
        <p className="notice warn" role="alert" key={problem}>
          {problem}
        </p>
      ))}
      {tried.data?.events.slice(0, 50).map((event) => (
        <details key={event.id}>
          <summary>
            {event.subject}: {event.match.matched ? "matches" : "does not match"}{" "}
            <Ago at={event.receivedAt} />
          </summary>
          <TriggerMatch trigger={event.match} />
        </details>
      ))}
    </section>
  );
}

function parseObject(text: string): Record<string, Json> | null {
  try {
    const value: unknown = JSON.parse(text || "{}");
    return isObject(value) ? (value as Record<string, Json>) : null;
  } catch {
    return null;
  }
}

/** One trigger against one event, field by field. */
function TriggerMatch({ trigger }: { trigger: TriggerAnswer }) {
  return (
    <ul className="small">
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
          {trigger.expressionError && ` (${trigger.expressionError})`}
        </li>
      )}
    </ul>
  );
}

function WhyDialog({ event, close }: { event: EventAnswer; close: () => void }) {
  const why = useQuery({
    queryKey: ["events", event.id, "why"],
    queryFn: ({ signal }) => get<WhyAnswer>(`events/${encodeURIComponent(event.id)}/why`, undefined, signal),
  });
  return (
    <Dialog title="Why this event started what it did" onClose={close}>
      {why.isPending && <Loading />}
      {why.error && <Failure error={why.error} retry={() => why.refetch()} />}
      {why.data?.fault && <p className="notice bad">{why.data.fault}</p>}
      {why.data?.matches.map((each) => (
        <section className="panel" key={each.workflow}>
          <h3>
            {each.workflow}: {each.matched ? "matched" : "did not match"}
          </h3>
          <p>
            {each.reason}{" "}
            {each.runId ? (
              <Link to={`/runs/${each.runId}`}>Its run</Link>
            ) : (
              each.matched &&
              why.data?.outcome === "started" && (
                <span className="muted">
                  No run of it is on record: it waits for a worker, or was pruned since.
                </span>
              )
            )}
          </p>
          {each.triggers.map((trigger) => (
            <TriggerMatch key={trigger.event + (trigger.expression ?? "")} trigger={trigger} />
          ))}
        </section>
      ))}
      {why.data?.matches.length === 0 && !why.data.fault && (
        <p className="muted">No workflow listens to it.</p>
      )}
      {why.data && (
        <details>
          <summary>The event</summary>
          <JsonBox value={why.data.payload as Json} label="Event" />
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
    queryFn: ({ signal }) => get<DeadLetter[]>("dead-letters", { limit: 100 }, signal),
  });
  const act = useAct({
    mutationFn: ({ id, what }: { id: string; what: "replay" | "discard" }) =>
      post(`dead-letters/${encodeURIComponent(id)}/${what}`),
    onSettled: () => queries.invalidateQueries({ queryKey: ["deadLetters"] }),
  });
  return (
    <section className="stack" aria-label="Given up">
      <h2>Given up</h2>
      {letters.error && <Failure error={letters.error} retry={() => letters.refetch()} />}
      {act.error && <Failure error={act.error} />}
      {letters.data?.length === 0 && <p className="muted">No event was given up.</p>}
      {letters.data?.map((letter) => (
        <details className="panel" key={letter.id}>
          <summary>
            {letter.subject} –{" "}
            {letter.settledAs ? `${letter.settledAs} by ${letter.settledBy}` : letter.reason}{" "}
            <Ago at={letter.createdAt} />
          </summary>
          {letter.settledAs && <p className="small muted">{letter.reason}</p>}
          <pre className="codebox">{letter.payload}</pre>
          {me.may.includes("operate") && !letter.settledAs && (
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
