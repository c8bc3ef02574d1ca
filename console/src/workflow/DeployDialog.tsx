import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { useAct } from "../api/act";
import { ApiError, post, request } from "../api/client";
import type { VersionDetail } from "../api/schema";
import type { Compiled } from "../api/types";
import { Failure, Risk } from "../components/basics";
import { Dialog } from "../components/Dialog";
import { isObject } from "../text/json";
import { severityOf } from "./editor";

export interface Conflict {
  /** As it is deployed now, by somebody else. */
  source: string;
  etag: string | null;
  /** What both began with; null where that is not known. */
  base: string | null;
  /** Where it is a draft that somebody else has written: its tag. */
  draftEtag?: string;
}

interface DeployProps {
  name: string;
  text: string;
  etag: string | null;
  /** The name under which it was opened; null for a new workflow. */
  before: string | null;
  compiled: Compiled | undefined;
  current: boolean;
  close: () => void;
  conflict: (found: Conflict) => void;
  done: (etag: string | null) => void;
}

/** What a deploy does and changes, and the deploy. Opening a gate needs an explicit yes. */
export function DeployDialog(props: DeployProps) {
  const { name, text, etag, before, compiled } = props;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [agreed, setAgreed] = useState(false);
  const [needsAgreement, setNeedsAgreement] = useState<string | null>(null);
  const renamed = before !== null && before !== name;
  const [archives, setArchives] = useState(true);
  const errors = compiled?.diagnostics.filter((each) => severityOf(each) === "error") ?? [];
  const changes = compiled?.changes ?? [];
  const gates = compiled?.plan?.nodes.filter((node) => node.gate) ?? [];
  const deploy = useAct({
    mutationFn: async () => {
      const answer = await request<{ planDigest: string }>(`workflows/${encodeURIComponent(name)}`, {
        method: "PUT",
        yaml: text,
        query: agreed ? { removeGates: "true" } : {},
        // `"0"` is the tag of a workflow that is not there yet.
        headers: etag && !renamed ? { "If-Match": etag } : before !== name ? { "If-Match": '"0"' } : {},
      });
      if (renamed && archives) await post(`workflows/${encodeURIComponent(before)}/archive`);
      return answer;
    },
    onSuccess: (answer) => {
      queries.invalidateQueries({ queryKey: ["workflows"] });
      props.done(answer.headers.get("etag"));
      if (before !== name) navigate(`/workflows/${encodeURIComponent(name)}`);
    },
    onError: async (error) => {
      if (!(error instanceof ApiError)) return;
      if (error.status === 412 && before === name) props.conflict(await conflictOf(name, etag, error));
      // A second person is needed: agreeing once more changes nothing.
      else if (error.status === 409 && isObject(error.detail) && Array.isArray(error.detail.changes))
        setNeedsAgreement(error.message);
      else if (error.status === 409) setNeedsAgreement(null);
    },
  });
  return (
    <Dialog title={`Deploy ${name}`} onClose={props.close}>
      {errors.length > 0 && (
        <p className="notice bad">
          {errors.length === 1 ? "It has a mistake" : `It has ${errors.length} mistakes`}; see the problems.
        </p>
      )}
      {renamed && (
        <div className="notice warn">
          <p>
            It was opened as {before}, and becomes a workflow of its own under its new name. Runs that wait go
            on.
          </p>
          <label className="switch">
            <input
              type="checkbox"
              checked={archives}
              onChange={(event) => setArchives(event.target.checked)}
            />{" "}
            {before} starts no more runs
          </label>
        </div>
      )}
      {compiled?.plan && (
        <dl className="facts">
          <dt>Plan</dt>
          <dd>
            <code>{compiled.plan.digest}</code>
          </dd>
          <dt>Nodes</dt>
          <dd>{compiled.plan.nodes.length}</dd>
          <dt>A person is asked at</dt>
          <dd>{gates.map((node) => node.id).join(", ") || "no node"}</dd>
        </dl>
      )}
      {compiled?.plan && (
        <div className="tablebox">
          <table>
            <caption className="visually-hidden">What each node may do</caption>
            <thead>
              <tr>
                <th scope="col">Node</th>
                <th scope="col">Risk</th>
                <th scope="col">Effect</th>
                <th scope="col">Secrets</th>
              </tr>
            </thead>
            <tbody>
              {compiled.plan.nodes.slice(0, 100).map((node) => (
                <tr key={node.id}>
                  <td>{node.id}</td>
                  <td>
                    <Risk risk={node.gate ? "APPROVAL_REQUIRED" : "AUTO"} />
                  </td>
                  <td>{node.effect ?? "–"}</td>
                  <td>{node.secrets?.join(", ") || "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {(compiled?.gateProof ?? []).length > 0 && (
        <ul className="small">
          {compiled?.gateProof?.map((proof) => (
            <li key={proof.node}>
              {proof.node}:{" "}
              {proof.holds
                ? `each of ${proof.paths} ways to it passes its gate`
                : "there is a way to it that passes no gate"}
            </li>
          ))}
        </ul>
      )}
      {changes.length > 0 && (
        <section>
          <h3>What changes</h3>
          <ul>
            {changes.map((change) => (
              <li key={change.message}>
                {change.dangerous && <strong>Needs agreement: </strong>}
                {change.message}
              </li>
            ))}
          </ul>
        </section>
      )}
      {needsAgreement && (
        <div className="notice warn" role="alert">
          <p>{needsAgreement}</p>
          <label className="switch">
            <input type="checkbox" checked={agreed} onChange={(event) => setAgreed(event.target.checked)} /> I
            agree that these gates are opened
          </label>
        </div>
      )}
      {deploy.error && !needsAgreement && <Failure error={toldOf(deploy.error, before !== name, name)} />}
      <div className="row">
        <button
          type="button"
          className="primary"
          disabled={
            deploy.isPending ||
            deploy.isSuccess ||
            errors.length > 0 ||
            !props.current ||
            (needsAgreement !== null && !agreed)
          }
          onClick={() => deploy.mutate()}
        >
          Deploy
        </button>
        <button type="button" onClick={props.close}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

/** What to say of a refusal. */
function toldOf(error: Error, another: boolean, name: string): Error {
  const taken = error instanceof ApiError && error.status === 412;
  if (taken && another) return new Error(`There is a workflow ${name} already: give it another name.`);
  return error;
}

/** What the server says is there now, and what the person began with. */
async function conflictOf(name: string, etag: string | null, error: ApiError): Promise<Conflict> {
  const now = isObject(error.detail) ? error.detail : {};
  const source = isObject(now.current) ? now.current.source : null;
  // A tag begins with the number of its version.
  const number = /^"(\d+)-/.exec(etag ?? "")?.[1];
  const before = number
    ? await request<VersionDetail>(`workflows/${encodeURIComponent(name)}/versions/${number}`).catch(
        () => null,
      )
    : null;
  return {
    source: typeof source === "string" ? source : "",
    etag: typeof now.etag === "string" ? now.etag : null,
    base: before?.body.source ?? null,
  };
}
