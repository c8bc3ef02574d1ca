import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useAct } from "../api/act";
import { post } from "../api/client";
import { useDebounced } from "../api/compile";
import type { TriedAnswer } from "../api/schema";
import type { Json } from "../api/types";
import { Ago, Failure } from "../components/basics";
import { isObject } from "../text/json";
import { TextField } from "./NodeForm";
import type { WorkflowModel } from "./workflowText";
import type { Path } from "./yamlEdit";

interface Props {
  model: WorkflowModel;
  set: (path: Path, value: Json | undefined) => void;
}

/** Name, description and what starts the workflow. */
export function WorkflowForm({ model, set }: Props) {
  const trigger = isObject(model.trigger) ? (model.trigger as Record<string, Json>) : {};
  const byHand = model.trigger === "manual" || "manual" in trigger;
  const kind = byHand ? "manual" : "schedule" in trigger ? "schedule" : "event";
  return (
    <div className="stack">
      <h2>Workflow</h2>
      <TextField label="Name" value={model.name} commit={(text) => set(["name"], text.trim())} />
      <TextField
        label="Description"
        value={model.description}
        commit={(text) => set(["description"], text)}
      />
      <label className="field">
        Started by
        <select
          value={kind}
          onChange={(event) =>
            set(
              ["trigger"],
              event.target.value === "event"
                ? { event: "graph.file.updated" }
                : event.target.value === "manual"
                  ? "manual"
                  : { schedule: "0 9 * * 1" },
            )
          }
        >
          <option value="event">an event</option>
          <option value="schedule">a schedule</option>
          <option value="manual">a person</option>
        </select>
      </label>
      {kind === "manual" && (
        <p className="small muted">Somebody starts it on the page of workflows, or a script does.</p>
      )}
      {kind === "event" && (
        <>
          <TextField
            label="Event (NATS subject)"
            value={String(trigger.event ?? "")}
            commit={(text) => set(["trigger", "event"], text.trim())}
          />
          <Filters
            filters={isObject(trigger.filters) ? (trigger.filters as Record<string, Json>) : {}}
            set={set}
          />
          <TextField
            label="Expression that must hold as well (empty: none)"
            value={typeof trigger.expression === "string" ? trigger.expression : ""}
            commit={(text) => set(["trigger", "expression"], text.trim() || undefined)}
          />
          <TryTrigger trigger={trigger} />
        </>
      )}
      {kind === "schedule" && (
        <Schedule schedule={trigger.schedule ?? ""} timezone={trigger.timezone} set={set} />
      )}
    </div>
  );
}

function Filters({ filters, set }: { filters: Record<string, Json>; set: Props["set"] }) {
  const [name, setName] = useState("");
  const [pattern, setPattern] = useState("");
  return (
    <fieldset className="formfield">
      <legend className="small">
        <strong>Only events whose fields fit</strong>
      </legend>
      {Object.entries(filters).map(([field, value]) => (
        <div key={field} className="row nowrap">
          <div className="grow">
            <TextField
              label={field}
              value={typeof value === "string" ? value : JSON.stringify(value)}
              commit={(text) =>
                set(["trigger", "filters", field], typeof value === "string" ? text : parsed(text))
              }
            />
          </div>
          <button
            type="button"
            className="tiny"
            aria-label={`Remove ${field}`}
            onClick={() => set(["trigger", "filters", field], undefined)}
          >
            Remove
          </button>
        </div>
      ))}
      <div className="row">
        <input
          type="text"
          aria-label="Field of the event"
          placeholder="field"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <input
          type="text"
          aria-label="Pattern"
          placeholder="pattern"
          value={pattern}
          onChange={(event) => setPattern(event.target.value)}
        />
        <button
          type="button"
          disabled={!name.trim() || !pattern}
          onClick={() => {
            set(["trigger", "filters", name.trim()], pattern);
            setName("");
            setPattern("");
          }}
        >
          Add filter
        </button>
      </div>
    </fieldset>
  );
}

/** This trigger against the events on record. */
function TryTrigger({ trigger }: { trigger: Record<string, Json> }) {
  const asked = JSON.stringify(trigger);
  const tried = useAct({
    mutationFn: () =>
      post<TriedAnswer>("events/try-filter", {
        event: String(trigger.event ?? ""),
        filters: isObject(trigger.filters) ? trigger.filters : {},
        expression: typeof trigger.expression === "string" ? trigger.expression : null,
      }),
  });
  useEffect(() => tried.reset(), [asked]);
  return (
    <section className="stack" aria-label="Tried on recorded events">
      <div className="row">
        <button type="button" disabled={tried.isPending || !trigger.event} onClick={() => tried.mutate()}>
          Try on recorded events
        </button>
        <span className="small" role="status">
          {tried.data &&
            (tried.data.tried
              ? `${tried.data.matched} of the newest ${tried.data.tried} would start it.`
              : "No events are on record yet.")}
        </span>
      </div>
      {tried.error && <Failure error={tried.error} />}
      <ul className="small">
        {tried.data?.events.slice(0, 8).map((event) => (
          <li key={event.id}>
            <Ago at={event.receivedAt} />: {event.match.matched ? "matches" : "does not match"}
            {event.match.fields
              .filter((field) => !field.accepted)
              .slice(0, 3)
              .map((field) =>
                field.present
                  ? `; ${field.field} is ${JSON.stringify(field.found)}`
                  : `; it has no ${field.field}`,
              )
              .join("")}
          </li>
        ))}
      </ul>
    </section>
  );
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function Schedule({
  schedule,
  timezone,
  set,
}: {
  schedule: Json;
  timezone: Json | undefined;
  set: Props["set"];
}) {
  const inner = isObject(schedule) ? (schedule as Record<string, Json>) : null;
  const cron = String(inner ? (inner.cron ?? "") : schedule);
  const zone = String((inner ? inner.timezone : timezone) ?? "UTC");
  const asked = useDebounced(cron, 300);
  const words = useQuery({
    queryKey: ["schedule", asked, zone],
    enabled: asked.trim() !== "",
    retry: false,
    queryFn: () => post<Record<string, unknown>>("compile/schedule", { cron: asked, timezone: zone }),
  });
  const told = words.data ? (words.data.words ?? words.data.description ?? words.data.inWords) : null;
  const next = words.data ? (words.data.next ?? words.data.nextTimes ?? words.data.times) : null;
  return (
    <>
      <TextField
        label="Cron"
        value={cron}
        commit={(text) => set(inner ? ["trigger", "schedule", "cron"] : ["trigger", "schedule"], text.trim())}
      />
      <TextField
        label="Time zone"
        value={zone}
        commit={(text) =>
          set(inner ? ["trigger", "schedule", "timezone"] : ["trigger", "timezone"], text.trim() || undefined)
        }
      />
      {typeof told === "string" && <p>{told}</p>}
      {Array.isArray(next) && (
        <ol className="small">
          {next.map((at) => (
            <li key={String(at)}>
              {new Date(String(at)).toLocaleString(undefined, { timeZoneName: "short" })}
            </li>
          ))}
        </ol>
      )}
      {words.error && <p className="small muted">{words.error.message}</p>}
    </>
  );
}
