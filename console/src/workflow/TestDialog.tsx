import { useState } from "react";
import { useAct } from "../api/act";
import { type DryRun, dryRun } from "../api/compile";
import { Failure } from "../components/basics";
import { Dialog } from "../components/Dialog";

/** Plays the workflow: with one context, or all cases of a test file, and shows on the graph what they reached. */
export function TestDialog({
  text,
  close,
  show,
}: {
  text: string;
  close: () => void;
  show: (test: DryRun) => void;
}) {
  const [context, setContext] = useState("");
  const [cases, setCases] = useState("");
  const run = useAct({
    mutationFn: async () =>
      dryRun(text, !cases.trim() && context.trim() ? JSON.parse(context) : null, cases.trim() || null),
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
          onChange={(event) => setContext(event.target.value)}
        />
      </label>
      <details>
        <summary>Several cases, as in a test file</summary>
        <label className="field">
          Cases (YAML)
          <textarea
            rows={9}
            className="mono"
            placeholder={"cases:\n  - name: it is bad\n    mocks: {scan: {output: {summary: {critical: 1}}}}"}
            value={cases}
            onChange={(event) => setCases(event.target.value)}
          />
        </label>
      </details>
      {run.error && <Failure error={run.error} />}
      {run.data && <Results run={run.data} />}
      <div className="row">
        <button type="button" className="primary" disabled={run.isPending} onClick={() => run.mutate()}>
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
