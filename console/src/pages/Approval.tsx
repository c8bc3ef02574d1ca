import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link, useLocation, useNavigate, useParams, useSearchParams } from "react-router";
import { useAct } from "../api/act";
import { post } from "../api/client";
import { useApproval, usePending } from "../api/queries";
import type {
  ApprovalDetail,
  Approval as ApprovalType,
  Decision,
  Json,
  Proposal,
  Schema,
} from "../api/types";
import { Ago, Deadline, Failure, JsonBox, Loading, Page, Risk, Status } from "../components/basics";
import { DiffView } from "../components/DiffView";
import { useKeys } from "../components/keys";
import { useSession } from "../session";
import { differences, entriesOf, headline, sentences } from "../text/card";
import { isObject } from "../text/json";
import { moment } from "../text/time";

export default function ApprovalPage() {
  const { id = "" } = useParams();
  const approval = useApproval(id);
  if (approval.error && !approval.data) {
    return (
      <Page title="Approval">
        <Failure error={approval.error} retry={() => approval.refetch()} />
      </Page>
    );
  }
  if (!approval.data) return <Loading />;
  return <Card key={id} approval={approval.data} />;
}

function Card({ approval: newest }: { approval: ApprovalDetail }) {
  // A person decides on what they read: it is not exchanged under their eyes while the question is open.
  const [seen, setSeen] = useState(newest);
  const moved = seen.status === "PENDING" && (newest.digest !== seen.digest || newest.status !== "PENDING");
  const shown = moved ? seen : newest;
  const { card } = shown;
  const pending = shown.status === "PENDING";
  const { me } = useSession();
  const navigate = useNavigate();
  const others = usePending();
  // What was typed goes along to the question that is asked in the place of this one.
  const [notes, setNotes] = useState(notesOf(useLocation().state));
  const go = (step: number) => {
    const list = others.data ?? [];
    const next = list[list.findIndex((each) => each.id === shown.id) + step];
    if (next) navigate(`/approvals/${next.id}`);
  };
  useKeys({ j: () => go(1), k: () => go(-1) });
  return (
    <Page
      title={headline(shown)}
      lead={
        <>
          <Link to="/">Inbox</Link> · {shown.workflowName}, node {shown.nodeId} ·{" "}
          <Link to={`/runs/${shown.runId}`}>its run</Link>
        </>
      }
      actions={
        <>
          <Status
            status={pending ? "WAITING" : shown.status}
            label={pending ? "waits for a decision" : undefined}
          />
          <Risk risk={card.risk} />
        </>
      }
    >
      {moved && <Changed before={seen} after={newest} notes={notes} accept={() => setSeen(newest)} />}
      {!pending && !moved && <Outcome approval={shown} />}
      <div className="two">
        <div className="stack">
          <section className="panel cardtext" aria-label="In words">
            {sentences(shown.cardText).map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
          </section>
          {shown.proposal && <Effect proposal={shown.proposal} />}
          <section className="panel">
            <h2>Inputs, exactly as they will be used</h2>
            <Inputs value={card.inputs} />
          </section>
          {entriesOf(card.upstream as Json).map(([node, found]) => (
            <section className="panel" key={node}>
              <h2>What {node} found</h2>
              <JsonBox value={found} label={`Output of ${node}`} />
            </section>
          ))}
        </div>
        <div className="stack">
          {pending &&
            !moved &&
            (me.may.includes("approve") ? (
              <Decide approval={shown} changed={setSeen} notes={notes} setNotes={setNotes} />
            ) : (
              <p className="notice">Your role, {me.role}, does not decide.</p>
            ))}
          <Facts approval={shown} />
          <History approval={newest} />
        </div>
      </div>
    </Page>
  );
}

const OUTCOME = "outcome";

function notesOf(state: unknown): string {
  return isObject(state) && typeof state.notes === "string" ? state.notes : "";
}

function Decide({
  approval,
  changed,
  notes,
  setNotes,
}: {
  approval: ApprovalDetail;
  changed: (now: ApprovalDetail) => void;
  notes: string;
  setNotes: (notes: string) => void;
}) {
  const { me } = useSession();
  const navigate = useNavigate();
  const [edits, setEdits] = useState<Record<string, Json>>({});
  const [params, setParams] = useSearchParams();
  const asked = params.get("do");
  const [sure, setSure] = useState<"approve" | "reject" | null>(
    (asked === "approve" || asked === "reject") && approval.objections[asked] === undefined ? asked : null,
  );
  const confirm = useRef<HTMLButtonElement>(null);
  const queries = useQueryClient();
  const decide = useAct({
    mutationFn: (decision: "approve" | "reject") =>
      post<Decision>(`approvals/${encodeURIComponent(approval.id)}/decision`, {
        decision,
        notes: notes.trim() || null,
        // What was on screen: the server refuses where something else would run by now.
        digest: approval.digest,
        ...(decision === "approve" && Object.keys(edits).length > 0 ? { edits } : {}),
      }),
    onSuccess: (decision) => {
      // Edited inputs are a question of their own: what became of it is told there.
      if (decision.approval.id !== approval.id)
        navigate(`/approvals/${encodeURIComponent(decision.approval.id)}`, { replace: true });
      else if (decision.applied) {
        changed({ ...approval, ...decision.approval });
        // The button goes; what it has led to is read next.
        requestAnimationFrame(() => document.getElementById(OUTCOME)?.focus());
      }
    },
    onSettled: () => {
      setSure(null);
      queries.invalidateQueries({ queryKey: ["approval"] });
      queries.invalidateQueries({ queryKey: ["approvals"] });
      queries.invalidateQueries({ queryKey: ["run"] });
    },
  });
  useEffect(() => {
    if (asked) setParams({}, { replace: true });
  }, [asked, setParams]);
  useEffect(() => {
    if (sure) confirm.current?.focus();
  }, [sure]);
  // What the server would refuse is not offered: said before somebody has written notes.
  const voted = approval.votes.includes(me.name);
  const against: Partial<Record<"approve" | "reject", string>> = voted
    ? { ...approval.objections, approve: "" }
    : approval.objections;
  const missing = approval.quorum - approval.votes.length;
  const choose = (decision: "approve" | "reject") => {
    if (against[decision] === undefined) setSure(decision);
  };
  useKeys({ a: () => choose("approve"), r: () => choose("reject"), Escape: () => setSure(null) });
  const vote = decide.data && !decide.data.applied ? decide.data : null;
  const reasons = [...new Set(Object.values(approval.objections))];
  return (
    <section className="panel stack decide" aria-label="Decision">
      <h2>Your decision</h2>
      {reasons.map((reason) => (
        <p className="notice warn" key={reason}>
          {reason}
        </p>
      ))}
      {approval.quorum > 1 && <Votes approval={approval} />}
      {against.approve === undefined && <Edits approval={approval} edits={edits} change={setEdits} />}
      <label className="field">
        Notes (kept with the decision)
        <textarea value={notes} maxLength={4000} onChange={(event) => setNotes(event.target.value)} />
      </label>
      {decide.error && <Failure error={decide.error} />}
      {vote && (
        <p className="notice">
          Your vote counts: {vote.votes.length} of {vote.quorum}.
        </p>
      )}
      {sure === null ? (
        <div className="row">
          {against.approve === undefined && (
            <button
              type="button"
              className="primary"
              disabled={decide.isPending}
              onClick={() => choose("approve")}
            >
              Approve <kbd>a</kbd>
            </button>
          )}
          {against.reject === undefined && (
            <button
              type="button"
              className="danger"
              disabled={decide.isPending}
              onClick={() => choose("reject")}
            >
              Reject <kbd>r</kbd>
            </button>
          )}
        </div>
      ) : (
        <div className="row">
          <button
            type="button"
            ref={confirm}
            className={sure === "approve" ? "primary" : "danger"}
            disabled={decide.isPending}
            onClick={() => decide.mutate(sure)}
            onKeyDown={(event) => event.key === "Escape" && setSure(null)}
          >
            {sure === "reject"
              ? "Yes, reject"
              : missing > 1 || (approval.quorum > 1 && Object.keys(edits).length > 0)
                ? "Yes, vote for it"
                : "Yes, approve and continue"}
          </button>
          <button type="button" onClick={() => setSure(null)}>
            Back
          </button>
        </div>
      )}
      <p className="small muted">
        You decide on digest <code>{shortDigest(approval.digest)}</code>. If anything else would run by then,
        it is refused and asked again.
      </p>
    </section>
  );
}

/** Who has voted, and who may still. */
function Votes({ approval }: { approval: ApprovalDetail }) {
  const { votes, quorum, approvers } = approval;
  const silent = approvers.filter((name) => !votes.includes(name));
  const missing = quorum - votes.length;
  return (
    <p className="small">
      It takes {quorum} votes; {votes.length ? `${votes.join(", ")} voted for it` : "nobody has voted yet"}.{" "}
      {missing === 1 ? "One vote is missing" : `${missing} votes are missing`}
      {silent.length > 0 && `: of ${silent.join(", ")}`}. One rejection ends it.
    </p>
  );
}

/** Inputs that the action's schema lets an approver change. What is sent has its type, and is checked by the server. */
function Edits({
  approval,
  edits,
  change,
}: {
  approval: ApprovalDetail;
  edits: Record<string, Json>;
  change: (edits: Record<string, Json>) => void;
}) {
  const fields = Object.entries(approval.editable);
  const inputs = isObject(approval.card.inputs) ? approval.card.inputs : {};
  if (!fields.length) return null;
  const set = (name: string, value: Json | undefined) => {
    const rest = Object.fromEntries(Object.entries(edits).filter(([each]) => each !== name));
    const same = value === undefined || JSON.stringify(value) === JSON.stringify(inputs[name]);
    change(same ? rest : { ...rest, [name]: value });
  };
  return (
    <details>
      <summary>Change inputs ({fields.length} may be)</summary>
      {fields.map(([name, schema]) => (
        <EditField
          key={name}
          name={name}
          schema={schema}
          asked={inputs[name] as Json | undefined}
          set={(value) => set(name, value)}
        />
      ))}
      {Object.keys(edits).length > 0 && (
        <p className="notice" role="status">
          {Object.keys(edits).join(", ")} will be what you wrote; it is approved under a new digest.
          {approval.votes.length > 0 && " Votes for what is asked now do not count for it."}
        </p>
      )}
    </details>
  );
}

function EditField({
  name,
  schema,
  asked,
  set,
}: {
  name: string;
  schema: Schema;
  asked: Json | undefined;
  set: (value: Json | undefined) => void;
}) {
  const plain = schema.type === "string";
  const [text, setText] = useState(plain ? String(asked ?? "") : JSON.stringify(asked ?? null));
  const [wrong, setWrong] = useState(false);
  const typed = (written: string) => {
    setText(written);
    if (plain) return set(written);
    try {
      set(JSON.parse(written) as Json);
      setWrong(false);
    } catch {
      set(undefined);
      setWrong(true);
    }
  };
  return (
    <div className="field">
      <label htmlFor={`edit-${name}`}>
        {name} {!plain && <span className="small muted">(JSON)</span>}
      </label>
      {schema.enum ? (
        <select id={`edit-${name}`} value={text} onChange={(event) => typed(event.target.value)}>
          {schema.enum.map((each) => (
            <option key={String(each)} value={plain ? String(each) : JSON.stringify(each)}>
              {String(each)}
            </option>
          ))}
        </select>
      ) : (
        <input id={`edit-${name}`} type="text" value={text} onChange={(event) => typed(event.target.value)} />
      )}
      {wrong && <span className="small">This is not JSON: it stays as it was asked.</span>}
    </div>
  );
}

function Changed({
  before,
  after,
  notes,
  accept,
}: {
  before: ApprovalType;
  after: ApprovalDetail;
  notes: string;
  accept: () => void;
}) {
  const decided = after.status !== "PENDING";
  const { successor } = after;
  const now = successor ?? after;
  const found = differences(comparable(before), comparable(now));
  return (
    <div className="notice warn" role="alert">
      <p>
        <strong>
          {after.superseded
            ? supersededBy(after)
            : decided
              ? `Somebody else was quicker: ${after.respondedBy ?? "the deadline"} – ${after.status.toLowerCase()}.`
              : "This has changed since you opened it."}
        </strong>
      </p>
      {found.length > 0 && (
        <div className="tablebox">
          <table>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">You saw</th>
                <th scope="col">Now</th>
              </tr>
            </thead>
            <tbody>
              {found.map((each) => (
                <tr key={each.path}>
                  <td>{each.path}</td>
                  <td className="mono">{shortened(each.before)}</td>
                  <td className="mono">{shortened(each.after)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {successor ? (
        <Successor of={successor} className="button" notes={notes} />
      ) : (
        <button type="button" onClick={accept}>
          {decided ? "Show the decision" : "Show what would run now"}
        </button>
      )}
    </div>
  );
}

/** What a person compares: the card and the effect, without the digests, which differ whenever anything does. */
function comparable(approval: ApprovalType): Json {
  const { digest: _, ...card } = approval.card;
  const { digest: __, ...effect } = approval.proposal ?? {};
  const { proposals: ___, ...shown } = card as Record<string, Json>;
  return { ...shown, ...(approval.proposal ? { effect: effect as Json } : {}) };
}

const LONGEST = 400;

function shortened(value: Json | undefined): string {
  const text = value === undefined ? "(not there)" : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function Successor({ of, className, notes }: { of: ApprovalType; className?: string; notes?: string }) {
  return (
    <Link className={className} to={`/approvals/${encodeURIComponent(of.id)}`} state={{ notes }}>
      {of.status === "PENDING" ? "Look at what is asked now" : "Look at what was decided instead"}
    </Link>
  );
}

function supersededBy(approval: ApprovalDetail): string {
  return approval.respondedBy
    ? `${approval.respondedBy} has changed what would run. Nobody has rejected it: it is asked again.`
    : "What would run has changed since then: it is asked again.";
}

function Outcome({ approval }: { approval: ApprovalDetail }) {
  const good = approval.status === "APPROVED";
  if (approval.superseded && approval.closedAs === "superseded")
    return (
      <div className="notice warn stack" role="status">
        <p>
          <strong>{supersededBy(approval)}</strong>
        </p>
        <p>
          {approval.successor ? (
            <Successor of={approval.successor} />
          ) : (
            <Link to={`/runs/${approval.runId}`}>Follow its run</Link>
          )}
        </p>
      </div>
    );
  return (
    <div className={`notice ${good ? "good" : "bad"}`} role="status" id={OUTCOME} tabIndex={-1}>
      <p>
        <strong>
          {good ? "Approved" : approval.status === "REJECTED" ? "Rejected" : approval.status.toLowerCase()}
        </strong>{" "}
        {CLOSED[approval.closedAs ?? ""] ?? `by ${approval.respondedBy ?? "nobody"}`}
        {approval.respondedBy && !approval.verified && " (the name was not verified)"}
        {approval.channel && ` (${approval.channel})`}, <Ago at={approval.respondedAt} />.
      </p>
      {approval.notes && <p>“{approval.notes}”</p>}
      {isObject(approval.edits) && (
        <p>
          With other inputs than were asked for: <code>{shortened(approval.edits as Json)}</code>
        </p>
      )}
      <Link to={`/runs/${approval.runId}`}>Follow its run</Link>
    </div>
  );
}

function Effect({ proposal }: { proposal: Proposal }) {
  const items = proposal.items ?? [proposal];
  return (
    <section className="panel stack">
      <h2>What will happen, exactly</h2>
      {items.map((each) => (
        <div className="stack" key={each.digest ?? each.summary}>
          {each.summary && <p>{each.summary}.</p>}
          {typeof each.diff === "string" && <DiffView diff={each.diff} />}
          {given(each.message) && <Preview value={each.message} label="Message" />}
          {given(each.request) && <Preview value={each.request} label="Request" />}
          <Said facts={each.facts} />
        </div>
      ))}
      {proposal.digest && (
        <p className="small muted">
          Digest of the effect <code>{shortDigest(proposal.digest)}</code>
        </p>
      )}
    </section>
  );
}

function Said({ facts }: { facts?: Json | undefined }) {
  // What the platform doubts is among the sentences above.
  const said = entriesOf(facts).filter(([name]) => name !== "doubt");
  return (
    said.length > 0 && (
      <details>
        <summary>What the agent says about it</summary>
        <JsonBox value={Object.fromEntries(said)} label="What the agent says about it" />
      </details>
    )
  );
}

function given(value: Json | undefined): value is Json {
  return value !== undefined && value !== null;
}

function Preview({ value, label }: { value: Json; label: string }) {
  if (typeof value === "string") return <pre className="codebox">{value}</pre>;
  return (
    <div>
      <h3>{label}</h3>
      <Inputs value={value} />
    </div>
  );
}

function Inputs({ value }: { value: Json | undefined }) {
  if (Array.isArray(value)) {
    return (
      <div className="stack">
        <p>Once for each of {value.length.toLocaleString()} items:</p>
        <JsonBox value={value} label="Inputs of all items" />
      </div>
    );
  }
  const entries = entriesOf(value).sort(
    ([, a], [, b]) => JSON.stringify(a).length - JSON.stringify(b).length,
  );
  if (!entries.length) return <p className="muted">(none)</p>;
  return (
    <dl className="facts">
      {entries.map(([name, input]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>
            {input !== null && typeof input === "object" ? (
              <JsonBox value={input} label={name} />
            ) : (
              <code>{typeof input === "string" ? input : JSON.stringify(input)}</code>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Facts({ approval }: { approval: ApprovalDetail }) {
  const { card } = approval;
  const votes = approval.votes;
  return (
    <section className="panel">
      <h2>Reach</h2>
      <dl className="facts">
        <dt>Agent</dt>
        <dd>
          <Link to={`/agents/${encodeURIComponent(card.agent ?? "")}`}>{card.agent}</Link> {card.agentVersion}
        </dd>
        <dt>Action</dt>
        <dd>{card.action}</dd>
        <dt>Effect</dt>
        <dd>{card.effect ?? "none that the platform carries out"}</dd>
        <dt>Network</dt>
        <dd>{card.network?.length ? card.network.join(", ") : "none"}</dd>
        <dt>Secrets</dt>
        <dd>{card.secrets?.length ? card.secrets.join(", ") : "none"}</dd>
        {entriesOf(card.bindings as Json).map(([name, what]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>
              taken at <code>{String(what).slice(0, 19)}</code>
            </dd>
          </div>
        ))}
        {approval.tainted.length > 0 && (
          <>
            <dt>From outside</dt>
            <dd>{approval.tainted.map((each) => `${each.input} (from ${each.source})`).join(", ")}</dd>
          </>
        )}
        <dt>Who decides</dt>
        <dd>{approval.approvers.join(", ") || "anybody but who started the run"}</dd>
        <dt>Deadline</dt>
        <dd>
          {approval.status === "PENDING" || !approval.deadline ? (
            <Deadline at={approval.deadline} />
          ) : (
            moment(approval.deadline)
          )}
        </dd>
        {(approval.quorum ?? 1) > 1 && (
          <>
            <dt>Votes</dt>
            <dd>
              {votes.length} of {approval.quorum}
              {votes.length > 0 && `: ${votes.join(", ")}`}
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** Why it was closed without a person. */
const CLOSED: Record<string, string> = {
  expired: "because its deadline had passed",
  "run-ended": "because its run has ended",
  policy: "by the workflow's approval policy",
};

const ACTS: Record<string, string> = {
  requested: "asked",
  viewed: "looked at by",
  view: "looked at by",
  vote: "voted for by",
  superseded: "asked again with what would run then, changed by",
  approved: "approved by",
  rejected: "rejected by",
};

function History({ approval }: { approval: ApprovalDetail }) {
  return (
    <section className="panel">
      <h2>History</h2>
      <ol className="small" style={{ margin: 0, paddingLeft: "1.2rem" }}>
        {approval.audit.map((entry) => (
          <li key={`${entry.at}${entry.event}${entry.by}`}>
            {(entry.event === "requested" && entry.by ? "asked by" : ACTS[entry.event.toLowerCase()]) ??
              `${entry.event.toLowerCase().replaceAll("_", " ")}${entry.by ? " by" : ""}`}{" "}
            {entry.by}
            {entry.by && !entry.verified && " (not verified)"}
            {entry.channel && ` (${entry.channel})`} <Ago at={entry.at} />
            {entry.notes && <> – “{entry.notes}”</>}
          </li>
        ))}
      </ol>
      {approval.earlier.length > 0 && (
        <p className="small">
          Asked before:{" "}
          {approval.earlier.map((each, index) => (
            <span key={each.id}>
              {index > 0 && ", "}
              <Link to={`/approvals/${each.id}`}>
                <Ago at={each.requestedAt} />
              </Link>
            </span>
          ))}
        </p>
      )}
    </section>
  );
}

function shortDigest(digest: string): string {
  return digest.slice(0, 19);
}
