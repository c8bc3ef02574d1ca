/** Statuses of runs, nodes and approvals: one colour each, as the design has them, and a word. */

export type Tone = "green" | "yellow" | "blue" | "red" | "gray";

const TONES: Record<string, Tone> = {
  SUCCESS: "green",
  COMPLETED: "green",
  APPROVED: "green",
  RUNNING: "yellow",
  WAITING_APPROVAL: "blue",
  WAITING: "blue",
  PAUSED: "blue",
  SUSPENDED: "blue",
  PENDING_APPROVAL: "blue",
  FAILED: "red",
  REJECTED: "red",
  CRASHED: "red",
  EXPIRED: "red",
  TIMED_OUT: "red",
};

const WORDS: Record<string, string> = {
  SUCCESS: "succeeded",
  COMPLETED: "succeeded",
  RUNNING: "running",
  WAITING_APPROVAL: "waits for approval",
  WAITING: "waiting",
  PENDING: "not started",
  NOT_STARTED: "not started",
  FAILED: "failed",
  REJECTED: "rejected",
  APPROVED: "approved",
  CANCELLED: "cancelled",
  SKIPPED: "skipped",
  EXPIRED: "expired",
};

export function toneOf(status: string): Tone {
  return TONES[status.toUpperCase()] ?? "gray";
}

export function wordOf(status: string): string {
  return WORDS[status.toUpperCase()] ?? status.toLowerCase().replaceAll("_", " ");
}

export function ended(status: string): boolean {
  return ["SUCCESS", "FAILED", "CANCELLED", "REJECTED", "COMPLETED", "CRASHED", "SKIPPED"].includes(
    status.toUpperCase(),
  );
}
