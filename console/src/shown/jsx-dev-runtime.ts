/** The same while developing: see `jsx-runtime.ts`. */

import { Fragment, jsx, jsxs } from "./jsx-runtime";

export type { JSX } from "react/jsx-runtime";
export { Fragment };

export function jsxDEV(type: Parameters<typeof jsx>[0], props: unknown, key?: string, several?: boolean) {
  return (several ? jsxs : jsx)(type, props, key);
}
