/** The text editor. Its document is the workflow; its history is the only one, for canvas and form as well. */

import { autocompletion, type CompletionContext, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, redo, undo } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, type Diagnostic as Mark, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
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

export function createEditor(parent: HTMLElement, text: string, changed: (text: string) => void): EditorView {
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
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
          if (update.docChanged) changed(update.state.doc.toString());
        }),
      ],
    }),
  });
}

/** One step of the history, whoever made it. */
export function applyTo(view: EditorView, edits: Edit[]): void {
  if (edits.length) view.dispatch({ changes: edits, userEvent: "input.form", scrollIntoView: false });
}

export function replaceAll(view: EditorView, text: string): void {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
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

/** What a diagnostic points at. */
export function rangeOf(view: EditorView, each: Diagnostic): { from: number; to: number } {
  const doc = view.state.doc;
  const offset = (line: number, column: number) => {
    const found = doc.line(Math.min(Math.max(1, line), doc.lines));
    return Math.min(found.from + Math.max(0, column - 1), found.to);
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
  const at = Math.min(found.from + Math.max(0, column - 1), found.to);
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
  view.focus();
}

async function fromCompiler(context: CompletionContext) {
  const word = context.matchBefore(/[\w.$-]*/);
  if (!context.explicit && (!word || word.from === word.to)) return null;
  const line = context.state.doc.lineAt(context.pos);
  try {
    const found = await complete(context.state.doc.toString(), line.number, context.pos - line.from + 1);
    if (!found.length) return null;
    return {
      from: word?.from ?? context.pos,
      options: found.map((each) => ({ label: each.label, apply: each.insert, detail: each.detail })),
    };
  } catch {
    return null;
  }
}
