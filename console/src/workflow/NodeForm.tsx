import { useId, useState } from "react";
import type { OfferAnswer } from "../api/schema";
import type { Agent, Json, Schema } from "../api/types";
import { PickOne } from "../components/PickOne";
import { isObject } from "../text/json";
import type { Fit } from "./connecting";
import {
  ChoiceField,
  JsonField,
  NamesField,
  NumberField,
  NumberInput,
  Pairs,
  TextField,
  Typed,
} from "./fields";
import { NodeSettings } from "./NodeSettings";
import { isTemplate, isWhole, kindOf, plainSchema } from "./schema";
import type { WorkflowModel, WorkflowNode } from "./workflowText";
import type { Path } from "./yamlEdit";

interface Props {
  node: WorkflowNode;
  model: WorkflowModel;
  agents: Agent[];
  /** Names of the workflows that it may call. */
  workflows: string[];
  /** What its templates may read. */
  offers: OfferAnswer[];
  /** Of each other node: what an edge from it could carry. */
  fits: Record<string, Fit | undefined>;
  /** What it takes, where no agent says so. */
  inputSchema: Schema | undefined;
  /** The risk that the compiler found; the agent's own before that. */
  risk: string | undefined;
  rename: (to: string) => void;
  /** Whether the compiler puts a gate before it. */
  gated: boolean;
  setField: (field: Path, value: Json | undefined) => void;
  setInput: (path: Path, value: Json | undefined) => void;
  connect: (from: string) => void;
  disconnect: (from: string) => void;
  remove: () => void;
}

/** Everything of one node, without YAML. */
export function NodeForm(props: Props) {
  const { node, model, agents, offers } = props;
  const agent = agents.find((each) => each.name === node.agent);
  const action = agent?.actions[node.action];
  const schema = action?.inputSchema ?? props.inputSchema ?? {};
  const others = model.nodes.filter((each) => each.id !== node.id && each.id);
  const known = Object.entries(schema.properties ?? {});
  const extra = Object.keys(node.inputs).filter((name) => !known.some(([other]) => other === name));
  const required = new Set(schema.required ?? []);
  return (
    <div className="stack">
      <div className="head">
        <h2>{node.id}</h2>
        <button type="button" className="danger tiny" onClick={props.remove}>
          Remove node
        </button>
      </div>
      <p className="small muted">
        {node.workflow
          ? "A run of another workflow; its outputs are what this node gives."
          : (action?.description ?? "This agent or action is not known here.")}
      </p>
      <TextField label="Id" value={node.id} commit={props.rename} />
      {node.workflow ? (
        <ChoiceField
          label="Workflow"
          value={node.workflow}
          choices={props.workflows.map((name) => [name, name] as const)}
          commit={(name) => props.setField(["workflow"], name)}
        />
      ) : (
        <ChoiceField
          label="Action"
          value={node.action}
          choices={Object.keys(agent?.actions ?? {}).map((name) => [name, name] as const)}
          commit={(name) => props.setField(["action"], name)}
        />
      )}
      {others.length > 0 && (
        <fieldset className="formfield">
          <legend className="small">
            <strong>Runs after</strong>
          </legend>
          {others.map((other) => {
            const ticked = node.dependsOn.includes(other.id);
            const fit = ticked ? undefined : props.fits[other.id];
            return (
              <label key={other.id} className="switch">
                <input
                  type="checkbox"
                  checked={ticked}
                  disabled={fit?.state === "no"}
                  onChange={(event) =>
                    event.target.checked ? props.connect(other.id) : props.disconnect(other.id)
                  }
                />
                <span>
                  {other.id}{" "}
                  {fit && (
                    <span className={`small ${fit.state === "fits" ? "ink-green" : "muted"}`}>
                      {fit.words}
                    </span>
                  )}
                </span>
              </label>
            );
          })}
        </fieldset>
      )}
      <label className="field">
        Approval
        <select
          value={node.approvalRequired === null ? "" : String(node.approvalRequired)}
          onChange={(event) =>
            props.setField(
              ["approvalRequired"],
              event.target.value === "" ? undefined : event.target.value === "true",
            )
          }
        >
          <option value="">
            as its risk says{props.risk ? `: ${props.risk === "AUTO" ? "runs without asking" : "asks"}` : ""}
          </option>
          <option value="true">a person approves it</option>
          <option value="false">no approval of its own</option>
        </select>
      </label>
      <TextField
        label="Only when (a template; empty: always)"
        value={node.when === undefined ? "" : String(node.when)}
        commit={(text) => props.setField(["when"], text.trim() || undefined)}
      />
      {(props.gated || Object.keys(node.approval).length > 0) && (
        <Policy approval={node.approval} setField={props.setField} />
      )}
      <h3>Inputs</h3>
      {known.length === 0 && extra.length === 0 && !node.workflow && (
        <p className="muted small">It takes none.</p>
      )}
      <Unread node={node} offers={offers} known={known.map(([name]) => name)} setInput={props.setInput} />
      {known
        .sort(([a], [b]) => Number(required.has(b)) - Number(required.has(a)))
        .map(([name, field]) => (
          <Field
            key={name}
            name={name}
            path={[name]}
            schema={field}
            root={schema}
            required={required.has(name)}
            value={node.inputs[name]}
            offers={offers}
            change={props.setInput}
          />
        ))}
      {action || known.length > 0 ? (
        extra.map((name) => (
          <Field
            key={name}
            name={`${name} (not in the schema)`}
            path={[name]}
            schema={{}}
            root={schema}
            required={false}
            value={node.inputs[name]}
            offers={offers}
            change={props.setInput}
          />
        ))
      ) : (
        <Pairs
          title="What it is given"
          value={node.inputs}
          path={[]}
          words={["Name of the input", "Value or template", "Add input"]}
          set={props.setInput}
        />
      )}
      <NodeSettings node={node} others={others.map((each) => each.id)} set={props.setField} />
    </div>
  );
}

/** A node that it runs after, and reads nothing of: what of it fits which input, and what does not, and why. */
function Unread({
  node,
  offers,
  known,
  setInput,
}: {
  node: WorkflowNode;
  offers: OfferAnswer[];
  known: string[];
  setInput: Props["setInput"];
}) {
  const read = JSON.stringify(node.written);
  const silent = node.dependsOn.filter((from) => !read.includes(`nodes.${from}.`));
  return silent.map((from) => {
    const parts = offers.filter((each) => each.node === from);
    const free = known.filter((name) => node.inputs[name] === undefined);
    if (!parts.length || !free.length) return null;
    const fits = parts.flatMap((each) =>
      free.filter((name) => !(name in each.refused)).map((name) => [each, name] as const),
    );
    const refused = parts.flatMap((each) =>
      free.filter((name) => name in each.refused).map((name) => [each, name] as const),
    );
    return (
      <section key={from} className="notice stack" aria-label={`What ${from} gives`}>
        <p className="small">
          {fits.length > 0
            ? `It runs after ${from} and reads nothing of it. What fits:`
            : `It only waits for ${from}: nothing that ${from} gives fits an input that is not set.`}
        </p>
        {fits.length > 0 && (
          <div className="row">
            {fits.slice(0, 12).map(([each, name]) => (
              <button
                key={`${each.reference} ${name}`}
                type="button"
                className="tiny"
                onClick={() => setInput([name], `{{ ${each.reference} }}`)}
              >
                {each.reference.replace(`nodes.${from}.`, "")} → {name}
              </button>
            ))}
          </div>
        )}
        {refused.length > 0 && (
          <details>
            <summary className="small">What does not fit, and why</summary>
            <ul className="small">
              {refused.slice(0, 60).map(([each, name]) => (
                <li key={`${each.reference} ${name}`}>
                  <code>{each.reference}</code>: {each.refused[name]}
                </li>
              ))}
            </ul>
          </details>
        )}
      </section>
    );
  });
}

/** Who may open the gate, and what happens when nobody does. */
function Policy({ approval, setField }: { approval: Record<string, Json>; setField: Props["setField"] }) {
  const deadline = String(approval.deadline ?? "");
  // An empty `approval:` says nothing.
  const set = (name: string, value: Json | undefined) => {
    const rest = Object.keys(approval).filter((each) => each !== name);
    if (value === undefined && rest.length === 0) setField(["approval"], undefined);
    else setField(["approval", name], value);
  };
  return (
    <fieldset className="formfield">
      <legend className="small">
        <strong>Who approves it</strong>
      </legend>
      <NamesField
        label="Approvers (names, with commas; empty: anybody but who started the run)"
        value={approval.approvers}
        commit={(names) => set("approvers", names)}
      />
      <NumberField
        label="Votes needed"
        value={approval.quorum}
        unset="1"
        whole
        commit={(votes) => set("quorum", votes === 1 ? undefined : votes)}
      />
      <TextField
        label="Deadline (48h, 30m; empty: none)"
        value={deadline}
        commit={(text) => set("deadline", text.trim() || undefined)}
      />
      {deadline !== "" && (
        <ChoiceField
          label="When it has passed"
          value={approval.onExpiry}
          choices={[
            ["", "it is rejected"],
            ["escalate", "admins are asked"],
            ["approve", "it is approved, where the workflow's approval policy names this node"],
          ]}
          commit={(what) => set("onExpiry", what)}
        />
      )}
      <label className="switch">
        <input
          type="checkbox"
          checked={approval.allowSelfApproval === true}
          onChange={(event) => set("allowSelfApproval", event.target.checked || undefined)}
        />
        who started the run may approve it
      </label>
      <label className="switch">
        <input
          type="checkbox"
          checked={approval.allowUnverified === false}
          onChange={(event) => set("allowUnverified", event.target.checked ? false : undefined)}
        />
        only people who have signed in count
      </label>
    </fieldset>
  );
}

/** Groups in groups that have fields of their own; the compiler judges as many. */
const LEVELS = 4;

function refusalOf(offer: OfferAnswer, path: Path): string | undefined {
  if (path.length === 1) return offer.refused[String(path[0])];
  const pointer = path.map((each) => `/${String(each).replaceAll("~", "~0").replaceAll("/", "~1")}`);
  return offer.refusedWithin[pointer.join("")];
}

interface FieldProps {
  name: string;
  path: Path;
  schema: Schema;
  root: Schema;
  required: boolean;
  value: Json | undefined;
  offers: OfferAnswer[];
  change: (path: Path, value: Json | undefined) => void;
}

/** One input: a value of its type, or a template. Groups have a field for each member. */
function Field(props: FieldProps) {
  const { name, path, root, required, value, offers, change } = props;
  const schema = plainSchema(props.schema, root);
  // A type may hold itself: what lies deeper is one field.
  const kind = kindOf(schema) === "group" && path.length >= LEVELS ? "other" : kindOf(schema);
  const [asTemplate, setAsTemplate] = useState(false);
  const template =
    isTemplate(value) || (asTemplate && value === undefined) || (asTemplate && typeof value === "string");
  const id = useId();
  if (kind === "group" && !template) {
    const inside = isObject(value) ? (value as Record<string, Json>) : {};
    return (
      <fieldset className="formfield">
        <legend className="small">
          <strong>{name}</strong>
        </legend>
        {Object.entries(schema.properties ?? {}).map(([member, each]) => (
          <Field
            key={member}
            name={member}
            path={[...path, member]}
            schema={each}
            root={root}
            required={Boolean(schema.required?.includes(member))}
            value={inside[member]}
            offers={offers}
            change={change}
          />
        ))}
        <button type="button" className="tiny" onClick={() => setAsTemplate(true)}>
          Use a template for {name}
        </button>
      </fieldset>
    );
  }
  const set = (next: Json | undefined) => change(path, next);
  const text = kind === "text" || template;
  return (
    <div className={`formfield ${template ? "template" : ""}`}>
      <div className="row nowrap">
        <label htmlFor={id} className="small grow">
          <strong>{name}</strong>
          {required && <span className="muted"> (needed)</span>}
        </label>
        {kind !== "text" && (
          <button
            type="button"
            className="tiny"
            aria-pressed={template}
            aria-label={`${name}: template`}
            onClick={() => {
              setAsTemplate(!template);
              if (template) set(undefined);
            }}
          >
            template
          </button>
        )}
        {text && offers.length > 0 && (
          <Insert
            name={name}
            offers={offers}
            // Beside other text everything becomes text.
            refusal={(offer) => (kind === "text" && value ? undefined : refusalOf(offer, path))}
            insert={(reference) =>
              set(`${typeof value === "string" && kind === "text" ? value : ""}{{ ${reference} }}`)
            }
          />
        )}
      </div>
      {schema.description && <span className="small muted">{schema.description}</span>}
      {template ? (
        <Typed
          id={id}
          shown={typeof value === "string" ? value : ""}
          commit={(given) => set(given === "" ? undefined : given)}
        />
      ) : (
        <Control id={id} kind={kind} schema={schema} value={value} set={set} />
      )}
    </div>
  );
}

/** Paths to choose from, and those that the input does not take, with the reason. */
function Insert({
  name,
  offers,
  refusal: refused,
  insert,
}: {
  name: string;
  offers: OfferAnswer[];
  /** Why the field does not take it; undefined: it does. */
  refusal: (offer: OfferAnswer) => string | undefined;
  insert: (reference: string) => void;
}) {
  const misfits = offers.filter((each) => refused(each) !== undefined);
  return (
    <PickOne aria-label={`${name}: insert a template`} className="insert" pick={insert}>
      <option value="">insert …</option>
      {offers
        .filter((each) => refused(each) === undefined)
        .map((each) => (
          <option key={each.reference} value={each.reference}>
            {`{{ ${each.reference} }}`}
          </option>
        ))}
      {misfits.length > 0 && (
        <optgroup label="does not fit">
          {misfits.map((each) => (
            <option key={each.reference} value={each.reference} disabled>
              {`${each.reference}: ${refused(each)}`}
            </option>
          ))}
        </optgroup>
      )}
    </PickOne>
  );
}

function Control({
  id,
  kind,
  schema,
  value,
  set,
}: {
  id: string;
  kind: string;
  schema: Schema;
  value: Json | undefined;
  set: (value: Json | undefined) => void;
}) {
  const unset = schema.default === undefined ? "not set" : `not set: ${JSON.stringify(schema.default)}`;
  switch (kind) {
    case "choice":
      return (
        <select
          id={id}
          value={value === undefined ? "" : String(value)}
          onChange={(event) => set(event.target.value || undefined)}
        >
          <option value="">{unset}</option>
          {schema.enum?.map((each) => (
            <option key={String(each)}>{String(each)}</option>
          ))}
        </select>
      );
    case "boolean":
      return (
        <select
          id={id}
          value={value === undefined ? "" : String(value)}
          onChange={(event) => set(event.target.value === "" ? undefined : event.target.value === "true")}
        >
          <option value="">{unset}</option>
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      );
    case "number":
      return <NumberInput id={id} value={value} unset={unset} whole={isWhole(schema)} commit={set} />;
    case "lines":
      return (
        <Typed
          id={id}
          area
          placeholder="one per line"
          shown={Array.isArray(value) ? value.map(String).join("\n") : ""}
          commit={(text) => {
            const lines = text.split("\n").map((line) => line.trim());
            const given = lines.filter(Boolean);
            set(given.length ? given : undefined);
          }}
        />
      );
    case "text":
      return (
        <Typed
          id={id}
          shown={
            typeof value === "string"
              ? value
              : value === undefined || value === null
                ? ""
                : JSON.stringify(value)
          }
          placeholder={unset}
          area={typeof value === "string" && value.includes("\n")}
          commit={(text) => set(text === "" ? undefined : text)}
        />
      );
    default:
      return <JsonField id={id} value={value} set={set} />;
  }
}
