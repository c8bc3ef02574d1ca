/**
 * One stream of changes per browser: the tab that holds the lock reads it and tells the others.
 *
 * The stream only says what changed; pages fetch again. Without a stream (an older API, a broken network), all
 * that is on screen counts as changed every few seconds.
 */

import { ApiError, address, authorization, projectShown } from "./client";
import type { LogLine } from "./types";

export interface Change {
  type: string;
}

export type Connection = "live" | "polling" | "offline";

/** Of all tabs that show one project. */
const channelOf = (project: string) => `commandcenter.changes.${project}`;
const POLL_MS = 4_000;
/** The server sends something every 15 seconds; one that has said nothing for that long does not answer. */
const SILENT_MS = 40_000;
const GATHER_MS = 100;

export function followChanges(
  changed: (change: Change) => void,
  connection: (state: Connection) => void,
): () => void {
  const name = channelOf(projectShown());
  const channel = new BroadcastChannel(name);
  channel.onmessage = (message) => {
    if (message.data.connection) connection(message.data.connection);
    else changed(message.data as Change);
  };
  const stop = new AbortController();
  const tell = (change: Change) => {
    changed(change);
    channel.postMessage(change);
  };
  const say = (state: Connection) => {
    connection(state);
    channel.postMessage({ connection: state });
  };
  const lead = () => readForever(tell, say, stop.signal);
  const leading =
    "locks" in navigator ? navigator.locks.request(name, { signal: stop.signal }, lead) : lead();
  leading.catch(() => undefined);
  return () => {
    stop.abort();
    channel.close();
  };
}

/**
 * What is behind `after` in the log of a run, as it is written; settled when the run has ended. It is opened again where it
 * breaks, and closed while the page is hidden: a browser has six connections to one server.
 */
export async function followLog(
  runId: string,
  query: { node?: string; search?: string },
  after: string,
  told: (lines: LogLine[], failure: Error | null) => void,
  stop: AbortSignal,
): Promise<void> {
  let last = after;
  let wait = 500;
  let fresh: LogLine[] = [];
  let gathered: ReturnType<typeof setTimeout> | undefined;
  const pass = () => {
    clearTimeout(gathered);
    gathered = undefined;
    if (!stop.aborted) told(fresh, null);
    fresh = [];
  };
  while (!stop.aborted) {
    await shown(stop);
    const silence = new Silence();
    const hidden = new AbortController();
    const hide = () => document.hidden && hidden.abort();
    document.addEventListener("visibilitychange", hide);
    try {
      const response = await fetch(address(`runs/${encodeURIComponent(runId)}/logs/stream`, query), {
        headers: { Accept: "text/event-stream", ...authorization(), "Last-Event-ID": last },
        credentials: "same-origin",
        signal: AbortSignal.any([stop, silence.signal, hidden.signal]),
      });
      if (!response.ok || !response.body)
        throw new ApiError(response.status, `The log cannot be read: ${response.status}.`);
      wait = 500;
      for await (const event of eventsOf(silence.brokenBy(response.body))) {
        if (event.event === "end") {
          pass();
          return;
        }
        if (event.event !== "line") continue;
        last = event.id;
        fresh.push(JSON.parse(event.data) as LogLine);
        // A burst is drawn once.
        gathered ??= setTimeout(pass, GATHER_MS);
      }
    } catch (error) {
      if (stop.aborted) return;
      // Signed out, or no longer there: asking again changes nothing.
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) {
        told([], error);
        return;
      }
    } finally {
      silence.end();
      document.removeEventListener("visibilitychange", hide);
    }
    await pause(wait, stop);
    wait = Math.min(wait * 2, 10_000);
  }
  clearTimeout(gathered);
}

function shown(stop: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const done = new AbortController();
    const settle = () => {
      if (document.hidden && !stop.aborted) return;
      done.abort();
      resolve();
    };
    document.addEventListener("visibilitychange", settle, { signal: done.signal });
    stop.addEventListener("abort", settle, { signal: done.signal });
  });
}

async function readForever(
  tell: (change: Change) => void,
  say: (state: Connection) => void,
  stop: AbortSignal,
): Promise<void> {
  let last: string | null = null;
  let wait = 500;
  while (!stop.aborted) {
    const silence = new Silence();
    try {
      const response: Response = await fetch(address("stream"), {
        headers: {
          Accept: "text/event-stream",
          ...authorization(),
          ...(last ? { "Last-Event-ID": last } : {}),
        },
        credentials: "same-origin",
        signal: AbortSignal.any([stop, silence.signal]),
      });
      if (response.status === 404) {
        say("polling");
        tell({ type: "poll" });
        await pause(POLL_MS, stop);
        continue;
      }
      if (!response.ok || !response.body) throw new ApiError(response.status, "no stream");
      say("live");
      wait = 500;
      // What changed while nobody listened is not known for sure.
      tell({ type: "poll" });
      for await (const event of eventsOf(silence.brokenBy(response.body))) {
        if (event.id) last = event.id;
        tell({ type: event.event });
      }
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof ApiError && error.status === 401) {
        tell({ type: "poll" });
      }
      say("offline");
    } finally {
      silence.end();
    }
    await pause(wait, stop);
    wait = Math.min(wait * 2, 10_000);
  }
}

/** Ends an exchange in which nothing comes any more. */
class Silence {
  readonly #stop = new AbortController();
  #timer = setTimeout(() => this.#stop.abort(), SILENT_MS);

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  brokenBy(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const heard = (chunk: Uint8Array, out: TransformStreamDefaultController<Uint8Array>) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#stop.abort(), SILENT_MS);
      out.enqueue(chunk);
    };
    return body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({ transform: heard }));
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** The events of a body in the format of server-sent events. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest = (rest + decoder.decode(value, { stream: true })).replaceAll("\r\n", "\n");
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const event = parseEvent(rest.slice(0, end));
      rest = rest.slice(end + 2);
      if (event) yield event;
    }
  }
}

function parseEvent(block: string): ServerEvent | null {
  const event: ServerEvent = { id: "", event: "message", data: "" };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (field === "data") data.push(value ?? "");
    else if (field === "id" || field === "event") event[field] = value ?? "";
  }
  event.data = data.join("\n");
  return data.length ? event : null;
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
