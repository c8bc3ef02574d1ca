import { useAct } from "../api/act";
import { type DryRun, dryRun } from "../api/compile";
import { Failure, Loading } from "../components/basics";
import { Dialog } from "../components/Dialog";
import { isObject } from "../text/json";

export interface Tried {
  context: string;
  cases: string;
}

function parsed(context: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(context.trim() || "{}");
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** Plays the workflow: with one context, or all cases of a test file, and shows on the graph what they reached. */
export function TestDialog({
  text,
  tried: { context, cases },
  type,
  close,
  show,
}: {
  text: string;
  /** What was typed, also the last time: a test is tried, looked at in the graph, and tried again. */
  tried: Tried;
  type: (tried: Tried) => void;
  close: () => void;
  show: (test: DryRun) => void;
}) {
  const given = cases.trim() ? {} : parsed(context);
  const run = useAct({
    mutationFn: () => dryRun(text, !cases.trim() && context.trim() ? given : null, cases.trim() || null),
    onSuccess: show,
  });
  return (
    <Dialog title="Test without running anything" onClose={close}>
      <p>Agents are replaced by examples that fit their schemas; the path is shown on the graph.</p>
      <label className="field">
        Context (JSON; empty: an example of what its trigger sends)
        <textarea
          rows={5}
          className="mono"
          value={context}
          disabled={cases.trim() !== ""}
          onChange={(event) => type({ context: event.target.value, cases })}
        />
      </label>
      <details open={cases !== ""}>
        <summary>Several cases, as in a test file</summary>
        <label className="field">
          Cases (YAML)
          <textarea
            rows={9}
            className="mono"
            placeholder={"cases:\n  - name: it is bad\n    mocks: {scan: {output: {summary: {critical: 1}}}}"}
            value={cases}
            onChange={(event) => type({ context, cases: event.target.value })}
          />
        </label>
      </details>
      {given === null && (
        <p className="notice bad" role="alert">
          The context is not a JSON object.
        </p>
      )}
      {run.isPending && <Loading />}
      {run.error && <Failure error={run.error} />}
      {run.data && <Results run={run.data} />}
      <div className="row">
        <button type="button" className="primary" disabled={given === null} onClick={() => run.mutate()}>
          Test
        </button>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function Results({ run: { statuses, answer } }: { run: DryRun }) {
  const [only] = answer.cases;
  const gates = [...new Set(answer.cases.flatMap((each) => each.gates))];
  const count = (status: string) => Object.values(statuses).filter((each) => each === status).length;
  return (
    <>
      <p role="status">
        {count("SUCCESS")} nodes run, {count("SKIPPED")} are skipped
        {gates.length > 0 && `; a person is asked at ${gates.join(", ")}`}.
        {only && !only.started && " Its trigger does not take this event."}
      </p>
      {answer.cases.length > 1 && (
        <>
          <ul className="small">
            {answer.cases.map((each) => (
              <li key={each.name}>
                {each.name}: {each.passed ? "passed" : each.failures.join("; ")}
              </li>
            ))}
          </ul>
          <p className="small">
            {answer.coverage.missed.length === 0
              ? "The cases take every way through the workflow."
              : `No case takes: ${answer.coverage.missed.join(", ")}.`}
          </p>
        </>
      )}
      <details>
        <summary>All of it</summary>
        <pre className="codebox">{JSON.stringify(answer, null, 2)}</pre>
      </details>
    </>
  );
}
