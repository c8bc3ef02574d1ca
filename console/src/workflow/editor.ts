/** The text editor. Its document is the workflow; its history is the only one, for canvas and form as well. */

import { autocompletion, type CompletionContext, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, redo, undo } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, type Diagnostic as Mark, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, Text } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { complete } from "../api/compile";
import type { Diagnostic } from "../api/types";
import type { Edit } from "./yamlEdit";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--blue)" },
  { tag: tags.string, color: "var(--green)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--yellow)" },
]);

const looks = EditorView.theme({
  "&": { backgroundColor: "var(--panel)", color: "var(--text)" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--muted)", border: "none" },
  ".cm-activeLine": { backgroundColor: "var(--sunken)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": {
    backgroundColor: "var(--panel)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent)",
    color: "var(--accent-text)",
  },
});

/**
 * What ends the lines of a text, for its editor, which would make all of them `\n`; null: that. Where they end in several
 * ways, those of the others are characters of their lines.
 */
function endOf(text: string): "\n" | "\r\n" | null {
  if (!text.includes("\r")) return null;
  return /(^|[^\r])\n|\r(?!\n)/.test(text) ? "\n" : "\r\n";
}

/** Keeps the ends of the lines of a text as they are. */
export function lineEnds(text: string): Extension {
  const end = endOf(text);
  if (end === null) return [];
  return [
    EditorState.lineSeparator.of(end),
    EditorView.clipboardInputFilter.of((pasted) => pasted.replace(/\r\n?|\n/g, end)),
  ];
}

const ends = new Compartment();

/** The text of an editor, character by character as it is kept. */
export function textOf(state: EditorState): string {
  return state.sliceDoc();
}

export function createEditor(parent: HTMLElement, text: string, changed: (text: string) => void): EditorView {
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        ends.of(lineEnds(text)),
        EditorView.cspNonce.of(nonce),
        EditorView.contentAttributes.of({ "aria-label": "Workflow as YAML", tabindex: "0" }),
        lineNumbers(),
        history(),
        drawSelection(),
        highlightSpecialChars(),
        highlightActiveLine(),
        bracketMatching(),
        highlightSelectionMatches(),
        lintGutter(),
        indentUnit.of("  "),
        yaml(),
        syntaxHighlighting(colours),
        looks,
        autocompletion({ override: [fromCompiler] }),
        keymap.of([...completionKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(textOf(update.state));
        }),
      ],
    }),
  });
}

/** One step of the history, whoever made it. */
export function applyTo(view: EditorView, edits: Edit[]): void {
  if (!edits.length) return;
  const changes = placesIn(view.state, edits);
  view.dispatch({ changes, userEvent: "input.form", scrollIntoView: false });
}

/** Edits of the text, as edits of a document in which each end of a line is one character. */
export function placesIn(state: EditorState, edits: Edit[]): Edit[] {
  const text = textOf(state);
  if (text.length === state.doc.length) return edits;
  const place = (offset: number) => offset - (text.slice(0, offset).match(/\r\n/g)?.length ?? 0);
  return edits.map(({ from, to, insert }) => ({ from: place(from), to: place(to), insert }));
}

export function replaceAll(view: EditorView, text: string): void {
  const insert = Text.of(text.split(endOf(text) ?? "\n"));
  const changes = { from: 0, to: view.state.doc.length, insert };
  view.dispatch({ changes, effects: ends.reconfigure(lineEnds(text)) });
}

export { redo, undo };

export function showDiagnostics(view: EditorView, diagnostics: Diagnostic[]): void {
  const marks = diagnostics.map(
    (each): Mark => ({
      ...rangeOf(view, each),
      severity: severityOf(each),
      message: [each.message, fixOf(each)].filter(Boolean).join("\n"),
      source: each.code,
    }),
  );
  view.dispatch(setDiagnostics(view.state, marks));
}

/** The compiler counts characters; a text here is counted in units of UTF-16, of which an emoji has two. */
export function unitsBefore(line: string, column: number): number {
  return [...line].slice(0, Math.max(0, column - 1)).join("").length;
}

/** The compiler's column of a place in a line. */
export function columnOf(line: string, units: number): number {
  return [...line.slice(0, units)].length + 1;
}

/** What a diagnostic points at. */
export function rangeOf(view: EditorView, each: Diagnostic): { from: number; to: number } {
  const doc = view.state.doc;
  const offset = (line: number, column: number) => {
    const found = doc.line(Math.min(Math.max(1, line), doc.lines));
    return Math.min(found.from + unitsBefore(found.text, column), found.to);
  };
  const from = offset(each.line, each.column);
  return { from, to: Math.max(from, offset(each.endLine, each.endColumn)) };
}

/** The text that fixes it, in place of what it points at; null where none is known. */
export function replacementOf(each: Diagnostic): string | null {
  return each.fix ? each.fix.text : null;
}

export function severityOf(each: Diagnostic): "error" | "warning" | "info" {
  const severity = each.severity.toLowerCase();
  return severity === "error" ? "error" : severity === "warning" ? "warning" : "info";
}

export function fixOf(each: Diagnostic): string {
  return each.hint || (each.fix?.title ?? "");
}

export function reveal(view: EditorView, line: number, column: number): void {
  const found = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
  const at = Math.min(found.from + unitsBefore(found.text, column), found.to);
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
  view.focus();
}

async function fromCompiler(context: CompletionContext) {
  const word = context.matchBefore(/[\w.$-]*/);
  if (!context.explicit && (!word || word.from === word.to)) return null;
  const line = context.state.doc.lineAt(context.pos);
  try {
    const column = columnOf(line.text, context.pos - line.from);
    const found = await complete(textOf(context.state), line.number, column);
    if (!found.length) return null;
    return {
      from: word?.from ?? context.pos,
      options: found.map((each) => ({ label: each.label, apply: each.insert, detail: each.detail })),
    };
  } catch {
    return null;
  }
}
