import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useAct } from "../api/act";
import { get, post } from "../api/client";
import { useDecided, usePending } from "../api/queries";
import type { ChangeRequestAnswer } from "../api/schema";
import type { Approval } from "../api/types";
import { Ago, Deadline, Failure, Loading, Page, Risk, Status } from "../components/basics";
import { useKeys } from "../components/keys";
import { useSession } from "../session";
import { headline } from "../text/card";

/** What waits for a person, oldest first; `j` and `k` move, Enter opens, `a` and `r` open to approve or reject. */
export function Inbox() {
  const pending = usePending();
  const [all, setAll] = useState(false);
  const [chosen, setChosen] = useState(0);
  const navigate = useNavigate();
  const waiting = pending.data ?? [];
  const at = Math.min(chosen, Math.max(0, waiting.length - 1));
  const open = (how = "") => {
    const approval = waiting[at];
    if (approval) navigate(`/approvals/${approval.id}${how}`);
  };
  useKeys({
    j: () => setChosen(Math.min(at + 1, waiting.length - 1)),
    k: () => setChosen(Math.max(at - 1, 0)),
    Enter: () => open(),
    a: () => open("?do=approve"),
    r: () => open("?do=reject"),
  });
  return (
    <Page
      title="Inbox"
      lead={
        <>
          Keys: <kbd>j</kbd> <kbd>k</kbd> move, <kbd>Enter</kbd> opens, <kbd>a</kbd> approve, <kbd>r</kbd>{" "}
          reject
        </>
      }
      actions={
        <button type="button" aria-pressed={all} onClick={() => setAll(!all)}>
          Decided ones
        </button>
      }
    >
      <Changes />
      {pending.error && <Failure error={pending.error} retry={() => pending.refetch()} />}
      {pending.isPending && <Loading />}
      {pending.data &&
        (waiting.length ? (
          <ul className="inbox" aria-label="Approvals that wait">
            {waiting.map((approval, index) => (
              <li key={approval.id}>
                <Entry approval={approval} chosen={index === at} />
              </li>
            ))}
          </ul>
        ) : (
          <div className="panel empty">
            <h2>Nothing waits for you</h2>
            <p>Risky actions that need a decision appear here by themselves.</p>
          </div>
        ))}
      {all && <Decided />}
    </Page>
  );
}

/** Fewer gates or more trust, asked for by one person: another one agrees to exactly that, or it does not happen. */
function Changes() {
  const { me } = useSession();
  const queries = useQueryClient();
  const changes = useQuery({
    queryKey: ["changes"],
    queryFn: ({ signal }) => get<ChangeRequestAnswer[]>("changes", undefined, signal),
    // The stream does not tell of them.
    refetchInterval: 15_000,
  });
  const confirm = useAct({
    mutationFn: (id: string) => post(`changes/${encodeURIComponent(id)}/confirm`),
    onSettled: () => queries.invalidateQueries({ queryKey: ["changes"] }),
  });
  if (changes.error) return <Failure error={changes.error} retry={() => changes.refetch()} />;
  if (!changes.data?.length) return null;
  return (
    <section className="panel stack" aria-label="Changes that need a second person">
      <h2>Changes that need a second person</h2>
      {confirm.error && <Failure error={confirm.error} />}
      {changes.data.map((each) => (
        <div className="stack" key={each.id}>
          <p>{each.summary}</p>
          <p className="small muted">
            asked by {each.requestedBy} <Ago at={each.requestedAt} />, digest{" "}
            <code>{each.digest.slice(0, 19)}</code>
          </p>
          {each.confirmedBy ? (
            <p className="small">
              Confirmed by {each.confirmedBy}: {each.requestedBy} or {each.confirmedBy} does it again now.
            </p>
          ) : each.requestedBy === me.name ? (
            <p className="small">Somebody else who is an admin confirms it.</p>
          ) : (
            me.may.includes("admin") && (
              <div className="row">
                <button type="button" disabled={confirm.isPending} onClick={() => confirm.mutate(each.id)}>
                  Confirm this change
                </button>
              </div>
            )
          )}
        </div>
      ))}
    </section>
  );
}

function Entry({ approval, chosen }: { approval: Approval; chosen: boolean }) {
  return (
    <Link
      to={`/approvals/${approval.id}`}
      className={chosen ? "chosen" : ""}
      aria-current={chosen ? "true" : undefined}
    >
      <span className="row">
        <strong className="grow">{headline(approval)}</strong>
        <Risk risk={approval.card.risk} />
      </span>
      <span className="row small muted">
        <span>{approval.workflowName}</span>
        <span>node {approval.nodeId}</span>
        <span>
          asked <Ago at={approval.requestedAt} />
        </span>
        <Deadline at={approval.deadline} />
      </span>
    </Link>
  );
}

function Decided() {
  const decided = useDecided();
  if (decided.error) return <Failure error={decided.error} retry={() => decided.refetch()} />;
  return (
    <section>
      <h2>Decided</h2>
      <ul className="inbox" aria-label="Decided approvals">
        {decided.data?.map((approval) => (
          <li key={approval.id}>
            <Link to={`/approvals/${approval.id}`}>
              <span className="row">
                <span className="grow">{headline(approval)}</span>
                <Status status={approval.status} />
              </span>
              <span className="small muted">
                {approval.workflowName} · {approval.respondedBy ?? "nobody"} ·{" "}
                <Ago at={approval.respondedAt} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
