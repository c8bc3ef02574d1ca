import { Page } from "../components/basics";

export default function Events() {
  return <Page title="Events">…</Page>;
}
