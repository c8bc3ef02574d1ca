import { useEffect, useId, useState } from "react";
import type { Agent, Json, Schema } from "../api/types";
import { isObject } from "../text/json";
import { isTemplate, kindOf, plainSchema, templatesOf } from "./schema";
import type { WorkflowModel, WorkflowNode } from "./workflowText";
import type { Path } from "./yamlEdit";

interface Props {
  node: WorkflowNode;
  model: WorkflowModel;
  agents: Agent[];
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
  const { node, model, agents } = props;
  const agent = agents.find((each) => each.name === node.agent);
  const action = agent?.actions[node.action];
  const schema = action?.inputSchema ?? {};
  const others = model.nodes.filter((each) => each.id !== node.id && each.id);
  const upstream = upstreamOf(node, model);
  const templates = [
    ...contextTemplates(model),
    ...upstream.flatMap((each) =>
      templatesOf(
        `nodes.${each.id}.output`,
        agents.find((found) => found.name === each.agent)?.actions[each.action]?.outputSchema,
      ),
    ),
  ];
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
      <p className="small muted">{action?.description ?? "This agent or action is not known here."}</p>
      <TextField label="Id" value={node.id} commit={props.rename} />
      <label className="field">
        Action
        <select value={node.action} onChange={(event) => props.setField(["action"], event.target.value)}>
          {!action && <option>{node.action}</option>}
          {Object.keys(agent?.actions ?? {}).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {others.length > 0 && (
        <fieldset className="formfield">
          <legend className="small">
            <strong>Runs after</strong>
          </legend>
          {others.map((other) => (
            <label key={other.id} className="switch">
              <input
                type="checkbox"
                checked={node.dependsOn.includes(other.id)}
                onChange={(event) =>
                  event.target.checked ? props.connect(other.id) : props.disconnect(other.id)
                }
              />
              {other.id}
            </label>
          ))}
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
      {known.length === 0 && extra.length === 0 && <p className="muted small">It takes none.</p>}
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
            templates={templates}
            change={props.setInput}
          />
        ))}
      {extra.map((name) => (
        <Field
          key={name}
          name={`${name} (not in the schema)`}
          path={[name]}
          schema={{}}
          root={schema}
          required={false}
          value={node.inputs[name]}
          templates={templates}
          change={props.setInput}
        />
      ))}
    </div>
  );
}

/** Who may open the gate, and what happens when nobody does. */
function Policy({ approval, setField }: { approval: Record<string, Json>; setField: Props["setField"] }) {
  const deadline = String(approval.deadline ?? "");
  const names = Array.isArray(approval.approvers) ? approval.approvers.map(String) : [];
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
      <TextField
        label="Approvers (names, with commas; empty: anybody but who started the run)"
        value={names.join(", ")}
        commit={(text) => {
          const given = text.split(",").map((name) => name.trim());
          const found = given.filter(Boolean);
          set("approvers", found.length ? found : undefined);
        }}
      />
      <TextField
        label="Votes needed"
        value={approval.quorum === undefined ? "1" : String(approval.quorum)}
        commit={(text) => set("quorum", Number(text) > 1 ? Number(text) : undefined)}
      />
      <TextField
        label="Deadline (48h, 30m; empty: none)"
        value={deadline}
        commit={(text) => set("deadline", text.trim() || undefined)}
      />
      {deadline !== "" && (
        <label className="field">
          When it has passed
          <select
            value={String(approval.onExpiry ?? "")}
            onChange={(event) => set("onExpiry", event.target.value || undefined)}
          >
            <option value="">it is rejected</option>
            <option value="escalate">admins are asked</option>
          </select>
        </label>
      )}
    </fieldset>
  );
}

function upstreamOf(node: WorkflowNode, model: WorkflowModel): WorkflowNode[] {
  const byId = new Map(model.nodes.map((each) => [each.id, each]));
  const seen = new Set<string>();
  const open = [...node.dependsOn];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    open.push(...(byId.get(id)?.dependsOn ?? []));
  }
  return model.nodes.filter((each) => seen.has(each.id));
}

function contextTemplates(model: WorkflowModel): string[] {
  const event = isObject(model.trigger) && typeof model.trigger.event === "string";
  const names = event
    ? ["projectId", "repositoryPath", "filePath", "branch", "commit", "previousCommit"]
    : ["projectId"];
  return names.map((name) => `{{ context.${name} }}`);
}

interface FieldProps {
  name: string;
  path: Path;
  schema: Schema;
  root: Schema;
  required: boolean;
  value: Json | undefined;
  templates: string[];
  change: (path: Path, value: Json | undefined) => void;
}

/** One input: a value of its type, or a template. Groups have a field for each member. */
function Field(props: FieldProps) {
  const { name, path, root, required, value, templates, change } = props;
  const schema = plainSchema(props.schema, root);
  const kind = kindOf(schema);
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
            templates={templates}
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
        {text && templates.length > 0 && (
          <select
            aria-label={`${name}: insert a template`}
            className="insert"
            value=""
            onChange={(event) =>
              set(`${typeof value === "string" && kind === "text" ? value : ""}${event.target.value}`)
            }
          >
            <option value="">insert …</option>
            {templates.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
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
      return (
        <Typed
          id={id}
          shown={value === undefined || value === null ? "" : String(value)}
          placeholder={unset}
          commit={(text) => set(text.trim() === "" || Number.isNaN(Number(text)) ? undefined : Number(text))}
        />
      );
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

/** What the form has no better way for. */
function JsonField({
  id,
  value,
  set,
}: {
  id: string;
  value: Json | undefined;
  set: (value: Json | undefined) => void;
}) {
  const [bad, setBad] = useState(false);
  return (
    <>
      <Typed
        id={id}
        area
        placeholder="JSON"
        shown={value === undefined ? "" : JSON.stringify(value, null, 2)}
        commit={(text) => {
          try {
            set(text.trim() ? (JSON.parse(text) as Json) : undefined);
            setBad(false);
          } catch {
            setBad(true);
          }
        }}
      />
      {bad && <span className="small tone-red">This is not valid JSON; it was not taken over.</span>}
    </>
  );
}

/** A field whose text is taken over when it is left or Enter is pressed: one step of the history each. */
export function Typed({
  id,
  shown,
  commit,
  area = false,
  placeholder,
}: {
  id: string;
  shown: string;
  commit: (text: string) => void;
  area?: boolean;
  placeholder?: string;
}) {
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const done = () => {
    if (text !== shown) commit(text);
  };
  if (area) {
    return (
      <textarea
        id={id}
        value={text}
        placeholder={placeholder}
        onChange={(event) => setText(event.target.value)}
        onBlur={done}
      />
    );
  }
  return (
    <input
      id={id}
      type="text"
      value={text}
      placeholder={placeholder}
      onChange={(event) => setText(event.target.value)}
      onBlur={done}
      onKeyDown={(event) => event.key === "Enter" && done()}
    />
  );
}

export function TextField({
  label,
  value,
  commit,
}: {
  label: string;
  value: string;
  commit: (text: string) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className="small">
        <strong>{label}</strong>
      </label>
      <Typed id={id} shown={value} commit={commit} />
    </div>
  );
}
