import { useState } from "react";
import { Link } from "react-router";
import { useAct } from "../api/act";
import { replayEvents } from "../api/compile";
import type { OutcomeAnswer } from "../api/schema";
import { Ago, Failure, Loading } from "../components/basics";
import { Dialog } from "../components/Dialog";

const MOST_DAYS = 366;

/** What this text would have done with recorded events, beside what was done. */
export function PastEventsDialog({ text, close }: { text: string; close: () => void }) {
  const [days, setDays] = useState("7");
  const given = Number(days);
  const fits = Number.isInteger(given) && given >= 1 && given <= MOST_DAYS;
  const replay = useAct({ mutationFn: () => replayEvents(text, given) });
  return (
    <Dialog title="What would it have done?" onClose={close}>
      <p>
        The events of the last days are played with this text. Agents answer as they did then, or with
        examples. Nothing is started.
      </p>
      <label className="field">
        Days
        <input
          type="number"
          min={1}
          max={MOST_DAYS}
          value={days}
          onChange={(event) => setDays(event.target.value)}
        />
      </label>
      {!fits && (
        <p className="notice bad" role="alert">
          A whole number of days, from 1 to {MOST_DAYS}.
        </p>
      )}
      {replay.error && <Failure error={replay.error} />}
      {replay.isPending && <Loading />}
      {replay.data && (
        <>
          <p role="status">
            {replay.data.changed} of {replay.data.looked} events would be different.
          </p>
          <div className="tablebox">
            <table>
              <caption className="visually-hidden">Events, then and now</caption>
              <thead>
                <tr>
                  <th scope="col">Event</th>
                  <th scope="col">Then</th>
                  <th scope="col">With this text</th>
                  <th scope="col">Different</th>
                </tr>
              </thead>
              <tbody>
                {replay.data.events.slice(0, 200).map((each) => (
                  <tr key={each.eventId}>
                    <td>
                      {each.subject} <Ago at={each.receivedAt} />
                    </td>
                    <td>
                      {each.runId ? (
                        <Link to={`/runs/${each.runId}`}>{inWords(each.then)}</Link>
                      ) : (
                        inWords(each.then)
                      )}
                    </td>
                    <td>
                      {inWords(each.now)}
                      {each.assumed.length > 0 && (
                        <div className="small muted">examples for {each.assumed.join(", ")}</div>
                      )}
                    </td>
                    <td>{each.differences.join("; ") || "no"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
      <div className="row">
        <button type="button" className="primary" disabled={!fits} onClick={() => replay.mutate()}>
          Play them
        </button>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function inWords(outcome: OutcomeAnswer): string {
  if (!outcome.started) return "not started";
  const asked = outcome.gates.length ? `, asked about ${outcome.gates.join(", ")}` : "";
  return `${(outcome.status ?? "not ended").toLowerCase()}${asked}`;
}
