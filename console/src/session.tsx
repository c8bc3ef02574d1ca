import { useQuery, useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type FormEvent,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
} from "react";
import {
  ApiError,
  type Me,
  providerAddress,
  providerOfSignIns,
  signIn,
  signOut,
  whenSignedOut,
  whoAmI,
} from "./api/client";
import { Failure, Loading } from "./components/basics";

const Session = createContext<{ me: Me; leave: () => void } | null>(null);

export function useSession() {
  const session = useContext(Session);
  if (!session) throw new Error("outside of a session");
  return session;
}

/** The token of a link `…/console#token=…`, removed from the address (and so from the history) at once. */
export function takeTokenFromAddress(): string | null {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return decodeURIComponent(found[1] ?? "");
}

const REFUSED: Record<string, string> = {
  refused: "You are known to the provider, and have no role here. An administrator gives you one.",
  denied: "The provider did not sign you in.",
  expired: "That sign-in was begun in another browser, or too long ago. Try again.",
  "too-many": "Too many sign-ins from your address have failed. Wait for a minute.",
  unavailable: "The provider does not answer. Try again later, or sign in with a token.",
};

/** Why a sign-in by the provider has failed, from `…/console#sign-in-failed=why`; removed from the address at once. */
export function takeFailureFromAddress(): string | null {
  const found = /^#sign-in-failed=([a-z-]+)$/.exec(location.hash);
  if (!found) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return (
    REFUSED[found[1] ?? ""] ?? "The provider's answer is not in order. An administrator finds why in the log."
  );
}

const failureOfProvider = takeFailureFromAddress();

/** A link that no answer came to has not been used. */
async function signInPatiently(token: string): Promise<void> {
  for (let times = 0; ; times++) {
    try {
      return await signIn(token);
    } catch (error) {
      if (!(error instanceof ApiError) || !error.passing || times === 5) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** times));
    }
  }
}

/** Shows its children to somebody who is signed in, and the sign-in page to others. */
export function SignedIn({ linkToken, children }: { linkToken: string | null; children: ReactNode }) {
  const queries = useQueryClient();
  const [token, setToken] = useState(linkToken);
  const [linkError, setLinkError] = useState<unknown>(null);
  const [expired, setExpired] = useState(false);
  const me = useQuery({
    queryKey: ["me"],
    queryFn: whoAmI,
    enabled: token === null,
    staleTime: Number.POSITIVE_INFINITY,
    retry: (times, error) => error instanceof ApiError && error.passing && times < 30,
  });
  const used = useRef(false);
  useEffect(() => {
    // A link works once.
    if (token === null || used.current) return;
    used.current = true;
    signInPatiently(token)
      .catch(setLinkError)
      .finally(() => setToken(null));
  }, [token]);
  useEffect(() => {
    whenSignedOut(() => setExpired(true));
  }, []);

  useEffect(() => {
    if (!expired) return;
    // The provider signs in in another tab; this one goes on when the person comes back to it.
    const look = () =>
      whoAmI()
        .then(() => setExpired(false))
        .catch(() => undefined);
    window.addEventListener("focus", look);
    return () => window.removeEventListener("focus", look);
  }, [expired]);

  async function enter(given: string) {
    await signIn(given);
    setExpired(false);
    setLinkError(null);
    await queries.invalidateQueries();
  }
  async function leave() {
    await signOut();
    queries.clear();
    location.reload();
  }

  if (token !== null || me.isPending) return <Loading />;
  if (me.data) {
    // The page stays as it is below: notes and unsaved text are not lost by a sign-in that has expired.
    return (
      <>
        <div className="holder" hidden={expired}>
          <Session.Provider value={{ me: me.data, leave }}>{children}</Session.Provider>
        </div>
        {expired && (
          <SignInForm
            enter={enter}
            why="Your sign-in has expired. Sign in again; what you were doing is kept."
          />
        )}
      </>
    );
  }
  const out = me.error instanceof ApiError && me.error.signedOut;
  if (me.error && !out) return <Failure error={me.error} retry={() => me.refetch()} />;
  return <SignInForm enter={enter} error={linkError} />;
}

function SignInForm({
  enter,
  why,
  error,
}: {
  enter: (token: string) => Promise<void>;
  why?: string;
  error?: unknown;
}) {
  const [token, setToken] = useState("");
  const [failure, setFailure] = useState<unknown>(error ?? null);
  const [busy, setBusy] = useState(false);
  const provider = useQuery({
    queryKey: ["sign-in"],
    queryFn: providerOfSignIns,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await enter(token.trim());
      setToken("");
    } catch (caught) {
      setFailure(caught);
    } finally {
      setBusy(false);
    }
  }
  useEffect(() => {
    document.title = "Sign in · CommandCenter";
  }, []);
  return (
    <main className="signin">
      <form className="panel" onSubmit={submit}>
        <h1>Sign in to CommandCenter</h1>
        {why && <p className="notice warn">{why}</p>}
        {failureOfProvider && !why && (
          <p className="notice bad" role="alert">
            {failureOfProvider}
          </p>
        )}
        {provider.data && (
          <p>
            {/* In place: unsaved text would be lost, so an expired sign-in opens another tab. */}
            <a
              className="button primary"
              href={providerAddress()}
              target={why ? "_blank" : undefined}
              rel="noopener"
            >
              Sign in with {provider.data.label}
            </a>
          </p>
        )}
        <label className="field">
          Your token
          <input
            type="password"
            autoComplete="current-password"
            required
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        {failure instanceof ApiError && failure.signedOut ? (
          <p className="notice bad" role="alert">
            That token is not known here, or it has expired or been revoked. An administrator makes a new one.
          </p>
        ) : (
          failure !== null && <Failure error={failure} />
        )}
        <button type="submit" className="primary" disabled={busy || !token.trim()}>
          Sign in
        </button>
        <p className="small muted">
          <code>commandcenter up</code> and <code>commandcenter demo</code> print a link that signs you in.
        </p>
      </form>
    </main>
  );
}
