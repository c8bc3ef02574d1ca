import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useAct } from "../api/act";
import { post } from "../api/client";
import type { AgentAnswer, AgentReviewAnswer } from "../api/schema";
import { Failure, Page, Risk } from "../components/basics";
import { useSession } from "../session";
import { hostsInWords } from "../text/hosts";

/** The server takes a mebibyte in one request. */
const MOST_BYTES = 900_000;
const LEFT_OUT = /(^|\/)(__pycache__|\.git|\.venv|node_modules)\/|\.pyc$/;

/** A folder is chosen, its code is asked for its manifest in the jail, and what it may do is read before it counts. */
export default function RegisterAgentPage() {
  const { me } = useSession();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const chosen = useRef<HTMLInputElement>(null);
  const [files, setFiles] = useState<Record<string, string>>({});
  const [wrong, setWrong] = useState<string | null>(null);
  const review = useAct({
    mutationFn: (given: Record<string, string>) => post<AgentReviewAnswer>("agents/review", { files: given }),
  });
  const register = useAct({
    mutationFn: (codeDigest: string) => post<AgentAnswer>("agents/upload", { files, codeDigest }),
    onSuccess: (agent) => {
      queries.invalidateQueries({ queryKey: ["agents"] });
      queries.invalidateQueries({ queryKey: ["agent"] });
      navigate(`/agents/${encodeURIComponent(agent.name)}`);
    },
  });
  const choose = async (list: FileList | null) => {
    setWrong(null);
    review.reset();
    try {
      const found = await textsOf([...(list ?? [])]);
      setFiles(found);
      review.mutate(found);
    } catch (error) {
      setFiles({});
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Page
      title="Register an agent"
      lead={
        <>
          <Link to="/agents">Agents</Link> · a folder with <code>agent.py</code>
        </>
      }
    >
      {!me.may.includes("admin") && (
        <p className="notice">Your role, {me.role}, does not register agents: an admin does.</p>
      )}
      <section className="panel stack">
        <div className="field">
          <label htmlFor="agent-folder">The agent's folder</label>
          <input
            id="agent-folder"
            ref={chosen}
            type="file"
            multiple
            disabled={!me.may.includes("admin")}
            {...{ webkitdirectory: "" }}
            onChange={(event) => choose(event.target.files)}
          />
        </div>
        <p className="small muted">
          Its code is sent to the server and asked in the jail what it is. A copy is what runs; later changes
          of the folder reach no run.
        </p>
        {wrong && (
          <p className="notice bad" role="alert">
            {wrong}
          </p>
        )}
        {review.isPending && <p role="status">It is asked what it is …</p>}
        {review.error && <Failure error={review.error} />}
      </section>
      {review.data && (
        <Review
          review={review.data}
          files={Object.keys(files)}
          busy={register.isPending || register.isSuccess}
          register={() => register.mutate(review.data.codeDigest)}
        />
      )}
      {register.error && <Failure error={register.error} />}
    </Page>
  );
}

function Review({
  review,
  files,
  busy,
  register,
}: {
  review: AgentReviewAnswer;
  files: string[];
  busy: boolean;
  register: () => void;
}) {
  const { agent } = review;
  return (
    <section className="panel stack" aria-label="Review">
      <h2>
        {agent.name} {agent.version}
        {review.replaces && ` replaces ${review.replaces}`}
      </h2>
      <p>{agent.description}</p>
      <div className="tablebox">
        <table>
          <caption className="visually-hidden">What it may do</caption>
          <thead>
            <tr>
              <th scope="col">Action</th>
              <th scope="col">Risk</th>
              <th scope="col">Effect</th>
            </tr>
          </thead>
          <tbody>
            {agent.actions.map((action) => (
              <tr key={action.name}>
                <td>
                  {action.name} <span className="small muted">{action.description}</span>
                </td>
                <td>
                  <Risk risk={action.risk ?? agent.risk} />
                  {review.raised.includes(action.name) && (
                    <div className="small">whatever it says of itself</div>
                  )}
                </td>
                <td>{action.effect ?? "none"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <dl className="facts">
        <dt>Network</dt>
        <dd>{hostsInWords(agent.network)}</dd>
        <dt>Secrets</dt>
        <dd>{agent.secrets.join(", ") || "none"}</dd>
        <dt>Settings</dt>
        <dd>{agent.settings.join(", ") || "none"}</dd>
        <dt>Code</dt>
        <dd>
          {files.length} files, <code>{review.codeDigest.slice(0, 19)}</code>
        </dd>
      </dl>
      {review.secondPerson && (
        <p className="notice">In production mode a second admin must confirm it: it {review.secondPerson}.</p>
      )}
      {review.lowered.length > 0 ? (
        <p className="notice bad" role="alert">
          It would take the approval away from {review.lowered.join(", ")}. Whoever has read the code agrees
          with <code>commandcenter agents register --trust-risk</code>.
        </p>
      ) : (
        <div className="row">
          <button type="button" className="primary" disabled={busy} onClick={register}>
            Register exactly this code
          </button>
        </div>
      )}
    </section>
  );
}

/** Paths in the chosen folder -> texts. Raises an Error with a sentence. */
async function textsOf(list: File[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  let size = 0;
  for (const file of list) {
    // The first part is the folder itself.
    const path = (file.webkitRelativePath || file.name)
      .split("/")
      .slice(file.webkitRelativePath ? 1 : 0)
      .join("/");
    if (LEFT_OUT.test(path)) continue;
    size += file.size;
    if (size > MOST_BYTES) {
      throw new Error("The folder is larger than 900 kB: use `commandcenter agents register FOLDER`.");
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    try {
      found[path] = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new Error(`${path} is no text: use \`commandcenter agents register FOLDER\`.`);
    }
  }
  if (!("agent.py" in found)) throw new Error("The folder has no agent.py, with which an agent begins.");
  return found;
}
