import { useState } from "react";
import { Link } from "react-router";
import { useAgents } from "../api/queries";
import { Failure, Loading, Page, Risk } from "../components/basics";
import { useSession } from "../session";
import { hostsInWords } from "../text/hosts";

/** The library: what there is, what each agent can do and reach. */
export default function AgentsPage() {
  const agents = useAgents();
  const [search, setSearch] = useState("");
  const { me } = useSession();
  const wanted = search.trim().toLowerCase();
  const found = (agents.data ?? []).filter((agent) =>
    `${agent.name} ${agent.description} ${Object.keys(agent.actions).join(" ")}`
      .toLowerCase()
      .includes(wanted),
  );
  return (
    <Page
      title="Agents"
      actions={
        <>
          <input
            type="search"
            aria-label="Search agents"
            placeholder="search"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          {me.may.includes("admin") && <Link to="/register-agent">Register an agent</Link>}
        </>
      }
    >
      {agents.error && <Failure error={agents.error} retry={() => agents.refetch()} />}
      {agents.isPending && <Loading />}
      {found.length > 0 && (
        <div className="tablebox">
          <table>
            <thead>
              <tr>
                <th scope="col">Agent</th>
                <th scope="col">Actions</th>
                <th scope="col">Risk</th>
                <th scope="col">Network</th>
                <th scope="col">Version</th>
              </tr>
            </thead>
            <tbody>
              {found.map((agent) => (
                <tr key={agent.name}>
                  <td>
                    <Link to={`/agents/${encodeURIComponent(agent.name)}`}>{agent.name}</Link>{" "}
                    <span className="small muted">{agent.type}</span>
                    <div className="small muted">{agent.description}</div>
                  </td>
                  <td>{Object.keys(agent.actions).join(", ")}</td>
                  <td>
                    <Risk risk={agent.risk} />
                  </td>
                  <td className="small">{hostsInWords(agent.network)}</td>
                  <td>{agent.version}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {agents.data && found.length === 0 && <p className="muted">No agent fits.</p>}
    </Page>
  );
}
