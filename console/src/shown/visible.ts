/** Text from outside may hold characters that nobody sees, or that turn the order of others around. */

// Control characters but tab and newline; those that write right to left, and marks and isolates of that; spaces of no
// width and joiners; separators of lines; tags, which carry hidden text.
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|(?<=[\u0000-\u007f]|^)\u200d/gu;

/** The same text with each of them by its number, as `⟨U+202E⟩`: what is read is what is there. */
export function visible(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(
      HIDDEN,
      (found) => `⟨U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`,
    );
}

/** A line of a log without the colours of a terminal; its other characters are left. */
export function uncoloured(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour
  return line.replace(/\u001b\[[0-9;]*m/g, "");
}
