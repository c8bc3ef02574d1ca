import type { Approval, Json } from "../api/types";

/** What is asked, in one line. The proposal's own words come first: they say what will happen, not what was wished. */
export function headline(approval: Approval): string {
  if (approval.proposal?.summary) return approval.proposal.summary;
  const { agent, action, description } = approval.card;
  return description || `${agent ?? "an agent"}: ${action ?? "an action"}`;
}

/** The sentences of the card. Its blocks, which are indented, are shown in a better form; so is the digest. */
export function sentences(cardText: string): string[] {
  return cardText
    .split("\n\n")
    .filter((part) => part.trim() && !/^ {4}|\n {4}/.test(part) && !/^(Digest: |Inputs:)/.test(part));
}

export function entriesOf(value: Json | undefined): Array<[string, Json]> {
  return value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];
}

/** Where two values differ: path, and both sides. For "what has changed since you looked". */
export function differences(
  before: Json | undefined,
  after: Json | undefined,
  path = "",
): Array<{ path: string; before: Json | undefined; after: Json | undefined }> {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const left = entriesOf(before);
  const right = entriesOf(after);
  if (!left.length || !right.length) return [{ path: path || "everything", before, after }];
  const names = new Set([...left, ...right].map(([name]) => name));
  const a = Object.fromEntries(left);
  const b = Object.fromEntries(right);
  return [...names].flatMap((name) => differences(a[name], b[name], path ? `${path}.${name}` : name));
}
