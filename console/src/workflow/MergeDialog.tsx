import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef, useState } from "react";
import { Dialog } from "../components/Dialog";

interface Props {
  /** As it is deployed now, by somebody else. */
  theirs: string;
  mine: string;
  /** What both began with. */
  base: string;
  close: () => void;
  take: (merged: string) => void;
}

/** Two people changed the same workflow: theirs on the left, one's own on the right, to be made into one. */
export function MergeDialog({ theirs, mine, base, close, take }: Props) {
  const [against, setAgainst] = useState<"theirs" | "base">("theirs");
  const box = useRef<HTMLDivElement>(null);
  const merged = useRef(mine);
  useEffect(() => {
    if (!box.current) return;
    const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
    const common = [EditorView.cspNonce.of(nonce), lineNumbers(), EditorView.lineWrapping];
    const view = new MergeView({
      parent: box.current,
      a: {
        doc: against === "theirs" ? theirs : base,
        extensions: [
          ...common,
          EditorState.readOnly.of(true),
          EditorView.contentAttributes.of({
            "aria-label": against === "theirs" ? "Theirs" : "Before both",
            tabindex: "0",
          }),
        ],
      },
      b: {
        doc: merged.current,
        extensions: [
          ...common,
          EditorView.contentAttributes.of({ "aria-label": "Yours", tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            merged.current = update.state.doc.toString();
          }),
        ],
      },
      revertControls: "a-to-b",
      collapseUnchanged: { margin: 3 },
    });
    return () => view.destroy();
  }, [theirs, base, against]);
  return (
    <Dialog title="Somebody else has changed it" onClose={close}>
      <p>
        Nothing was overwritten. On the left is{" "}
        {against === "theirs" ? "what is deployed now" : "what both began with"}, on the right your text,
        which you may edit here; the arrows take a part over.
      </p>
      <div className="row">
        <button type="button" aria-pressed={against === "theirs"} onClick={() => setAgainst("theirs")}>
          Compare with theirs
        </button>
        <button type="button" aria-pressed={against === "base"} onClick={() => setAgainst("base")}>
          Compare with before
        </button>
      </div>
      <div ref={box} className="merge" />
      <div className="row">
        <button type="button" className="primary" onClick={() => take(merged.current)}>
          Go on with the right side
        </button>
        <button type="button" onClick={() => take(theirs)}>
          Take theirs
        </button>
        <button type="button" onClick={close}>
          Back
        </button>
      </div>
    </Dialog>
  );
}
