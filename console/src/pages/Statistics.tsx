import { useQuery } from "@tanstack/react-query";
import { ApiError, get } from "../api/client";
import type { Json } from "../api/types";
import { Failure, JsonBox, Loading, Page } from "../components/basics";
import { isObject } from "../text/json";
import { span } from "../text/time";

/** How it goes: runs by day and status, how long agents and people take. */
export default function StatisticsPage() {
  const statistics = useQuery({
    queryKey: ["statistics"],
    queryFn: ({ signal }) => get<Record<string, Json>>("statistics", undefined, signal),
    retry: false,
  });
  const absent = statistics.error instanceof ApiError && statistics.error.status === 404;
  return (
    <Page title="Statistics">
      {absent && <p className="muted">This server keeps no statistics.</p>}
      {statistics.error && !absent && <Failure error={statistics.error} retry={() => statistics.refetch()} />}
      {statistics.isPending && <Loading />}
      {statistics.data &&
        Object.entries(statistics.data).map(([name, value]) => (
          <section className="panel stack" key={name}>
            <h2>{inWords(name)}</h2>
            <Shown name={name} value={value} />
          </section>
        ))}
    </Page>
  );
}

function Shown({ name, value }: { name: string; value: Json }) {
  if (Array.isArray(value) && value.length && value.every(isObject)) {
    const rows = value as Array<Record<string, Json>>;
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    return (
      <div className="tablebox">
        <table>
          <caption className="visually-hidden">{inWords(name)}</caption>
          <thead>
            <tr>
              {columns.map((column) => (
                <th scope="col" key={column}>
                  {inWords(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={JSON.stringify(row)}>
                {columns.map((column) => (
                  <td key={column}>{cell(column, row[column])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    );
  }
  if (isObject(value)) {
    const entries = Object.entries(value as Record<string, Json>);
    return (
      <dl className="facts">
        {entries.map(([each, inner]) => (
          <div key={each} style={{ display: "contents" }}>
            <dt>{inWords(each)}</dt>
            <dd>
              {isObject(inner) || Array.isArray(inner) ? (
                <JsonBox value={inner as Json} label={each} />
              ) : (
                cell(each, inner as Json)
              )}
            </dd>
          </div>
        ))}
      </dl>
    );
  }
  return <p>{cell(name, value)}</p>;
}

function inWords(name: string): string {
  const words = name
    .replace(/Ms$/, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function cell(name: string, value: Json | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") {
    if (/Ms$/.test(name)) return span(value);
    if (/Seconds$/.test(name)) return span(value * 1000);
    return value.toLocaleString();
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}
