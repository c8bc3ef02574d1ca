/** What a person does on a page, once. */

import { type UseMutationOptions, type UseMutationResult, useMutation } from "@tanstack/react-query";
import { useRef } from "react";

/** As `useMutation`; a second click before the first is answered does nothing, however slow the network is. */
export function useAct<T, V = void>(
  options: UseMutationOptions<T, Error, V>,
): UseMutationResult<T, Error, V> {
  const mutation = useMutation(options);
  const going = useRef(false);
  return {
    ...mutation,
    mutate: (...[what]) => {
      // The button is disabled only once the page is drawn again.
      if (going.current) return;
      going.current = true;
      mutation.mutate(what as V, {
        onSettled: () => {
          going.current = false;
        },
      });
    },
  };
}
