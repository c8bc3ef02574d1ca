/**
 * Changes of a YAML text by ranges: what is not touched stays as it is, byte by byte, comments included.
 *
 * Each function gives the edits that make the change, and has checked that the text then means what it should: an odd
 * way of writing (anchors, tags, several keys in one line) is refused with `CannotEdit`, never damaged.
 */

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parse,
  parseDocument,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Json } from "../api/types";

export interface Edit {
  from: number;
  to: number;
  insert: string;
}

export type Path = ReadonlyArray<string | number>;

/** The text cannot be changed in this way by a form; it can be edited as YAML. */
export class CannotEdit extends Error {}

export function applyEdits(text: string, edits: readonly Edit[]): string {
  let changed = text;
  for (const edit of [...edits].sort((a, b) => b.from - a.from)) {
    changed = changed.slice(0, edit.from) + edit.insert + changed.slice(edit.to);
  }
  return changed;
}

/** Set the value at a path; what is missing on the way is made. */
export function setValue(text: string, path: Path, value: Json): Edit[] {
  const model = modelOf(text);
  const before = at(model, path);
  if (before !== undefined && equal(before, value)) return [];
  return checked(text, new Writer(text).set(path, value), put(model, path, value));
}

/** Remove a key, and the mapping that it was the last key of. */
export function removeKey(text: string, path: Path): Edit[] {
  const model = modelOf(text);
  let last = path;
  if (at(model, last) === undefined) return [];
  while (last.length > 1) {
    const parent = at(model, last.slice(0, -1));
    const size = parent && typeof parent === "object" ? Object.keys(parent).length : 0;
    if (size !== 1 || typeof last.at(-2) === "number") break;
    last = last.slice(0, -1);
  }
  return checked(text, new Writer(text).remove(last), drop(model, last));
}

/** Add an item to the end of a list, which is made if there is none. */
export function appendItem(text: string, path: Path, value: Json): Edit[] {
  const model = modelOf(text);
  const list = at(model, path);
  if (list === undefined || list === null || (Array.isArray(list) && list.length === 0)) {
    return setValue(text, path, [value]);
  }
  if (!Array.isArray(list)) throw new CannotEdit(`${path.join(".")} is not a list`);
  return checked(text, new Writer(text).append(path, value), put(model, path, [...list, value]));
}

/** Remove an item of a list; the last one leaves an empty list. */
export function removeItem(text: string, path: Path): Edit[] {
  const model = modelOf(text);
  const list = at(model, path.slice(0, -1));
  if (!Array.isArray(list)) throw new CannotEdit(`${path.slice(0, -1).join(".")} is not a list`);
  if (list.length === 1) return setValue(text, path.slice(0, -1), []);
  return checked(text, new Writer(text).remove(path), drop(model, path));
}

/** The offset at which the value of a path begins; null where there is none. */
export function offsetOf(text: string, path: Path): number | null {
  const document = parseDocument(text);
  const node = document.getIn(path, true) as Node | undefined;
  return node?.range?.[0] ?? null;
}

function modelOf(text: string): Json {
  const document = parseDocument(text);
  if (document.errors.length) {
    throw new CannotEdit(`the YAML has a mistake: ${document.errors[0]?.message.split("\n")[0]}`);
  }
  return (document.toJS() ?? {}) as Json;
}

function checked(text: string, edits: Edit[], wanted: Json): Edit[] {
  const changed = applyEdits(text, edits);
  let found: Json;
  try {
    found = (parse(changed) ?? {}) as Json;
  } catch {
    throw new CannotEdit("this is written in a way that the form cannot change; edit it as YAML");
  }
  if (!equal(found, wanted)) {
    throw new CannotEdit("this is written in a way that the form cannot change; edit it as YAML");
  }
  return edits;
}

class Writer {
  private readonly root: Node | null;
  private readonly newline: string;

  constructor(private readonly text: string) {
    this.root = parseDocument(text).contents as Node | null;
    this.newline = text.includes("\r\n") ? "\r\n" : "\n";
  }

  set(path: Path, value: Json): Edit[] {
    const parentPath = path.slice(0, -1);
    const key = path.at(-1);
    if (key === undefined) throw new CannotEdit("there is nothing to set");
    const parent = this.find(parentPath);
    if (isMap(parent)) {
      const pair = pairOf(parent, key);
      return pair ? this.replace(parent, pair, value) : this.insert(parent, String(key), value);
    }
    if (isSeq(parent) && typeof key === "number") {
      const item = parent.items[key] as Node | undefined;
      if (!item?.range) throw new CannotEdit("the list has no such item");
      const [start, end] = [item.range[0], this.contentEnd(item)];
      return [{ from: start, to: end, insert: flow(value) }];
    }
    if (parent === null || (isScalar(parent) && parent.value === null)) {
      if (!parentPath.length)
        return [{ from: this.text.length, to: this.text.length, insert: this.topLevel(key, value) }];
      return this.set(parentPath, { [String(key)]: value });
    }
    throw new CannotEdit(`${parentPath.join(".")} is not a mapping`);
  }

  private topLevel(key: string | number, value: Json): string {
    const lead = this.text && !this.text.endsWith("\n") ? this.newline : "";
    return `${lead}${this.pairText(String(key), value, 0)}${this.newline}`;
  }

  private replace(parent: YAMLMap, pair: Pair, value: Json): Edit[] {
    const old = pair.value as Node | null;
    const key = pair.key as Node;
    if (!key.range) throw new CannotEdit("the key has no place");
    if (isAlias(old) || old?.tag || (old && "anchor" in old && old.anchor)) {
      throw new CannotEdit("an anchor, alias or tag is edited as YAML");
    }
    const colon = this.text.indexOf(":", key.range[1]);
    const inFlow = Boolean(parent.flow);
    const asBlock = !inFlow && isBlock(value);
    const hasText = old?.range && old.range[1] > old.range[0];
    if (!asBlock && hasText && old && (inFlow || isOneRange(old))) {
      return [{ from: old.range?.[0] ?? 0, to: this.contentEnd(old), insert: flow(value) }];
    }
    const indent = this.columnOf(key.range[0]);
    const end = hasText && old ? this.contentEnd(old) : colon + 1;
    const insert = asBlock ? this.newline + this.block(value, indent + 2) : ` ${flow(value)}`;
    return [{ from: colon + 1, to: end, insert }];
  }

  private insert(parent: YAMLMap, key: string, value: Json): Edit[] {
    const last = parent.items.at(-1);
    if (parent.flow) {
      const from = last ? this.pairEnd(last) : (parent.range?.[0] ?? 0) + 1;
      return [{ from, to: from, insert: `${last ? ", " : ""}${scalar(key)}: ${flow(value)}` }];
    }
    const first = parent.items[0]?.key as Node | undefined;
    if (!last || !first?.range) throw new CannotEdit("an empty mapping is edited as YAML");
    const from = this.lineEnd(this.pairEnd(last));
    const indent = this.columnOf(first.range[0]);
    return [
      { from, to: from, insert: this.breakAt(from) + " ".repeat(indent) + this.pairText(key, value, indent) },
    ];
  }

  append(path: Path, value: Json): Edit[] {
    const list = this.find(path);
    if (!isSeq(list) || !list.range) throw new CannotEdit(`${path.join(".")} is not a list`);
    const last = list.items.at(-1) as Node;
    const end = this.contentEnd(last);
    if (list.flow) return [{ from: end, to: end, insert: `, ${flow(value)}` }];
    const dash = this.dashOf(list, list.items.length - 1);
    const indent = this.columnOf(dash);
    const from = this.lineEnd(end);
    // Nodes with an empty line between them keep to it.
    const spaced = list.items.length > 1 && this.isBlankLine(this.lineStart(dash) - 1);
    const insert =
      this.breakAt(from).repeat(spaced ? 2 : 1) + " ".repeat(indent) + this.itemText(value, indent);
    return [{ from, to: from, insert }];
  }

  remove(path: Path): Edit[] {
    const parent = this.find(path.slice(0, -1));
    const key = path.at(-1);
    if (isMap(parent)) {
      const index = parent.items.findIndex((pair) => keyOf(pair) === String(key));
      const pair = parent.items[index];
      const start = (pair?.key as Node | undefined)?.range?.[0];
      if (!pair || start === undefined) throw new CannotEdit("there is no such key");
      if (parent.flow) {
        const ends = parent.items.map((each) => this.pairEnd(each));
        const starts = parent.items.map((each) => (each.key as Node).range?.[0] ?? 0);
        return [this.cut(starts, ends, index)];
      }
      return [this.lines(start, this.pairEnd(pair), false)];
    }
    if (isSeq(parent) && typeof key === "number") {
      const item = parent.items[key] as Node | undefined;
      if (!item?.range) throw new CannotEdit("the list has no such item");
      if (parent.flow) {
        const items = parent.items as Node[];
        const starts = items.map((each) => each.range?.[0] ?? 0);
        return [
          this.cut(
            starts,
            items.map((each) => this.contentEnd(each)),
            key,
          ),
        ];
      }
      return [this.lines(this.dashOf(parent, key), this.contentEnd(item), true)];
    }
    throw new CannotEdit("there is nothing to remove");
  }

  /** One of several between commas. */
  private cut(starts: number[], ends: number[], index: number): Edit {
    const next = starts[index + 1];
    if (index === 0 && next !== undefined) return { from: starts[0] ?? 0, to: next, insert: "" };
    return { from: ends[index - 1] ?? starts[index] ?? 0, to: ends[index] ?? 0, insert: "" };
  }

  /** Whole lines, from that of `start` to that of `end`. */
  private lines(start: number, end: number, spaced: boolean): Edit {
    let from = this.lineStart(start);
    if (this.text.slice(from, start).trim())
      throw new CannotEdit("several things are in this line; edit it as YAML");
    let to = this.lineEnd(end);
    if (to < this.text.length) to += this.text.startsWith("\r\n", to) ? 2 : 1;
    else if (from > 0) from -= this.text.startsWith("\r\n", from - 2) ? 2 : 1;
    if (spaced && from > 0 && to < this.text.length && this.isBlankLine(from - 1))
      from = this.lineStart(from - 1);
    return { from, to, insert: "" };
  }

  private find(path: Path): Node | null {
    let node = this.root;
    for (const key of path) {
      if (isAlias(node)) throw new CannotEdit("what an alias stands for is edited as YAML");
      if (isMap(node)) node = (pairOf(node, key)?.value ?? null) as Node | null;
      else if (isSeq(node) && typeof key === "number") node = (node.items[key] ?? null) as Node | null;
      else return node;
    }
    if (isAlias(node)) throw new CannotEdit("what an alias stands for is edited as YAML");
    return node;
  }

  private dashOf(list: YAMLSeq, index: number): number {
    const start = (list.items[index] as Node | undefined)?.range?.[0];
    if (start === undefined) throw new CannotEdit("the list has no such item");
    const dash = this.text.lastIndexOf("-", start - 1);
    if (dash < 0 || this.text.slice(dash + 1, start).trim())
      throw new CannotEdit("the item is edited as YAML");
    return dash;
  }

  private pairEnd(pair: Pair): number {
    const value = pair.value as Node | null;
    const key = pair.key as Node;
    if (value?.range && value.range[1] > value.range[0]) return this.contentEnd(value);
    const end = key.range?.[1] ?? 0;
    const colon = /^\s*:/.exec(this.text.slice(end));
    return end + (colon?.[0].length ?? 0);
  }

  /** Where the last thing of a node ends that is neither space nor comment. */
  private contentEnd(node: Node): number {
    if (isMap(node) && !node.flow && node.items.length) return this.pairEnd(node.items.at(-1) as Pair);
    if (isSeq(node) && !node.flow && node.items.length) return this.contentEnd(node.items.at(-1) as Node);
    const end = node.range?.[1] ?? 0;
    const start = node.range?.[0] ?? 0;
    // A block text ends behind its line break.
    return start + this.text.slice(start, end).trimEnd().length;
  }

  private pairText(key: string, value: Json, indent: number): string {
    const name = scalar(key);
    return isBlock(value)
      ? `${name}:${this.newline}${this.block(value, indent + 2)}`
      : `${name}: ${flow(value)}`;
  }

  private itemText(value: Json, indent: number): string {
    if (value === null || typeof value !== "object" || Array.isArray(value) || !Object.keys(value).length) {
      return `- ${flow(value)}`;
    }
    const pairs = Object.entries(value).map(([key, each]) => this.pairText(key, each, indent + 2));
    return `- ${pairs.join(this.newline + " ".repeat(indent + 2))}`;
  }

  private block(value: Json, indent: number): string {
    const pad = " ".repeat(indent);
    if (Array.isArray(value))
      return value.map((each) => pad + this.itemText(each, indent)).join(this.newline);
    return Object.entries(value as Record<string, Json>)
      .map(([key, each]) => pad + this.pairText(key, each, indent))
      .join(this.newline);
  }

  private columnOf(offset: number): number {
    return offset - this.lineStart(offset);
  }

  private lineStart(offset: number): number {
    return this.text.lastIndexOf("\n", offset - 1) + 1;
  }

  private lineEnd(offset: number): number {
    const found = this.text.indexOf("\n", offset);
    if (found < 0) return this.text.length;
    return this.text[found - 1] === "\r" && found > offset ? found - 1 : found;
  }

  /** What ends the line that ends there: it keeps its own, in a file where they differ. */
  private breakAt(offset: number): string {
    if (this.text.startsWith("\r\n", offset)) return "\r\n";
    return this.text[offset] === "\n" ? "\n" : this.newline;
  }

  private isBlankLine(offset: number): boolean {
    return offset >= 0 && !this.text.slice(this.lineStart(offset), this.lineEnd(offset)).trim();
  }
}

function pairOf(map: YAMLMap, key: string | number): Pair | undefined {
  return map.items.find((pair) => keyOf(pair) === String(key));
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

function isOneRange(node: Node): boolean {
  if (isScalar(node)) return true;
  return (isMap(node) || isSeq(node)) && Boolean(node.flow);
}

/** Whether a value is better written over several lines. */
function isBlock(value: Json): boolean {
  if (Array.isArray(value)) return value.some((each) => each !== null && typeof each === "object");
  return value !== null && typeof value === "object" && Object.keys(value).length > 0;
}

/** A value in one line. */
function flow(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const pairs = Object.entries(value).map(([key, each]) => `${scalar(key)}: ${flow(each)}`);
    return pairs.length ? `{${pairs.join(", ")}}` : "{}";
  }
  return scalar(value);
}

// What YAML 1.1 or 1.2 would read as something else than text.
const TAKEN = /^(y|n|yes|no|on|off|true|false|null)$/i;

function scalar(value: string | number | boolean | null): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const plain = /^[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$/.test(value) && !TAKEN.test(value);
  return plain ? value : JSON.stringify(value);
}

export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((each, index) => equal(each, b[index]));
  }
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a) || Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, Json>, b as Record<string, Json>];
  const keys = Object.keys(left ?? {});
  return (
    keys.length === Object.keys(right ?? {}).length &&
    keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]))
  );
}

function at(model: Json | undefined, path: Path): Json | undefined {
  let value: Json | undefined = model;
  for (const key of path) {
    if (value === null || typeof value !== "object") return undefined;
    if (!Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, Json>)[key];
  }
  return value;
}

function put(model: Json, path: Path, value: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(model))
    return model.map((each, index) => (index === key ? put(each, rest, value) : each));
  const map = model !== null && typeof model === "object" ? model : {};
  return { ...map, [key]: put((map as Record<string, Json>)[key] ?? null, rest, value) };
}

function drop(model: Json, path: Path): Json {
  const [key, ...rest] = path;
  if (Array.isArray(model)) {
    return rest.length
      ? model.map((each, index) => (index === key ? drop(each, rest) : each))
      : model.filter((_, index) => index !== key);
  }
  const map = { ...(model as Record<string, Json>) };
  if (rest.length) map[String(key)] = drop(map[String(key)] ?? null, rest);
  else delete map[String(key)];
  return map;
}
