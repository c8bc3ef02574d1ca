import { Component, type ComponentType, lazy, type ReactNode } from "react";
import { Page } from "./basics";

interface Props {
  /** What is shown: where that is another thing, it is tried anew. */
  at: string;
  children: ReactNode;
}

/** Around a page: what it cannot show, or cannot load, takes the page and nothing else. */
export class Boundary extends Component<Props, { error: unknown }> {
  override state = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? "it does not say why" };
  }

  override componentDidUpdate(before: Props) {
    if (before.at !== this.props.at && this.state.error !== null) this.setState({ error: null });
  }

  override render() {
    const { error } = this.state;
    return error === null ? this.props.children : <Broken error={error} />;
  }
}

function Broken({ error }: { error: unknown }) {
  const absent = error instanceof PageAbsent;
  return (
    <Page title="This page cannot be shown">
      <div className="notice bad" role="alert">
        <p>
          {absent
            ? "Its part of the console did not come: the server does not answer, or was started again with another version."
            : "The console has a fault here. What you saved is kept."}
        </p>
        {!absent && <p className="small mono">{String(error)}</p>}
        {/* The whole of it: another version has other parts. */}
        <button type="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </div>
    </Page>
  );
}

class PageAbsent extends Error {}

const TRIES = 4;

/** A page in a part of its own. Asked for again where a network loses it. */
export function loaded(load: () => Promise<{ default: ComponentType }>) {
  return lazy(async () => {
    for (let times = 1; ; times++) {
      try {
        return await load();
      } catch (error) {
        if (times === TRIES) throw new PageAbsent("a part of the console did not come", { cause: error });
        await new Promise((resolve) => setTimeout(resolve, 300 * 2 ** times));
      }
    }
  });
}
