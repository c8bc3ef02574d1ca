import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { get } from "../api/client";
import type { VersionAnswer, VersionDetail } from "../api/schema";
import { Ago, Failure, Loading } from "../components/basics";
import { Dialog } from "../components/Dialog";
import { MergeDialog } from "./MergeDialog";

/** All versions of a workflow; the text of one beside that of the editor, to be taken over as a whole or in parts. */
export function VersionsDialog({
  name,
  mine,
  close,
  take,
}: {
  name: string;
  mine: string;
  close: () => void;
  take: (text: string) => void;
}) {
  const at = `workflows/${encodeURIComponent(name)}/versions`;
  const [chosen, setChosen] = useState<number | null>(null);
  const versions = useQuery({
    queryKey: ["workflows", name, "versions"],
    queryFn: ({ signal }) => get<VersionAnswer[]>(at, undefined, signal),
  });
  const shown = useQuery({
    queryKey: ["workflows", name, "versions", chosen],
    enabled: chosen !== null,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => get<VersionDetail>(`${at}/${chosen}`, undefined, signal),
  });
  if (chosen !== null && shown.data) {
    return (
      <MergeDialog
        title={`Version ${chosen} beside your text`}
        lead="Nothing is saved by this."
        left={`Version ${chosen}`}
        theirs={shown.data.source ?? ""}
        mine={mine}
        close={close}
        take={take}
      />
    );
  }
  return (
    <Dialog title={`Versions of ${name}`} onClose={close}>
      {(versions.isPending || (chosen !== null && shown.isPending)) && <Loading />}
      {versions.error && <Failure error={versions.error} retry={() => versions.refetch()} />}
      {shown.error && <Failure error={shown.error} retry={() => shown.refetch()} />}
      {versions.data && (
        <div className="tablebox">
          <table>
            <caption className="visually-hidden">Versions, the newest first</caption>
            <thead>
              <tr>
                <th scope="col">Version</th>
                <th scope="col">Saved</th>
                <th scope="col">Plan</th>
                <th scope="col">
                  <span className="visually-hidden">Acts</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {versions.data.map((each) => (
                <tr key={each.number}>
                  <td>{each.number}</td>
                  <td>
                    <Ago at={each.savedAt} /> {each.savedBy && `by ${each.savedBy}`}
                  </td>
                  <td>
                    <code>{each.planDigest.slice(0, 19)}</code>
                  </td>
                  <td>
                    {each.hasSource ? (
                      <button
                        type="button"
                        className="tiny"
                        aria-label={`Compare version ${each.number}`}
                        onClick={() => setChosen(each.number)}
                      >
                        Compare …
                      </button>
                    ) : (
                      <span className="small muted">only its plan is kept</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div className="row">
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
