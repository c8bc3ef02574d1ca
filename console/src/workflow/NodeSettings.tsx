import type { Json } from "../api/types";
import { isObject } from "../text/json";
import { ChoiceField, MoreFields, NamesField, NumberField, shownOf, TextField, typedOf } from "./fields";
import type { WorkflowNode } from "./workflowText";
import type { Path } from "./yamlEdit";

interface Props {
  node: WorkflowNode;
  others: string[];
  set: (field: Path, value: Json | undefined) => void;
}

const FIELDS = [
  "description",
  "foreach",
  "maxParallel",
  "retries",
  "onFailure",
  "timeoutSeconds",
  "memoryMb",
  "network",
  "secrets",
];

/** How a node runs: repetition, failures, limits, reach. */
export function NodeSettings({ node, others, set }: Props) {
  const { written } = node;
  const retries = isObject(written.retries) ? (written.retries as Record<string, Json>) : {};
  const used = FIELDS.filter((name) => written[name] !== undefined);
  return (
    <MoreFields title="Repetition, failures, limits" used={used}>
      <TextField
        label="Description"
        value={shownOf(written.description)}
        commit={(text) => set(["description"], text || undefined)}
      />
      <TextField
        label="For each item of (a template that gives a list, or a JSON list; empty: once)"
        value={shownOf(written.foreach)}
        commit={(text) => set(["foreach"], text.trim() ? typedOf(text.trim()) : undefined)}
      />
      {written.foreach !== undefined && (
        <NumberField
          label="Items at once"
          value={written.maxParallel}
          unset="4"
          whole
          commit={(count) => set(["maxParallel"], count)}
        />
      )}
      <NumberField
        label="Retries (after failures that can pass)"
        value={retries.max}
        unset="none"
        whole
        commit={(count) => set(count === undefined ? ["retries"] : ["retries", "max"], count)}
      />
      {retries.max !== undefined && (
        <>
          <NumberField
            label="Seconds before the first retry (doubled each time)"
            value={retries.backoffSeconds}
            unset="1"
            commit={(seconds) => set(["retries", "backoffSeconds"], seconds)}
          />
          <NumberField
            label="Jitter (0 to 1, a part of that time by chance)"
            value={retries.jitter}
            unset="0.5"
            commit={(part) => set(["retries", "jitter"], part)}
          />
        </>
      )}
      <ChoiceField
        label="When it fails"
        value={written.onFailure}
        choices={[
          ["", "the run fails, and what depends on it is skipped"],
          ["continue", "the run goes on, and what depends on it sees null"],
          ...others.map((id) => [id, `${id} handles it`] as const),
        ]}
        commit={(what) => set(["onFailure"], what)}
      />
      {!node.workflow && (
        <>
          <NumberField
            label="Time limit in seconds (at most 1800)"
            value={written.timeoutSeconds}
            unset="the agent's"
            whole
            commit={(seconds) => set(["timeoutSeconds"], seconds)}
          />
          <NumberField
            label="Memory in MB"
            value={written.memoryMb}
            unset="the agent's"
            whole
            commit={(size) => set(["memoryMb"], size)}
          />
          <NamesField
            label="Network (host:port, with commas; none: nothing; empty: what the agent asks for)"
            none="none"
            value={written.network}
            commit={(hosts) => set(["network"], hosts)}
          />
          <NamesField
            label="Secrets (names, with commas; none: nothing; empty: what the agent asks for)"
            none="none"
            value={written.secrets}
            commit={(names) => set(["secrets"], names)}
          />
        </>
      )}
    </MoreFields>
  );
}
