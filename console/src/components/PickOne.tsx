import { type SelectHTMLAttributes, useId, useRef, useState } from "react";

/**
 * A list of which each choice does something. Arrow keys and letters go through a closed list choice by choice, so by
 * keyboard Enter takes the one that is shown; a click takes it at once.
 */
export function PickOne({
  pick,
  now = "",
  children,
  ...rest
}: {
  pick: (value: string) => void;
  /** What is shown before a choice, and after it where the choice changes nothing of that. */
  now?: string;
} & Omit<SelectHTMLAttributes<HTMLSelectElement>, "value" | "onChange">) {
  const hint = useId();
  const byKeys = useRef(false);
  const [shown, setShown] = useState<string | null>(null);
  const take = (value: string) => {
    setShown(null);
    if (value !== now) pick(value);
  };
  return (
    <>
      <select
        {...rest}
        value={shown ?? now}
        aria-describedby={shown === null ? undefined : hint}
        onPointerDown={() => {
          byKeys.current = false;
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && shown !== null) {
            event.preventDefault();
            take(shown);
          } else if (event.key === "Escape" && shown !== null) {
            event.stopPropagation();
            setShown(null);
          } else if (event.key !== "Tab") byKeys.current = true;
        }}
        onBlur={() => {
          byKeys.current = false;
          setShown(null);
        }}
        onChange={(event) => (byKeys.current ? setShown(event.target.value) : take(event.target.value))}
      >
        {children}
      </select>
      {shown !== null && shown !== now && (
        <span className="small muted" id={hint} role="status">
          Enter takes it
        </span>
      )}
    </>
  );
}
