import { Page } from "../components/basics";

export default function Runs() {
  return <Page title="Runs">…</Page>;
}
