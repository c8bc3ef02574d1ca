import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { post } from "../api/client";
import { useDebounced } from "../api/compile";
import type { Json } from "../api/types";
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
  const kind = "schedule" in trigger ? "schedule" : "event";
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
              event.target.value === "event" ? { event: "graph.file.updated" } : { schedule: "0 9 * * 1" },
            )
          }
        >
          <option value="event">an event</option>
          <option value="schedule">a schedule</option>
        </select>
      </label>
      {kind === "event" ? (
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
        </>
      ) : (
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
