import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearchParams } from "react-router";
import { fetchRuns, useWorkflows } from "../api/queries";
import { Ago, Failure, Loading, Page, Status, Took } from "../components/basics";
import { wordOf } from "../text/status";

const STATUSES = ["PENDING", "RUNNING", "WAITING_APPROVAL", "SUCCESS", "FAILED"];

/** Runs, newest first; filters are part of the address, so that a view can be passed on. */
export default function RunsPage() {
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const filter = {
    status: params.get("status") ?? undefined,
    workflow: params.get("workflow") ?? undefined,
    trigger: params.get("trigger") ?? undefined,
    since: params.get("since") ?? undefined,
  };
  const workflows = useWorkflows();
  const runs = useInfiniteQuery({
    queryKey: ["runs", filter],
    queryFn: ({ pageParam, signal }) => fetchRuns({ ...filter, limit: 50, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const set = (name: string, value: string) => {
    const changed = new URLSearchParams(params);
    if (value) changed.set(name, value);
    else changed.delete(name);
    setParams(changed, { replace: true });
  };
  const found = runs.data?.pages.flatMap((page) => page.runs) ?? [];
  const days = (count: number) => new Date(Date.now() - count * 86_400_000).toISOString();
  return (
    <Page title="Runs">
      <form className="row" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        <select
          aria-label="Status"
          value={filter.status ?? ""}
          onChange={(event) => set("status", event.target.value)}
        >
          <option value="">any status</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {wordOf(status)}
            </option>
          ))}
        </select>
        <select
          aria-label="Workflow"
          value={filter.workflow ?? ""}
          onChange={(event) => set("workflow", event.target.value)}
        >
          <option value="">any workflow</option>
          {workflows.data?.map((workflow) => (
            <option key={workflow.id}>{workflow.name}</option>
          ))}
        </select>
        <input
          type="search"
          aria-label="Trigger"
          placeholder="trigger, whole"
          defaultValue={filter.trigger ?? ""}
          onBlur={(event) => set("trigger", event.target.value.trim())}
          onKeyDown={(event) => event.key === "Enter" && set("trigger", event.currentTarget.value.trim())}
        />
        <select
          aria-label="Started"
          value={filter.since ? "some" : ""}
          onChange={(event) => {
            const count = Number(event.target.value);
            set("since", count ? days(count) : "");
          }}
        >
          <option value="">at any time</option>
          {filter.since && <option value="some">since {new Date(filter.since).toLocaleString()}</option>}
          <option value="1">in the last day</option>
          <option value="7">in the last 7 days</option>
          <option value="30">in the last 30 days</option>
        </select>
        {params.size > 0 && (
          <button type="button" onClick={() => setParams({}, { replace: true })}>
            Clear
          </button>
        )}
      </form>
      {runs.error && <Failure error={runs.error} retry={() => runs.refetch()} />}
      {runs.isPending && <Loading />}
      {runs.data && found.length === 0 && (
        <div className="panel empty">
          <h2>No runs</h2>
          <p>
            {params.size > 0
              ? "No run fits these filters."
              : "A run begins when an event or a schedule starts a workflow, or when you start one."}
          </p>
        </div>
      )}
      {found.length > 0 && (
        <div className="tablebox">
          <table>
            <thead>
              <tr>
                <th scope="col">Status</th>
                <th scope="col">Workflow</th>
                <th scope="col">Trigger</th>
                <th scope="col">Started</th>
                <th scope="col">Took</th>
                <th scope="col">Message</th>
              </tr>
            </thead>
            <tbody>
              {found.map((run) => (
                <tr key={run.id} className="link" onClick={() => navigate(`/runs/${run.id}`)}>
                  <td>
                    <Status status={run.status} />
                  </td>
                  <td>
                    <Link to={`/runs/${run.id}`} onClick={(event) => event.stopPropagation()}>
                      {run.workflowName}
                    </Link>
                  </td>
                  <td>
                    {run.trigger}
                    {run.triggeredBy && <span className="muted"> by {run.triggeredBy}</span>}
                  </td>
                  <td>
                    <Ago at={run.startedAt} />
                  </td>
                  <td>
                    <Took from={run.startedAt} to={run.finishedAt} />
                  </td>
                  <td className="small muted">{run.message}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {runs.hasNextPage && (
        <button type="button" onClick={() => runs.fetchNextPage()} disabled={runs.isFetchingNextPage}>
          Older runs
        </button>
      )}
    </Page>
  );
}
