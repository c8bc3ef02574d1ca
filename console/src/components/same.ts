/** What keeps large pages quick: the same object for the same thing, so that nothing of it is drawn again. */

import { replaceEqualDeep } from "@tanstack/react-query";
import { useCallback, useLayoutEffect, useRef } from "react";

/** A function that makes something of an object, once for each object. */
export function remembered<From extends object, Made>(make: (from: From) => Made): (from: From) => Made {
  const known = new WeakMap<From, Made>();
  return (from) => {
    const found = known.get(from);
    if (found !== undefined) return found;
    const made = make(from);
    known.set(from, made);
    return made;
  };
}

/** The value, with the objects of the time before wherever they are equal. */
export function useSame<Value>(value: Value): Value {
  const before = useRef(value);
  const same = replaceEqualDeep(before.current, value);
  before.current = same;
  return same;
}

/** One function for as long as the component lives, which does what the newest one does. For handlers of events. */
export function useStable<Given extends unknown[]>(
  act: (...given: Given) => void,
): (...given: Given) => void {
  const newest = useRef(act);
  useLayoutEffect(() => {
    newest.current = act;
  });
  return useCallback((...given: Given) => newest.current(...given), []);
}
