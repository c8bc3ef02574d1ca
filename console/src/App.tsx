import { useQueryClient } from "@tanstack/react-query";
import { Suspense, useEffect, useRef, useState } from "react";
import { NavLink, Route, Routes, useLocation } from "react-router";
import { address, chooseProject } from "./api/client";
import { usePending } from "./api/queries";
import { type Connection, followChanges } from "./api/stream";
import { Boundary, loaded } from "./components/Boundary";
import { Loading, Page } from "./components/basics";
import { PickOne } from "./components/PickOne";
import { Inbox } from "./pages/Inbox";
import { useSession } from "./session";
import { applyTheme, currentTheme, type Theme } from "./theme";

const ApprovalPage = loaded(() => import("./pages/Approval"));
const RunsPage = loaded(() => import("./pages/Runs"));
const RunPage = loaded(() => import("./pages/Run"));
const WorkflowsPage = loaded(() => import("./pages/Workflows"));
const BuilderPage = loaded(() => import("./pages/Builder"));
const AgentsPage = loaded(() => import("./pages/Agents"));
const AgentPage = loaded(() => import("./pages/Agent"));
const RegisterAgentPage = loaded(() => import("./pages/RegisterAgent"));
const EventsPage = loaded(() => import("./pages/Events"));
const StatisticsPage = loaded(() => import("./pages/Statistics"));

export function App() {
  const connection = useChanges();
  const online = useOnline();
  const pending = usePending();
  const { me, leave } = useSession();
  const { pathname } = useLocation();
  const [theme, setTheme] = useState<Theme>(currentTheme);
  const waiting = pending.data?.length ?? 0;
  const main = useRef<HTMLElement>(null);
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    // Whoever has no mouse goes on in the page that was opened; what it has focused by itself stays so.
    if (!main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [pathname]);
  return (
    <div className="shell">
      <header className="side">
        <a className="skip" href={`${location.pathname}#content`}>
          Skip to content
        </a>
        <NavLink to="/" className="brand">
          <img src={new URL("icon.svg", document.baseURI).href} alt="" /> CommandCenter
        </NavLink>
        <nav aria-label="Pages">
          <NavLink to="/" end>
            Inbox {waiting > 0 && <span className="count">{waiting}</span>}
          </NavLink>
          <NavLink to="/runs">Runs</NavLink>
          <NavLink to="/workflows">Workflows</NavLink>
          <NavLink to="/agents">Agents</NavLink>
          <NavLink to="/events">Events</NavLink>
          <NavLink to="/statistics">Statistics</NavLink>
        </nav>
        <div className="foot">
          <span>
            {me.name} ({me.role})
          </span>
          {me.projects.length > 1 ? (
            <div className="field">
              <label htmlFor="project">Project</label>
              <PickOne
                id="project"
                now={String(me.project)}
                pick={async (project) => {
                  await chooseProject(Number(project));
                  // Everything on the page is of the other project now.
                  location.assign(document.baseURI);
                }}
              >
                {me.projects.map((project) => (
                  <option key={project}>{project}</option>
                ))}
              </PickOne>
            </div>
          ) : (
            <span>Project {me.project}</span>
          )}
          <label className="field">
            Colours
            <select
              value={theme}
              onChange={(event) => {
                const chosen = event.target.value as Theme;
                setTheme(chosen);
                applyTheme(chosen);
              }}
            >
              <option value="system">as the system</option>
              <option value="light">light</option>
              <option value="dark">dark</option>
            </select>
          </label>
          <a href={address("docs")}>HTTP API</a>
          <button type="button" onClick={leave}>
            Sign out
          </button>
        </div>
      </header>
      <main className="main" id="content" tabIndex={-1} ref={main}>
        {(connection === "offline" || !online) && (
          <div className="offline" role="status">
            {online ? "The server does not answer; trying again." : "This browser has no network."} What you
            see may be old.
          </div>
        )}
        <Boundary at={pathname}>
          <Suspense fallback={<Loading />}>
            <Routes>
              <Route path="/" element={<Inbox />} />
              <Route path="/approvals" element={<Inbox />} />
              <Route path="/approvals/:id" element={<ApprovalPage />} />
              <Route path="/runs" element={<RunsPage />} />
              <Route path="/runs/:id" element={<RunPage />} />
              <Route path="/workflows" element={<WorkflowsPage />} />
              <Route path="/workflows/:name" element={<BuilderPage />} />
              <Route path="/new-workflow" element={<BuilderPage />} />
              <Route path="/agents" element={<AgentsPage />} />
              <Route path="/register-agent" element={<RegisterAgentPage />} />
              <Route path="/agents/:name" element={<AgentPage />} />
              <Route path="/events" element={<EventsPage />} />
              <Route path="/statistics" element={<StatisticsPage />} />
              <Route
                path="*"
                element={
                  <Page title="No such page">
                    <p>The console has no page of that address.</p>
                  </Page>
                }
              />
            </Routes>
          </Suspense>
        </Boundary>
      </main>
    </div>
  );
}

/** What the browser knows of its network, long before a stream is missed. */
function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    window.addEventListener("online", look);
    window.addEventListener("offline", look);
    return () => {
      window.removeEventListener("online", look);
      window.removeEventListener("offline", look);
    };
  }, []);
  return online;
}

/** Fetches again what the server says has changed; bursts are taken together. */
function useChanges(): Connection {
  const queries = useQueryClient();
  const [connection, setConnection] = useState<Connection>("polling");
  useEffect(() => {
    const topics = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const all = topics.has("poll");
      queries.invalidateQueries({
        predicate: (query) => query.queryKey[0] !== "me" && (all || topics.has(String(query.queryKey[0]))),
      });
      topics.clear();
    };
    const stop = followChanges((change) => {
      for (const topic of topicsOf(change.type)) topics.add(topic);
      timer ??= setTimeout(flush, 300);
    }, setConnection);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [queries]);
  return connection;
}

/** Kind of change -> first words of the query keys that show it. */
function topicsOf(type: string): string[] {
  switch (type) {
    case "run":
    case "agentRun":
      return ["runs", "run", "logs", "statistics"];
    case "approval":
      return ["approvals", "approval", "runs", "run", "statistics"];
    case "workflow":
      return ["workflows"];
    case "agent":
      return ["agents", "agent"];
    case "event":
      return ["events", "deadLetters", "statistics"];
    default:
      return ["poll"];
  }
}
