/** A workflow's text: what it says, and what canvas and form do to it. */

import { parseDocument } from "yaml";
import type { Json } from "../api/types";
import { isObject } from "../text/json";
import {
  appendItem,
  applyEdits,
  CannotEdit,
  type Edit,
  offsetOf,
  type Path,
  removeItem,
  removeKey,
  setValue,
} from "./yamlEdit";

export interface WorkflowNode {
  id: string;
  agent: string;
  action: string;
  dependsOn: string[];
  inputs: Record<string, Json>;
  approvalRequired: boolean | null;
  /** Who may open its gate; empty where the text says nothing. */
  approval: Record<string, Json>;
  when: Json | undefined;
  /** Name of the workflow that it calls in the place of an agent; empty for an action. */
  workflow: string;
  /** The node as it is written. */
  written: Record<string, Json>;
}

export interface WorkflowModel {
  name: string;
  description: string;
  trigger: Json;
  nodes: WorkflowNode[];
  /** The workflow as it is written. */
  written: Record<string, Json>;
}

export const EMPTY = `name: new-workflow
description: ""

trigger:
  event: graph.file.updated

nodes: []
`;

/** What the text says; null where it is no YAML. */
export function readWorkflow(text: string): WorkflowModel | null {
  const document = parseDocument(text);
  if (document.errors.length) return null;
  let value: unknown;
  try {
    value = document.toJS();
  } catch {
    return null;
  }
  const all = isObject(value) ? value : {};
  const nodes = Array.isArray(all.nodes) ? all.nodes : [];
  return {
    name: stringOf(all.name),
    description: stringOf(all.description),
    trigger: (all.trigger ?? null) as Json,
    written: all as Record<string, Json>,
    nodes: nodes.filter(isObject).map((node) => ({
      id: stringOf(node.id),
      agent: stringOf(node.agent),
      action: stringOf(node.action),
      dependsOn: listOf(node.dependsOn),
      inputs: (isObject(node.inputs) ? node.inputs : {}) as Record<string, Json>,
      approvalRequired: typeof node.approvalRequired === "boolean" ? node.approvalRequired : null,
      approval: (isObject(node.approval) ? node.approval : {}) as Record<string, Json>,
      when: node.when as Json | undefined,
      workflow: stringOf(node.workflow),
      written: node as Record<string, Json>,
    })),
  };
}

function stringOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function listOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.map(String) : [];
}

function indexOf(text: string, id: string): number {
  const index = readWorkflow(text)?.nodes.findIndex((node) => node.id === id) ?? -1;
  if (index < 0) throw new CannotEdit(`the text has no node ${id}`);
  return index;
}

export function nodePath(text: string, id: string): Path {
  return ["nodes", indexOf(text, id)];
}

/** An id that no node has. */
export function freshId(text: string, action: string): string {
  const base =
    action
      .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "") || "node";
  const taken = new Set(readWorkflow(text)?.nodes.map((node) => node.id));
  if (!taken.has(base)) return base;
  for (let number = 2; ; number++) if (!taken.has(`${base}-${number}`)) return `${base}-${number}`;
}

export function addNode(
  text: string,
  agent: string,
  action: string,
  after: string | null,
): { edits: Edit[]; id: string } {
  const id = freshId(text, action);
  const node: Record<string, Json> = { id, agent, action };
  if (after) node.dependsOn = [after];
  return { edits: appendItem(text, ["nodes"], node), id };
}

/** Add a node that is a run of another workflow. */
export function addCall(text: string, workflow: string, after: string | null): { edits: Edit[]; id: string } {
  const id = freshId(text, workflow);
  const node: Record<string, Json> = { id, workflow };
  if (after) node.dependsOn = [after];
  return { edits: appendItem(text, ["nodes"], node), id };
}

/** One more trigger; the one that is there becomes the first of a list. */
export function addTrigger(text: string): Edit[] {
  const trigger = readWorkflow(text)?.trigger ?? null;
  if (trigger === null) return setValue(text, ["trigger"], "manual");
  const listed = Array.isArray(trigger) ? [] : listTrigger(text, trigger);
  return sequence(text, [() => listed, (now) => appendItem(now, ["trigger"], "manual")]);
}

/** Make a list of the one trigger. A block keeps its lines, with their comments, two columns further in. */
function listTrigger(text: string, trigger: Json): Edit[] {
  const start = offsetOf(text, ["trigger"]) ?? 0;
  const line = text.lastIndexOf("\n", start - 1) + 1;
  const indent = text.slice(line, start);
  if (indent.trim() !== "") return setValue(text, ["trigger"], [trigger]);
  const rest = text.slice(start).split("\n");
  const end = rest.findIndex((each, at) => at > 0 && each.trim() !== "" && !each.startsWith(indent));
  const block = rest.slice(0, end < 0 ? rest.length : end).join("\n");
  const inset = `- ${block.replace(/\n(?=[^\r\n])/g, "\n  ")}`;
  return [{ from: start, to: start + block.length, insert: inset }];
}

export function removeTrigger(text: string, at: number): Edit[] {
  return removeItem(text, ["trigger", at]);
}

/** Remove a node and what depends on it by name. */
export function removeNode(text: string, id: string): Edit[] {
  return sequence(text, [
    ...dependents(text, id).map((other) => (now: string) => disconnect(now, id, other)),
    (now) => removeItem(now, nodePath(now, id)),
  ]);
}

function dependents(text: string, id: string): string[] {
  return (readWorkflow(text)?.nodes ?? [])
    .filter((node) => node.dependsOn.includes(id))
    .map((node) => node.id);
}

export function connect(text: string, from: string, to: string): Edit[] {
  const node = readWorkflow(text)?.nodes[indexOf(text, to)];
  if (node?.dependsOn.includes(from)) return [];
  return appendItem(text, [...nodePath(text, to), "dependsOn"], from);
}

export function disconnect(text: string, from: string, to: string): Edit[] {
  const node = readWorkflow(text)?.nodes[indexOf(text, to)];
  const at = node?.dependsOn.indexOf(from) ?? -1;
  if (!node || at < 0) return [];
  const path: Path = [...nodePath(text, to), "dependsOn"];
  return node.dependsOn.length === 1 ? removeKey(text, path) : removeItem(text, [...path, at]);
}

/** Whether an edge would close a circle. */
export function closesCircle(nodes: WorkflowNode[], from: string, to: string): boolean {
  const needs = new Map(nodes.map((node) => [node.id, node.dependsOn]));
  const seen = new Set<string>();
  const open = [from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === to) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    open.push(...(needs.get(id) ?? []));
  }
  return false;
}

/** Change a node's id, and everything that names it: `dependsOn`, templates, `onFailure`, the approval policy. */
export function renameNode(text: string, id: string, to: string): Edit[] {
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(to))
    throw new CannotEdit("an id has letters, digits, - and _ and begins with a letter");
  const model = readWorkflow(text);
  if (model?.nodes.some((node) => node.id === to)) throw new CannotEdit(`there is a node ${to} already`);
  const index = indexOf(text, id);
  const steps: Array<(now: string) => Edit[]> = [(now) => setValue(now, ["nodes", index, "id"], to)];
  const named = new RegExp(`\\bnodes\\.${id.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![A-Za-z0-9_-])`, "g");
  model?.nodes.forEach((node, other) => {
    node.dependsOn.forEach((each, at) => {
      if (each === id) steps.push((now) => setValue(now, ["nodes", other, "dependsOn", at], to));
    });
    const handler = node.written.onFailure;
    if (handler === id || handler === `handler:${id}`)
      steps.push((now) => setValue(now, ["nodes", other, "onFailure"], handler.replace(id, to)));
  });
  const policy = model?.written.approvalPolicy;
  const trusted = isObject(policy) && Array.isArray(policy.approveOnExpiry) ? policy.approveOnExpiry : [];
  trusted.forEach((each, at) => {
    if (each === id) steps.push((now) => setValue(now, ["approvalPolicy", "approveOnExpiry", at], to));
  });
  const renamed = sequence(text, steps);
  // Templates are text in any place: each mention is an edit of its own.
  const between = applyEdits(text, renamed);
  const mentions = [...between.matchAll(named)].map((found) => ({
    from: found.index,
    to: found.index + found[0].length,
    insert: `nodes.${to}`,
  }));
  return mentions.length ? difference(text, applyEdits(between, mentions)) : renamed;
}

export function setInput(text: string, id: string, path: Path, value: Json | undefined): Edit[] {
  const whole: Path = [...nodePath(text, id), "inputs", ...path];
  return value === undefined ? removeKey(text, whole) : setValue(text, whole, value);
}

export function setNodeField(text: string, id: string, field: Path, value: Json | undefined): Edit[] {
  const whole: Path = [...nodePath(text, id), ...field];
  return value === undefined ? removeKey(text, whole) : setValue(text, whole, value);
}

/** Several changes, each made to the text as the one before leaves it, as edits of the first text. */
function sequence(text: string, steps: Array<(now: string) => Edit[]>): Edit[] {
  let now = text;
  for (const step of steps) now = applyEdits(now, step(now));
  return difference(text, now);
}

/** The lines that differ, as edits; lines that are the same on both sides are left alone. */
export function difference(before: string, after: string): Edit[] {
  if (before === after) return [];
  const a = before.split(/(?<=\n)/);
  const b = after.split(/(?<=\n)/);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (
    tail < a.length - head &&
    tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  )
    tail++;
  const rest = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)] as const;
  const offset = a.slice(0, head).join("").length;
  if (rest[0].length === rest[1].length) {
    // As many lines as before: one edit for each line that differs.
    const edits: Edit[] = [];
    let from = offset;
    rest[0].forEach((line, index) => {
      const other = rest[1][index] ?? "";
      if (line !== other) edits.push({ from, to: from + line.length, insert: other });
      from += line.length;
    });
    return edits;
  }
  return [{ from: offset, to: offset + rest[0].join("").length, insert: rest[1].join("") }];
}
