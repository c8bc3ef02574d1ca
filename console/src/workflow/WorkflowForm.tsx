import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useAct } from "../api/act";
import { post } from "../api/client";
import { useDebounced } from "../api/compile";
import type { ScheduleAnswer, TriedAnswer } from "../api/schema";
import type { Json } from "../api/types";
import { Ago, Failure } from "../components/basics";
import { isObject } from "../text/json";
import { ChoiceField, MoreFields, NamesField, NumberField, Pairs, shownOf, TextField } from "./fields";
import type { WorkflowModel } from "./workflowText";
import type { Path } from "./yamlEdit";

type Set = (path: Path, value: Json | undefined) => void;

interface Props {
  model: WorkflowModel;
  set: Set;
  addTrigger: () => void;
  removeTrigger: (at: number) => void;
}

/** Name, description, what starts the workflow, and everything else that is no node's. */
export function WorkflowForm({ model, set, addTrigger, removeTrigger }: Props) {
  const several = Array.isArray(model.trigger);
  const triggers = Array.isArray(model.trigger) ? model.trigger : [model.trigger];
  return (
    <div className="stack">
      <h2>Workflow</h2>
      <TextField label="Name" value={model.name} commit={(text) => set(["name"], text.trim())} />
      <TextField
        label="Description"
        value={model.description}
        commit={(text) => set(["description"], text)}
      />
      {triggers.map((trigger, at) => (
        <Trigger
          key={at}
          trigger={trigger}
          at={several ? ["trigger", at] : ["trigger"]}
          number={several ? at + 1 : null}
          set={set}
          remove={several ? () => removeTrigger(at) : undefined}
        />
      ))}
      <div className="row">
        <button type="button" className="tiny" onClick={addTrigger}>
          Add a trigger
        </button>
      </div>
      <MoreOfWorkflow written={model.written} set={set} />
    </div>
  );
}

const KINDS = ["event", "schedule", "manual"] as const;
const BEGINNINGS: Record<string, Json> = {
  event: { event: "graph.file.updated" },
  schedule: { schedule: "0 9 * * 1" },
  manual: "manual",
};

function Trigger({
  trigger: written,
  at,
  number,
  set,
  remove,
}: {
  trigger: Json;
  at: Path;
  /** Its place, where there are several. */
  number: number | null;
  set: Set;
  remove: (() => void) | undefined;
}) {
  const trigger = isObject(written) ? (written as Record<string, Json>) : {};
  const kind = written === "manual" ? written : (KINDS.find((each) => each in trigger) ?? "");
  return (
    <>
      <div className="row nowrap">
        <div className="grow">
          <ChoiceField
            label={number === null ? "Started by" : `Started by (${number})`}
            value={kind}
            choices={[
              ...(kind === "" ? ([["", "nothing but a person"]] as const) : []),
              ["event", "an event"],
              ["schedule", "a schedule"],
              ["manual", "a person"],
            ]}
            commit={(chosen) => chosen && set(at, BEGINNINGS[chosen])}
          />
        </div>
        {remove && (
          <button type="button" className="tiny" aria-label={`Remove trigger ${number}`} onClick={remove}>
            Remove
          </button>
        )}
      </div>
      {kind === "manual" && (
        <>
          <p className="small muted">Somebody starts it on the page of workflows, or a script does.</p>
          {isObject(written) && (
            <Pairs
              title="What that person gives"
              value={trigger.manual}
              path={[...at, "manual"]}
              words={["Field to be given", "Its type, as JSON", "Add field to be given"]}
              set={set}
            />
          )}
        </>
      )}
      {kind === "event" && (
        <>
          <TextField
            label="Event (NATS subject)"
            value={String(trigger.event ?? "")}
            commit={(text) => set([...at, "event"], text.trim())}
          />
          <Pairs
            title="Only events whose fields fit"
            value={trigger.filters}
            path={[...at, "filters"]}
            words={["Field of the event", "Pattern", "Add filter"]}
            set={set}
          />
          <TextField
            label="Expression that must hold as well (empty: none)"
            value={typeof trigger.expression === "string" ? trigger.expression : ""}
            commit={(text) => set([...at, "expression"], text.trim() || undefined)}
          />
          <TryTrigger trigger={trigger} />
        </>
      )}
      {kind === "schedule" && <Schedule trigger={trigger} at={at} set={set} />}
    </>
  );
}

const REST = ["status", "context", "concurrency", "approvalPolicy"];

/** What most workflows do without. `projectId` has no field: it is the project that one is signed in to. */
function MoreOfWorkflow({ written, set }: { written: Record<string, Json>; set: Set }) {
  const concurrency = isObject(written.concurrency) ? (written.concurrency as Record<string, Json>) : {};
  const policy = isObject(written.approvalPolicy) ? (written.approvalPolicy as Record<string, Json>) : {};
  const used = REST.filter((name) => written[name] !== undefined);
  const schema = isObject(written.context) && isObject(written.context.properties);
  return (
    <>
      <Pairs
        title="Outputs of a run that ends well"
        value={written.outputs}
        path={["outputs"]}
        words={["Name of the output", "Template of the output", "Add output"]}
        set={set}
      />
      <MoreFields title="Status, context, runs at once, trust" used={used}>
        <ChoiceField
          label="Status"
          value={written.status}
          choices={[
            ["", "active"],
            ["DRAFT", "a draft: it starts no runs"],
            ["ARCHIVED", "archived: it starts no runs"],
          ]}
          commit={(status) => set(["status"], status)}
        />
        <Pairs
          title="Context, where nothing is known of the trigger's"
          value={schema ? (written.context as Record<string, Json>).properties : written.context}
          path={schema ? ["context", "properties"] : ["context"]}
          words={["Field of the context", 'Its type: {"type": "string"}', "Add field"]}
          set={set}
        />
        <NumberField
          label="Runs at once"
          value={concurrency.limit}
          unset="no limit"
          whole
          commit={(limit) => set(limit === undefined ? ["concurrency"] : ["concurrency", "limit"], limit)}
        />
        {concurrency.limit !== undefined && (
          <>
            <TextField
              label="Counted apart for each (a template over the context; empty: all together)"
              value={shownOf(concurrency.key)}
              commit={(text) => set(["concurrency", "key"], text.trim() || undefined)}
            />
            <ChoiceField
              label="A run that finds no place"
              value={concurrency.onConflict}
              choices={[
                ["", "waits"],
                ["skip", "ends at once"],
                ["cancel-older", "cancels the oldest"],
              ]}
              commit={(what) => set(["concurrency", "onConflict"], what)}
            />
          </>
        )}
        <NamesField
          label="Trusted triggers (subjects or schedule, with commas): their runs pass gates switched off"
          value={policy.trustedTriggers}
          commit={(names) => set(["approvalPolicy", "trustedTriggers"], names)}
        />
        <NamesField
          label="Nodes that may be approved because time has passed (ids, with commas)"
          value={policy.approveOnExpiry}
          commit={(names) => set(["approvalPolicy", "approveOnExpiry"], names)}
        />
      </MoreFields>
    </>
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
        <button type="button" disabled={!trigger.event} onClick={() => tried.mutate()}>
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

function Schedule({ trigger, at, set }: { trigger: Record<string, Json>; at: Path; set: Set }) {
  const cron = shownOf(trigger.schedule);
  const zone = String(trigger.timezone ?? "UTC");
  const asked = useDebounced(cron, 300);
  const words = useQuery({
    queryKey: ["schedule", asked, zone],
    enabled: asked.trim() !== "",
    retry: false,
    queryFn: () => post<ScheduleAnswer>("compile/schedule", { cron: asked, timezone: zone }),
  });
  return (
    <>
      <TextField label="Cron" value={cron} commit={(text) => set([...at, "schedule"], text.trim())} />
      <TextField
        label="Time zone"
        value={zone}
        commit={(text) => set([...at, "timezone"], text.trim() || undefined)}
      />
      <ChoiceField
        label="Times that were missed"
        value={trigger.missed}
        choices={[
          ["", "the newest is made up for"],
          ["skip", "are left out"],
          ["all", "are all made up for, in order"],
        ]}
        commit={(what) => set([...at, "missed"], what)}
      />
      {words.data && <p>{words.data.words}</p>}
      {words.data && (
        <ol className="small">
          {words.data.next.map((time) => (
            <li key={time}>{new Date(time).toLocaleString(undefined, { timeZoneName: "short" })}</li>
          ))}
        </ol>
      )}
      {words.error && <p className="small muted">{words.error.message}</p>}
    </>
  );
}
