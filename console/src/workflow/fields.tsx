import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import type { Json } from "../api/types";
import { isObject } from "../text/json";
import type { Path } from "./yamlEdit";

/** What the form has no better way for. */
export function JsonField({
  id,
  value,
  set,
}: {
  id: string;
  value: Json | undefined;
  set: (value: Json | undefined) => void;
}) {
  const [bad, setBad] = useState(false);
  return (
    <>
      <Typed
        id={id}
        area
        placeholder="JSON"
        shown={value === undefined ? "" : JSON.stringify(value, null, 2)}
        commit={(text) => {
          try {
            set(text.trim() ? (JSON.parse(text) as Json) : undefined);
            setBad(false);
          } catch {
            setBad(true);
          }
        }}
      />
      {bad && (
        <span className="small tone-red" role="alert">
          This is not valid JSON; it was not taken over.
        </span>
      )}
    </>
  );
}

/** A field whose text is taken over when it is left or Enter is pressed: one step of the history each. */
export function Typed({
  id,
  shown,
  commit,
  area = false,
  placeholder,
}: {
  id: string;
  shown: string;
  commit: (text: string) => void;
  area?: boolean;
  placeholder?: string;
}) {
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const done = () => {
    if (text !== shown) commit(text);
  };
  if (area) {
    return (
      <textarea
        id={id}
        value={text}
        placeholder={placeholder}
        onChange={(event) => setText(event.target.value)}
        onBlur={done}
      />
    );
  }
  return (
    <input
      id={id}
      type="text"
      value={text}
      placeholder={placeholder}
      onChange={(event) => setText(event.target.value)}
      onBlur={done}
      onKeyDown={(event) => event.key === "Enter" && done()}
    />
  );
}

export function TextField({
  label,
  value,
  commit,
}: {
  label: string;
  value: string;
  commit: (text: string) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className="small">
        <strong>{label}</strong>
      </label>
      <Typed id={id} shown={value} commit={commit} />
    </div>
  );
}

/** A whole or other number; what is none is not taken over, and said. */
export function NumberField({
  label,
  value,
  unset,
  whole = false,
  commit,
}: {
  label: string;
  value: Json | undefined;
  unset: string;
  whole?: boolean;
  commit: (value: number | undefined) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className="small">
        <strong>{label}</strong>
      </label>
      <NumberInput id={id} value={value} unset={unset} whole={whole} commit={commit} />
    </div>
  );
}

/** The same without its label. */
export function NumberInput({
  id,
  value,
  unset,
  whole,
  commit,
}: {
  id: string;
  value: Json | undefined;
  unset: string;
  whole: boolean;
  commit: (value: number | undefined) => void;
}) {
  const [bad, setBad] = useState("");
  return (
    <>
      <Typed
        id={id}
        shown={value === undefined || value === null ? "" : String(value)}
        placeholder={unset}
        commit={(text) => {
          const given = Number(text);
          const fits = whole ? Number.isInteger(given) : Number.isFinite(given);
          setBad(fits ? "" : text);
          if (fits) commit(text.trim() === "" ? undefined : given);
        }}
      />
      {bad && (
        <span className="small tone-red" role="alert">
          {bad} is no {whole ? "whole number" : "number"}; it was not taken over.
        </span>
      )}
    </>
  );
}

/** Names with commas between them. Left empty, the field is not written. */
export function NamesField({
  label,
  value,
  none = "",
  commit,
}: {
  label: string;
  value: Json | undefined;
  /** A word for an empty list, where that says something else than no list. */
  none?: string;
  commit: (names: string[] | undefined) => void;
}) {
  return (
    <TextField
      label={label}
      value={Array.isArray(value) && value.length === 0 ? none : namesIn(value).join(", ")}
      commit={(text) => {
        if (none && text.trim() === none) {
          commit([]);
          return;
        }
        const given = text.split(",").map((name) => name.trim());
        const names = [...new Set(given.filter(Boolean))];
        commit(names.length ? names : undefined);
      }}
    />
  );
}

export function namesIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? [value] : [];
}

/** One of several words; the first, empty one is what holds where nothing is written. */
export function ChoiceField({
  label,
  value,
  choices,
  commit,
}: {
  label: string;
  value: Json | undefined;
  choices: Array<readonly [value: string, words: string]>;
  commit: (value: string | undefined) => void;
}) {
  const id = useId();
  const now = value === undefined || value === null ? "" : String(value);
  return (
    <div className="field">
      <label htmlFor={id} className="small">
        <strong>{label}</strong>
      </label>
      <select id={id} value={now} onChange={(event) => commit(event.target.value || undefined)}>
        {choices.map(([each, words]) => (
          <option key={each} value={each}>
            {words}
          </option>
        ))}
        {!choices.some(([each]) => each === now) && <option>{now}</option>}
      </select>
    </div>
  );
}

/** Text as it is, everything else as JSON: what a person types into a field whose type is not known. */
export function shownOf(value: Json | undefined): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

/** The opposite of `shownOf`. */
export function typedOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** Names with a value each; one that is given a name and a value is added, one that is left empty goes. */
export function Pairs({
  title,
  names,
  value,
  path,
  words,
  set,
}: {
  title: string;
  value: Json | undefined;
  path: Path;
  /** What a name and a value are called, and what the button does. */
  words: readonly [name: string, value: string, add: string];
  /** What the form has fields of its own for. */
  names?: ReadonlySet<string>;
  set: (path: Path, value: Json | undefined) => void;
}) {
  const [name, setName] = useState("");
  const [given, setGiven] = useState("");
  const first = useRef<HTMLInputElement>(null);
  const pairs = Object.entries(isObject(value) ? (value as Record<string, Json>) : {});
  return (
    <fieldset className="formfield">
      <legend className="small">
        <strong>{title}</strong>
      </legend>
      {pairs
        .filter(([field]) => !names?.has(field))
        .map(([field, each]) => (
          <div key={field} className="row nowrap">
            <div className="grow">
              <TextField
                label={field}
                value={shownOf(each)}
                commit={(text) =>
                  set([...path, field], typeof each === "string" ? text || undefined : typedOf(text))
                }
              />
            </div>
            <button
              type="button"
              className="tiny"
              aria-label={`Remove ${field}`}
              onClick={() => set([...path, field], undefined)}
            >
              Remove
            </button>
          </div>
        ))}
      <div className="row">
        <input
          ref={first}
          type="text"
          aria-label={words[0]}
          placeholder={words[0].toLowerCase()}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <input
          type="text"
          aria-label={words[1]}
          placeholder={words[1].toLowerCase()}
          value={given}
          onChange={(event) => setGiven(event.target.value)}
        />
        <button
          type="button"
          disabled={!name.trim() || !given}
          onClick={() => {
            set([...path, name.trim()], typedOf(given));
            setName("");
            setGiven("");
            // The button is of no use until the next pair is typed.
            first.current?.focus();
          }}
        >
          {words[2]}
        </button>
      </div>
    </fieldset>
  );
}

/** Fields that most do without: open where one of them is used already, and then as the person leaves it. */
export function MoreFields({
  title,
  used,
  children,
}: {
  title: string;
  /** Those of them that are written. */
  used: string[];
  children: ReactNode;
}) {
  const [open, setOpen] = useState(used.length > 0);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <strong>{title}</strong>
        {used.length > 0 && <span className="small muted"> {used.join(", ")}</span>}
      </summary>
      <div className="stack">{children}</div>
    </details>
  );
}
