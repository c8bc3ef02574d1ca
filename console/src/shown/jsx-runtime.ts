/**
 * React's JSX, with all text made visible before it gets to a page (see `visible.ts`).
 *
 * The compiler uses this one (`jsxImportSource`), so that no page can forget it. What people type is no child of an
 * element and stays as it is.
 */

import * as React from "react/jsx-runtime";
import { visible } from "./visible";

export type { JSX } from "react/jsx-runtime";
export { Fragment } from "react/jsx-runtime";

type Props = Record<string, unknown>;

const NAMES = ["title", "aria-label", "label", "alt"];

function shown(child: unknown): unknown {
  if (typeof child === "string") return visible(child);
  return Array.isArray(child) ? child.map(shown) : child;
}

function safe(type: unknown, given: unknown): Props {
  const props = (given ?? {}) as Props;
  const changed: Props = {};
  for (const name of NAMES) {
    const text = props[name];
    if (typeof text === "string" && visible(text) !== text) changed[name] = visible(text);
  }
  const { children } = props;
  if (typeof children === "string") {
    const text = visible(children);
    if (text !== children) {
      changed.children = text;
      // What an option stands for is not what it shows.
      if (type === "option" && props.value === undefined) changed.value = children;
    }
  } else if (
    Array.isArray(children) &&
    children.some((each) => typeof each === "string" || Array.isArray(each))
  )
    changed.children = shown(children);
  return Object.keys(changed).length ? { ...props, ...changed } : props;
}

export const jsx: typeof React.jsx = (type, props, key) => React.jsx(type, safe(type, props), key);
export const jsxs: typeof React.jsxs = (type, props, key) => React.jsxs(type, safe(type, props), key);
