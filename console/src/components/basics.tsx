import { type ReactNode, useEffect, useState } from "react";
import { ApiError } from "../api/client";
import type { Json } from "../api/types";
import { visible } from "../shown/visible";
import { type Tone, toneOf, wordOf } from "../text/status";
import { ago, between, moment, span } from "../text/time";

const SHAPES: Record<Tone, ReactNode> = {
  green: <path d="M3 8.5l3.2 3.2L13 4.8" fill="none" stroke="currentColor" strokeWidth="2.4" />,
  yellow: <path d="M4 2.5l9 5.5-9 5.5z" fill="currentColor" />,
  blue: (
    <>
      <rect x="3" y="2.5" width="3.6" height="11" fill="currentColor" />
      <rect x="9.4" y="2.5" width="3.6" height="11" fill="currentColor" />
    </>
  ),
  red: <path d="M3.5 3.5l9 9m0-9l-9 9" fill="none" stroke="currentColor" strokeWidth="2.6" />,
  gray: (
    <circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" strokeWidth="2" strokeDasharray="3 2" />
  ),
};

/** A status by colour, by shape and in words. */
export function Status({ status, label }: { status: string; label?: string }) {
  const tone = toneOf(status);
  return (
    <span className={`status tone-${tone}`}>
      <svg className="shape" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
        {SHAPES[tone]}
      </svg>
      {label ?? wordOf(status)}
    </span>
  );
}

export function Risk({ risk }: { risk: string | undefined }) {
  if (!risk) return null;
  return risk === "AUTO" ? (
    <span className="status tone-gray">runs without asking</span>
  ) : (
    <span className="status tone-yellow">needs approval</span>
  );
}

/** A moment as "3 min ago", with the exact time as its title. */
export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow(15_000);
  if (!at) return <span className="muted">–</span>;
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at, now)}
    </time>
  );
}

export function Deadline({ at }: { at: string | null | undefined }) {
  const now = useNow(15_000);
  if (!at) return <>no deadline</>;
  const left = Date.parse(at) - now;
  return (
    <time dateTime={at} title={moment(at)}>
      {left > 0 ? `decide within ${span(left)}` : "the deadline has passed"}
    </time>
  );
}

/** How long it took, or takes so far. */
export function Took({ from, to }: { from: string; to: string | null | undefined }) {
  return to ? span(between(from, to)) : <Passing from={from} />;
}

function Passing({ from }: { from: string }) {
  return span(between(from, null, useNow(1_000)));
}

export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function JsonBox({ value, label }: { value: Json | undefined; label: string }) {
  const text = value === undefined ? "(none)" : JSON.stringify(value, null, 2);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <pre className="codebox" tabIndex={0} role="region" aria-label={label}>
      {text.length > 200_000
        ? `${text.slice(0, 200_000)}\n… (${text.length.toLocaleString()} characters)`
        : text}
    </pre>
  );
}

/** What went wrong, and a way on. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const status = error instanceof ApiError && error.status > 0 ? ` (${error.status})` : "";
  return (
    <div className="notice bad" role="alert">
      <p>
        {message}
        {status}
      </p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading() {
  return (
    <p className="muted" role="status">
      Loading …
    </p>
  );
}

export function Page({
  title,
  actions,
  children,
  className = "",
  lead,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  lead?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${visible(title)} · CommandCenter`;
  }, [title]);
  return (
    <div className={`page ${className}`}>
      <div className="head">
        <div>
          <h1>{title}</h1>
          {lead && <div className="muted small">{lead}</div>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
