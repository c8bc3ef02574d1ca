/**
 * Text that is neither saved nor thrown away, for as long as the tab lives: who follows a link, goes back or loads the page
 * again finds it as it was. Signing out clears all that the tab has kept.
 */

const PREFIX = "commandcenter.unsaved.";

export interface Unsaved {
  text: string;
  /** Of the version that it began from. */
  etag: string | null;
}

/** Where the text of a workflow is kept; a new one has no name yet. */
export function placeOf(project: number, workflow: string | null): string {
  return `${PREFIX}${project}.${workflow ?? ""}`;
}

export function keep(place: string, unsaved: Unsaved): void {
  try {
    sessionStorage.setItem(place, JSON.stringify(unsaved));
  } catch {
    // Full, or not allowed: the browser still asks before the tab is closed.
  }
}

export function kept(place: string): Unsaved | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(place) ?? "null") as Partial<Unsaved> | null;
    if (typeof found?.text !== "string") return null;
    return { text: found.text, etag: typeof found.etag === "string" ? found.etag : null };
  } catch {
    return null;
  }
}

export function forget(place: string): void {
  sessionStorage.removeItem(place);
}
