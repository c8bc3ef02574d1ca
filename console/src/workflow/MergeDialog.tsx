import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef, useState } from "react";
import { Dialog } from "../components/Dialog";
import { lineEnds, textOf } from "./editor";

interface Props {
  title: string;
  /** What the person should know first. */
  lead: string;
  /** What the left side is called. */
  left: string;
  theirs: string;
  mine: string;
  /** What both began with, where that is another text. */
  base?: string | null;
  close: () => void;
  take: (merged: string) => void;
}

/** Two texts of one workflow: another one on the left, one's own on the right, to be made into one. */
export function MergeDialog({ title, lead, left, theirs, mine, base = null, close, take }: Props) {
  const [against, setAgainst] = useState<"theirs" | "base">("theirs");
  const other = against === "theirs" ? theirs : (base ?? "");
  const box = useRef<HTMLDivElement>(null);
  const merged = useRef(mine);
  useEffect(() => {
    if (!box.current) return;
    const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
    const common = [EditorView.cspNonce.of(nonce), lineNumbers(), EditorView.lineWrapping];
    const view = new MergeView({
      parent: box.current,
      a: {
        doc: other,
        extensions: [
          ...common,
          lineEnds(other),
          EditorState.readOnly.of(true),
          EditorView.contentAttributes.of({
            "aria-label": against === "theirs" ? left : "Before both",
            tabindex: "0",
          }),
        ],
      },
      b: {
        doc: merged.current,
        extensions: [
          ...common,
          lineEnds(merged.current),
          EditorView.contentAttributes.of({ "aria-label": "Yours", tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            merged.current = textOf(update.state);
          }),
        ],
      },
      revertControls: "a-to-b",
      collapseUnchanged: { margin: 3 },
    });
    return () => view.destroy();
  }, [other, left, against]);
  return (
    <Dialog title={title} onClose={close}>
      <p>
        {lead} On the left is {against === "theirs" ? left : "what both began with"}, on the right your text,
        which you may edit here; the arrows take a part over.
      </p>
      {base !== null && (
        <div className="row">
          <button type="button" aria-pressed={against === "theirs"} onClick={() => setAgainst("theirs")}>
            Compare with theirs
          </button>
          <button type="button" aria-pressed={against === "base"} onClick={() => setAgainst("base")}>
            Compare with before
          </button>
        </div>
      )}
      <div ref={box} className="merge" />
      <div className="row">
        <button type="button" className="primary" onClick={() => take(merged.current)}>
          Go on with the right side
        </button>
        <button type="button" onClick={() => take(theirs)}>
          Take the left side
        </button>
        <button type="button" onClick={close}>
          Back
        </button>
      </div>
    </Dialog>
  );
}
