/** Times in words. */

export function moment(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : date.toLocaleString(undefined, { timeZoneName: "short" });
}

/** A length of time in ms, as "850 ms", "4.2 s", "3 min", "2 h 5 min", "3 d". */
export function span(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  const length = Math.max(0, ms);
  if (length < 1000) return `${Math.round(length)} ms`;
  const seconds = length / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

export function ago(at: string, now: number): string {
  const passed = now - Date.parse(at);
  if (Number.isNaN(passed)) return at;
  if (passed < -1000) return `in ${span(-passed)}`;
  return passed < 5000 ? "just now" : `${span(passed)} ago`;
}

export function between(from: string, to: string | null | undefined, now = Date.now()): number {
  return (to ? Date.parse(to) : now) - Date.parse(from);
}
