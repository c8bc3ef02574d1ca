import { useQuery } from "@tanstack/react-query";
import { ApiError, get } from "../api/client";
import { Failure, Loading, Page } from "../components/basics";
import { toneOf, wordOf } from "../text/status";
import { span } from "../text/time";

interface Durations {
  count: number;
  failed: number;
  p50: number | null;
  p95: number | null;
}

interface Day {
  day: string;
  counts: Record<string, number>;
  total: number;
}

interface Statistics {
  days: number;
  runs: Day[];
  agents: Array<Durations & { agent: string }>;
  approvals: Durations;
  pendingApprovals: number;
  events: Day[];
}

/** How it goes: runs by day and status, how long agents and people take. */
export default function StatisticsPage() {
  const statistics = useQuery({
    queryKey: ["statistics"],
    queryFn: ({ signal }) => get<Statistics>("statistics", undefined, signal),
    retry: false,
  });
  const absent = statistics.error instanceof ApiError && statistics.error.status === 404;
  const found = statistics.data;
  return (
    <Page title="Statistics" lead={found && `of the last ${found.days} days`}>
      {absent && <p className="muted">This server keeps no statistics.</p>}
      {statistics.error && !absent && <Failure error={statistics.error} retry={() => statistics.refetch()} />}
      {statistics.isPending && <Loading />}
      {found && (
        <>
          <Days title="Runs" days={every(found.runs, found.days)} />
          <section className="stack">
            <h2>Agents</h2>
            <div className="tablebox">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Agent</th>
                    <th scope="col">Attempts</th>
                    <th scope="col">Failed</th>
                    <th scope="col">Half within</th>
                    <th scope="col">95 of 100 within</th>
                  </tr>
                </thead>
                <tbody>
                  {found.agents.map((each) => (
                    <tr key={each.agent}>
                      <td>{each.agent}</td>
                      <td>{each.count.toLocaleString()}</td>
                      <td>{each.failed.toLocaleString()}</td>
                      <td>{duration(each.p50)}</td>
                      <td>{duration(each.p95)}</td>
                    </tr>
                  ))}
                  {found.agents.length === 0 && (
                    <tr>
                      <td colSpan={5} className="muted">
                        No agent has run.
                      </td>
                    </tr>
                  )}
                </tbody>
              </table>
            </div>
          </section>
          <section className="panel">
            <h2>Approvals</h2>
            <dl className="facts">
              <dt>Waiting</dt>
              <dd>{found.pendingApprovals}</dd>
              <dt>Decided</dt>
              <dd>
                {found.approvals.count}, {found.approvals.failed} of them rejected
              </dd>
              <dt>Half within</dt>
              <dd>{duration(found.approvals.p50)}</dd>
              <dt>95 of 100 within</dt>
              <dd>{duration(found.approvals.p95)}</dd>
            </dl>
          </section>
          <Days title="Events" days={every(found.events, found.days)} />
        </>
      )}
    </Page>
  );
}

function duration(ms: number | null): string {
  return ms === null ? "–" : span(ms);
}

/** Also the days on which nothing was: a gap is a figure, too. */
function every(known: Day[], count: number): Day[] {
  if (!known.length) return [];
  const byDay = new Map(known.map((day) => [day.day, day]));
  const today = Date.now();
  return Array.from({ length: count }, (_, at) => {
    const day = new Date(today - (count - 1 - at) * 86_400_000).toISOString().slice(0, 10);
    return byDay.get(day) ?? { day, counts: {}, total: 0 };
  });
}

/** One bar for each day, and the same numbers as a table. */
function Days({ title, days }: { title: string; days: Day[] }) {
  const most = Math.max(1, ...days.map((day) => day.total));
  const kinds = [...new Set(days.flatMap((day) => Object.keys(day.counts)))];
  return (
    <section className="panel stack">
      <h2>{title}</h2>
      {days.length === 0 && <p className="muted">None.</p>}
      <div className="bars" aria-hidden="true">
        {days.map((day) => (
          <div className="bar" key={day.day} title={`${day.day}: ${day.total}`}>
            {kinds.map((kind) => (
              <div
                key={kind}
                className={`tone-${toneOf(kind)} part`}
                style={{ height: `${((day.counts[kind] ?? 0) / most) * 100}px` }}
              />
            ))}
          </div>
        ))}
      </div>
      {days.length > 0 && (
        <p className="legend">
          <span className="muted">
            {days[0]?.day} to {days.at(-1)?.day}, at most {most.toLocaleString()} a day
          </span>
          {kinds.map((kind) => (
            <span key={kind}>
              <span className={`swatch ink-${toneOf(kind)}`} aria-hidden="true" />
              {wordOf(kind)}: {days.reduce((sum, day) => sum + (day.counts[kind] ?? 0), 0).toLocaleString()}
            </span>
          ))}
        </p>
      )}
      {days.length > 0 && (
        <details>
          <summary>As a table</summary>
          <table>
            <thead>
              <tr>
                <th scope="col">Day (UTC)</th>
                {kinds.map((kind) => (
                  <th scope="col" key={kind}>
                    {wordOf(kind)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {days.map((day) => (
                <tr key={day.day}>
                  <td>{day.day}</td>
                  {kinds.map((kind) => (
                    <td key={kind}>{day.counts[kind] ?? 0}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </section>
  );
}
