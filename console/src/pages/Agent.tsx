import { Page } from "../components/basics";

export default function Agent() {
  return <Page title="Agent">…</Page>;
}
