/**
 * The only place that talks to the API: addresses, sign-in, errors.
 *
 * Sign-in is a cookie that no script can read (`POST /session`). Tokens of the JSON file begin no session: such a token
 * goes with each request, and is kept in `sessionStorage`, which ends with the tab.
 */

import { isObject } from "../text/json";

const TOKEN = "commandcenter.token";
const PROJECT = "commandcenter.project";
/** A server that says nothing for that long is taken for one that does not answer. Acts may try out whole workflows. */
const READ_MS = 30_000;
const ACT_MS = 180_000;

/** The API's address; the console lies below it, at `console/`. */
function apiRoot(): string {
  return import.meta.env.DEV ? `${location.origin}/api/` : new URL("../", document.baseURI).href;
}

/** A request that was not served, with a sentence for the person. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 where nothing answered. */
    readonly status: number,
    message: string,
    /** The answer's `detail`, where it was more than a sentence. */
    readonly detail: unknown = undefined,
  ) {
    super(message);
  }

  get signedOut(): boolean {
    return this.status === 401;
  }

  /** Nothing answered, or the server says that it cannot right now: worth another try. */
  get passing(): boolean {
    return this.status === 0 || this.status >= 502;
  }
}

export interface Answer<T> {
  body: T;
  headers: Headers;
}

export interface RequestOptions {
  method?: string;
  query?: Record<string, string | number | undefined | null>;
  json?: unknown;
  /** A body that is sent as YAML. */
  yaml?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

let onSignedOut: () => void = () => {};

/** Who is told that the sign-in has expired. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export function storedToken(): string | null {
  return sessionStorage.getItem(TOKEN);
}

/** The project that the page shows. Another tab may choose another one for the session: this page stays where it is. */
let shown: string | null = null;

export function projectShown(): string {
  return shown ?? "";
}

/** The headers that show who asks, and for which project. */
export function authorization(): Record<string, string> {
  const token = storedToken();
  const project = shown ?? (token && sessionStorage.getItem(PROJECT));
  return {
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...(project ? { "X-Project": project } : {}),
  };
}

export function address(path: string, query: RequestOptions["query"] = {}): string {
  const url = new URL(path.replace(/^\//, ""), apiRoot());
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, String(value));
  }
  return url.href;
}

/** Sends one request. Raises ApiError. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<Answer<T>> {
  return inTime(options, async (signal) => {
    const response = await send(path, { ...options, signal });
    const text = await response.text();
    const body: unknown = text && isJson(response) ? JSON.parse(text) : text || null;
    if (response.ok) return { body: body as T, headers: response.headers };
    const error = problem(response.status, body);
    if (error.signedOut) onSignedOut();
    throw error;
  });
}

export async function get<T>(
  path: string,
  query?: RequestOptions["query"],
  signal?: AbortSignal,
): Promise<T> {
  return (await request<T>(path, { query, signal })).body;
}

export async function post<T>(path: string, json: unknown = {}): Promise<T> {
  return (await request<T>(path, { method: "POST", json })).body;
}

/** Saves what an address gives as a file; links cannot carry the token. */
export async function download(path: string, name: string): Promise<void> {
  const content = await inTime({ method: "DOWNLOAD" }, async (signal) => {
    const response = await send(path, { signal });
    if (!response.ok) throw problem(response.status, null);
    return response.blob();
  });
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function send(path: string, options: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: "application/json",
    ...authorization(),
    ...options.headers,
  };
  let payload: string | undefined;
  if (options.json !== undefined) {
    headers["Content-Type"] = "application/json";
    payload = JSON.stringify(options.json);
  } else if (options.yaml !== undefined) {
    headers["Content-Type"] = "application/yaml";
    payload = options.yaml;
  }
  return fetch(address(path, options.query), {
    method: options.method ?? "GET",
    headers,
    body: payload,
    credentials: "same-origin",
    signal: options.signal,
  });
}

/** The whole of an exchange, from the request to the last byte. Raises ApiError with status 0 where it breaks off. */
async function inTime<T>(options: RequestOptions, exchange: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const reads = (options.method ?? "GET") === "GET";
  const ms = reads ? READ_MS : ACT_MS;
  const timer = setTimeout(() => stop.abort(), ms);
  const leave = () => stop.abort();
  options.signal?.addEventListener("abort", leave, { once: true });
  try {
    return await exchange(stop.signal);
  } catch (error) {
    if (error instanceof ApiError || options.signal?.aborted) throw error;
    const what = stop.signal.aborted ? `within ${ms / 1000} seconds` : "";
    const done = reads ? "" : " What was asked may have been done: look before you ask again.";
    throw new ApiError(
      0,
      `The server does not answer${what && ` ${what}`}. Check the network, or whether it is being restarted.${done}`,
    );
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", leave);
  }
}

function isJson(response: Response): boolean {
  return /\bjson\b/.test(response.headers.get("content-type") ?? "");
}

function problem(status: number, body: unknown): ApiError {
  const detail = isObject(body) ? body.detail : undefined;
  if (typeof detail === "string") return new ApiError(status, detail, body);
  if (isObject(detail) && typeof detail.message === "string")
    return new ApiError(status, detail.message, detail);
  if (isObject(body) && typeof body.title === "string") return new ApiError(status, body.title, body);
  return new ApiError(status, `The server answered with status ${status}.`, body);
}

export interface Me {
  name: string;
  project: number;
  role: string;
  /** Of read, author, operate, approve, admin. */
  may: string[];
  projects: number[];
}

/** Who is signed in. Raises ApiError with status 401 for nobody. */
export async function whoAmI(): Promise<Me> {
  const me = await get<{
    name: string;
    projectId: number;
    role: string;
    may: string[];
    projects: Array<{ projectId: number }>;
  }>("me").catch((error: unknown) => {
    // Somebody else has signed in, who has no part in it.
    if (shown === null || !(error instanceof ApiError) || error.status !== 403) throw error;
    location.reload();
    throw error;
  });
  shown = String(me.projectId);
  return {
    name: me.name,
    project: me.projectId,
    role: me.role,
    may: me.may,
    projects: me.projects.map((each) => each.projectId),
  };
}

/** Signs in with a token. Raises ApiError with status 401 for one that is not known. */
export async function signIn(token: string): Promise<void> {
  sessionStorage.removeItem(TOKEN);
  try {
    await post("session", { token });
    return;
  } catch (error) {
    // 422: a token of the JSON file, which begins no session.
    if (!(error instanceof ApiError) || error.status !== 422) throw error;
  }
  sessionStorage.setItem(TOKEN, token);
  try {
    await whoAmI();
  } catch (error) {
    sessionStorage.removeItem(TOKEN);
    throw error;
  }
}

/** The provider that signs people in; null where there is none. */
export async function providerOfSignIns(): Promise<{ label: string } | null> {
  return (await get<{ provider: { label: string } | null }>("sign-in")).provider;
}

/** Where a browser begins to sign in by the provider; it comes back to the page that is open now. */
export function providerAddress(): string {
  return address("sign-in/oidc", { to: consolePage() });
}

function consolePage(): string {
  const root = new URL(apiRoot()).pathname;
  return `/${location.pathname.slice(root.length)}${location.search}`;
}

/** Looks at another project: the session does, or each request of a token says so. */
export async function chooseProject(project: number): Promise<void> {
  if (storedToken() === null) await request("session", { method: "PATCH", json: { projectId: project } });
  else sessionStorage.setItem(PROJECT, String(project));
}

export async function signOut(): Promise<void> {
  const hadToken = storedToken() !== null;
  sessionStorage.clear();
  if (!hadToken) await request("session", { method: "DELETE" }).catch(() => undefined);
}
