/**
 * The only place that talks to the API: addresses, sign-in, errors.
 *
 * Sign-in is a cookie where the API has sessions (`POST /session`). An API without them gets the token in each
 * request; it is kept in `sessionStorage`, which ends with the tab.
 */

const TOKEN = "commandcenter.token";

/** The API's address; the console lies below it, at `console/`. */
export const API_ROOT: string = import.meta.env.DEV
  ? `${location.origin}/api/`
  : new URL("../", document.baseURI).href;

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

/** The headers that show who asks. */
export function authorization(): Record<string, string> {
  const token = storedToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export function address(path: string, query: RequestOptions["query"] = {}): string {
  const url = new URL(path.replace(/^\//, ""), API_ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, String(value));
  }
  return url.href;
}

/** Sends one request. Raises ApiError. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<Answer<T>> {
  const response = await send(path, options);
  const text = await response.text();
  const body: unknown = text && isJson(response) ? JSON.parse(text) : text || null;
  if (response.ok) return { body: body as T, headers: response.headers };
  const error = problem(response.status, body);
  if (error.signedOut) onSignedOut();
  throw error;
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
  const response = await send(path, {});
  if (!response.ok) throw problem(response.status, null);
  const url = URL.createObjectURL(await response.blob());
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
  try {
    return await fetch(address(path, options.query), {
      method: options.method ?? "GET",
      headers,
      body: payload,
      credentials: "same-origin",
      signal: options.signal,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "The server does not answer. Check the network, or whether it is being restarted.");
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

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface Me {
  name: string;
  project: number | null;
  role: string | null;
  projects: number[];
}

/** Who is signed in. Raises ApiError with status 401 for nobody. */
export async function whoAmI(): Promise<Me> {
  const fallback: Me = { name: "you", project: null, role: null, projects: [] };
  try {
    const me = await get<Record<string, unknown>>("me");
    const project = me.project ?? me.projectId ?? null;
    const id = isObject(project) ? project.id : project;
    const projects = Array.isArray(me.projects) ? me.projects : [];
    return {
      name: String(me.name ?? "you"),
      project: typeof id === "number" ? id : null,
      role: typeof me.role === "string" ? me.role : null,
      projects: projects.map((each) => Number(isObject(each) ? each.id : each)).filter(Number.isFinite),
    };
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    await get("runs", { limit: 1 });
    return fallback;
  }
}

/** Signs in with a token. Raises ApiError with status 401 for one that is not known. */
export async function signIn(token: string): Promise<void> {
  sessionStorage.removeItem(TOKEN);
  try {
    await post("session", { token });
    return;
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 405)) throw error;
  }
  sessionStorage.setItem(TOKEN, token);
  try {
    await whoAmI();
  } catch (error) {
    sessionStorage.removeItem(TOKEN);
    throw error;
  }
}

export async function signOut(): Promise<void> {
  const hadToken = storedToken() !== null;
  sessionStorage.removeItem(TOKEN);
  if (!hadToken) await request("session", { method: "DELETE" }).catch(() => undefined);
}
