/**
 * Lines of a file -> the same lines in pieces, each with its part of speech, for colours.
 *
 * Code that is shown comes from outside. A piece is text and a word of a fixed list, never markup; where the pieces do not
 * make up exactly the text that was given, there are none.
 */

import type { LanguageFn } from "highlight.js";
import { createLowlight } from "lowlight";

export type Speech = "word" | "text" | "comment" | "name" | "";
export interface Piece {
  text: string;
  speech: Speech;
}
export type Colour = (lines: string[]) => Piece[][] | undefined;

/** Longer texts and lines stay without colours: they would hold up the page. */
const MOST_CHARACTERS = 100_000;
const LONGEST_LINE = 2_000;

const LANGUAGES: Record<string, () => Promise<{ default: LanguageFn }>> = {
  bash: () => import("highlight.js/lib/languages/bash"),
  c: () => import("highlight.js/lib/languages/c"),
  cpp: () => import("highlight.js/lib/languages/cpp"),
  csharp: () => import("highlight.js/lib/languages/csharp"),
  css: () => import("highlight.js/lib/languages/css"),
  dockerfile: () => import("highlight.js/lib/languages/dockerfile"),
  go: () => import("highlight.js/lib/languages/go"),
  ini: () => import("highlight.js/lib/languages/ini"),
  java: () => import("highlight.js/lib/languages/java"),
  javascript: () => import("highlight.js/lib/languages/javascript"),
  json: () => import("highlight.js/lib/languages/json"),
  kotlin: () => import("highlight.js/lib/languages/kotlin"),
  makefile: () => import("highlight.js/lib/languages/makefile"),
  php: () => import("highlight.js/lib/languages/php"),
  python: () => import("highlight.js/lib/languages/python"),
  ruby: () => import("highlight.js/lib/languages/ruby"),
  rust: () => import("highlight.js/lib/languages/rust"),
  sql: () => import("highlight.js/lib/languages/sql"),
  typescript: () => import("highlight.js/lib/languages/typescript"),
  xml: () => import("highlight.js/lib/languages/xml"),
  yaml: () => import("highlight.js/lib/languages/yaml"),
};

const ENDINGS = new Map<string, string>(
  Object.entries({
    bash: "sh bash zsh ksh",
    c: "c h",
    cpp: "cc cpp cxx hpp hh",
    csharp: "cs",
    css: "css",
    dockerfile: "dockerfile containerfile",
    go: "go",
    // Terraform's language reads well enough as this one.
    ini: "ini cfg toml conf properties env tf tfvars hcl",
    java: "java",
    javascript: "js mjs cjs jsx",
    json: "json",
    kotlin: "kt kts",
    makefile: "mk makefile",
    php: "php phtml",
    python: "py pyi",
    ruby: "rb rake gemfile rakefile",
    rust: "rs",
    sql: "sql",
    typescript: "ts tsx mts cts",
    xml: "xml html htm xhtml svg vue csproj jsp",
    yaml: "yaml yml",
  }).flatMap(([language, endings]) => endings.split(" ").map((ending) => [ending, language])),
);

const SPEECH: [RegExp, Speech][] = [
  [/hljs-(comment|quote|meta)/, "comment"],
  [/hljs-(string|regexp|char|symbol|link)/, "text"],
  [/hljs-(keyword|literal|number|built_in|type|operator|selector-tag|section)/, "word"],
  [/hljs-(title|attr|attribute|name|property|variable|params)/, "name"],
];

/** The language of a file by its name; undefined: none that is known here. */
export function languageOf(path: string): string | undefined {
  const name = (path.split("/").pop() ?? "").toLowerCase();
  const ending = name.split(".").pop() ?? "";
  return ENDINGS.get(ending) ?? ENDINGS.get(name.split(".")[0] ?? "");
}

/** What colours lines of that language; loaded when it is needed first. */
export async function colourOf(language: string): Promise<Colour | undefined> {
  const load = LANGUAGES[language];
  if (!load) return undefined;
  const lowlight = createLowlight();
  lowlight.register(language, (await load()).default);
  return (lines) => inPieces(lines, (text) => lowlight.highlight(language, text));
}

interface Hast {
  type: string;
  value?: string;
  properties?: { className?: unknown };
  children?: Hast[];
}

/** `parse`: text -> a tree as lowlight makes it. Undefined: too much, or not the same text. */
export function inPieces(lines: string[], parse: (text: string) => unknown): Piece[][] | undefined {
  const text = lines.join("\n");
  if (text.length > MOST_CHARACTERS || lines.some((line) => line.length > LONGEST_LINE)) return undefined;
  const found: Piece[][] = [[]];
  const add = (piece: string, speech: Speech) => {
    piece.split("\n").forEach((part, index) => {
      if (index > 0) found.push([]);
      const line = found[found.length - 1];
      const last = line?.[line.length - 1];
      if (last && last.speech === speech) last.text += part;
      else if (part) line?.push({ text: part, speech });
    });
  };
  const walk = (node: Hast, speech: Speech) => {
    if (node.type === "text") add(node.value ?? "", speech);
    const words = node.properties?.className;
    const own = Array.isArray(words) ? words.join(" ") : "";
    const mine = SPEECH.find(([pattern]) => pattern.test(own))?.[1] ?? speech;
    for (const child of node.children ?? []) walk(child, mine);
  };
  walk(parse(text) as Hast, "");
  const same =
    found.length === lines.length &&
    found.every((line, index) => line.map((each) => each.text).join("") === lines[index]);
  return same ? found : undefined;
}
